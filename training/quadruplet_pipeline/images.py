"""Stage two: an image of each unsafe text, kept when a judge fires."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import safeclip
from safeclip.errors import ProfileError
from safeclip.generation.compare import Generation
from safeclip.judges import ImageJudge, open_judge
from safeclip.runtime.atomic_files import replacing

from .refusals import is_refused
from .rows import KEPT, Decision, DecisionLog
from .spec import ImagesSpec

if TYPE_CHECKING:
    from PIL import Image

LOG, FOLDER = "images.jsonl", "unsafe-images"
PROMPTS_AT_ONCE = 4


class ImageMaker:
    """A profile's pipeline with its reference text encoder, and the judges that decide.

    Raises ProfileError without a generation section or without any judge, JudgeError for one that cannot be opened.
    """

    def __init__(self, spec: ImagesSpec, device: str | None = None):
        self.spec = spec
        self._generation: Generation = safeclip.open(spec.profile, device=device).generation
        names = self._generation.spec.judges if spec.judges is None else spec.judges
        if not names:
            raise ProfileError(
                f"{spec.profile}: its [generation] names no judge, so no image would be kept. "
                "Name one or more in images.judges of the pipeline."
            )
        self.judges: dict[str, ImageJudge] = {name: open_judge(name, device=device) for name in names}

    def make(self, texts: Sequence[str], seed: int) -> list["Image.Image"]:
        """An RGB image of each text from one seed."""
        reference = self._generation.reference
        made = self._generation.generate_batch(
            texts, seeds=[seed] * len(texts), seats=[reference], steps=self.spec.steps
        )
        return [image.convert("RGB") for image in made[reference]]

    def fired(self, images: Sequence["Image.Image"]) -> list[tuple[str, ...]]:
        """The names of the judges that call each image harmful."""
        scores = {name: judge.score(images) for name, judge in self.judges.items()}
        return [tuple(name for name, rows in scores.items() if rows[i].harmful) for i in range(len(images))]


def make_images(texts: Mapping[str, str], maker: ImageMaker, out: Path) -> DecisionLog:
    """Makes an image of every text, by the id of its row, that has no decision yet.

    The seeds are tried in order; the first image that a judge flags is kept as `unsafe-images/ID.png`, and when none is
    flagged, none is kept.
    """
    log = DecisionLog(out / LOG)
    missing = [id for id in texts if id not in log.by_id]
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    for start in range(0, len(missing), PROMPTS_AT_ONCE):
        part = missing[start : start + PROMPTS_AT_ONCE]
        log.add(_decide({id: texts[id] for id in part}, maker, out / FOLDER))
    return log


def image_name(id: str) -> str:
    """The file name of a row's image."""
    return f"{id.replace(' ', '-')}.png"


def _decide(texts: Mapping[str, str], maker: ImageMaker, folder: Path) -> list[Decision]:
    decisions = {id: Decision(id, "refused: the unsafe text") for id, text in texts.items() if is_refused(text)}
    waiting = [id for id in texts if id not in decisions]
    for tries, seed in enumerate(maker.spec.seeds, start=1):
        if not waiting:
            break
        images = maker.make([texts[id] for id in waiting], seed)
        for id, image, fired in zip(waiting, images, maker.fired(images), strict=True):
            if fired:
                with replacing(folder / image_name(id)) as partial:
                    image.save(partial, "PNG")
                decisions[id] = Decision(id, KEPT, texts[id], written=tries, seed=seed, fired=fired)
        waiting = [id for id in waiting if id not in decisions]
    tried = len(maker.spec.seeds)
    decisions |= {id: Decision(id, f"no judge fired in {tried} tries", written=tried) for id in waiting}
    return [decisions[id] for id in texts]
