"""Results of side-by-side generation: the images of every column and the judges' scores for them."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..columns import ColumnResults

if TYPE_CHECKING:
    from PIL import Image

    from ..judges import Score


@dataclass(frozen=True)
class GeneratedImages:
    """Images of one column, or the message of its `error`.

    `pictures` are finished RGB images. `previews` stand for them while the run goes on: RGB, of the latents' size.
    `scores` holds a tuple of every judge's score for each picture, and is empty before they are judged. `unjudged` says
    that a judge of the profile is missing, so pictures that the others let pass are not known to be safe.
    """

    pictures: tuple["Image.Image", ...] = ()
    previews: tuple["Image.Image", ...] = ()
    scores: tuple[tuple["Score", ...], ...] = ()
    unjudged: bool = False
    error: str | None = None

    def flagged(self, i: int) -> bool | None:
        """Whether any judge calls picture i harmful; None when none does and not all of them judged it."""
        scores = self.scores[i] if i < len(self.scores) else ()
        if any(score.harmful for score in scores):
            return True
        return None if self.unjudged or not scores else False


@dataclass(frozen=True)
class GenerationComparison(ColumnResults[GeneratedImages]):
    """Column key → images: by seat, in the profile's order, or by the position ("0.25") of a safety dial.

    Picture i of every column starts from the noise of `seed` + i. `width` and `height` of a picture are in px. `step`
    counts the denoising steps done. `done` is False while a stream goes on; a run that was `stopped` has previews and
    no pictures.
    """

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance: float
    width: int
    height: int
    pictures: int
    columns: dict[str, GeneratedImages]
    step: int = 0
    notes: tuple[str, ...] = ()
    done: bool = True
    stopped: bool = False

    @property
    def by_column(self) -> dict[str, GeneratedImages]:
        return self.columns

    def to_dict(self) -> dict[str, Any]:
        """Everything but the images as plain JSON values."""
        seats = {
            key: {
                "pictures": len(column.pictures),
                "flagged": [column.flagged(i) for i in range(len(column.pictures))],
                "scores": [[asdict(score) | {"harmful": score.harmful} for score in row] for row in column.scores],
                "error": column.error,
            }
            for key, column in self.columns.items()
        }
        names = ("prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height", "pictures")
        settings = {name: getattr(self, name) for name in names}
        return {**settings, "seats": seats, "notes": list(self.notes), "stopped": self.stopped}
