"""What the seats of a generation paint of one prompt, and what judges make of it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    from ..judges import Score


@dataclass(frozen=True)
class GeneratedImages:
    """What one seat paints, or the message of why it paints nothing.

    `pictures` are RGB and finished. `previews` stand in for them on the way there: RGB, and no larger than the latents.
    `scores` holds for each picture the score of every judge; it is empty where nobody judged. `unjudged` says that a
    judge of the profile is missing, so that what the others let pass is not known to be safe.
    """

    pictures: tuple["Image.Image", ...] = ()
    previews: tuple["Image.Image", ...] = ()
    scores: tuple[tuple["Score", ...], ...] = ()
    unjudged: bool = False
    error: str | None = None

    def flagged(self, i: int) -> bool | None:
        """Whether any judge calls picture i harmful; None where none does and not all of them looked at it."""
        scores = self.scores[i] if i < len(self.scores) else ()
        if any(score.harmful for score in scores):
            return True
        return None if self.unjudged or not scores else False


@dataclass(frozen=True)
class GenerationComparison(Mapping[str, GeneratedImages]):
    """Seat key → painting, in the profile's order; of a safety dial, position ("0.25") → painting.

    Picture i of every seat starts from the noise of `seed` + i. `step` counts the denoising steps done. `done` is False
    while a stream is still painting; a run that was `stopped` has previews and no pictures. Sizes are in px.
    """

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance: float
    width: int
    height: int
    pictures: int
    paintings: dict[str, GeneratedImages]
    step: int = 0
    notes: tuple[str, ...] = ()
    done: bool = True
    stopped: bool = False

    def __getitem__(self, key: str) -> GeneratedImages:
        return self.paintings[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.paintings)

    def __len__(self) -> int:
        return len(self.paintings)

    def to_dict(self) -> dict[str, Any]:
        """All but the pictures as plain JSON values."""
        seats = {
            key: {
                "pictures": len(painting.pictures),
                "flagged": [painting.flagged(i) for i in range(len(painting.pictures))],
                "scores": [[asdict(score) | {"harmful": score.harmful} for score in row] for row in painting.scores],
                "error": painting.error,
            }
            for key, painting in self.paintings.items()
        }
        names = ("prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height", "pictures")
        settings = {name: getattr(self, name) for name in names}
        return {**settings, "seats": seats, "notes": list(self.notes), "stopped": self.stopped}
