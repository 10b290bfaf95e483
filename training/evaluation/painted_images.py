"""Pictures painted for an evaluation, kept as files: a killed run goes on with those that are missing."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from safeclip.generation.compare import Generation
from safeclip.hashing import content_id, json_sha256


class PaintedPictures:
    """One picture of every seat for each prompt, below a folder that one set of models and settings has for itself.

    `steps` None is the profile's. Raises CheckpointError when there is no pipeline.
    """

    def __init__(self, generation: Generation, work: Path, *, steps: int | None = None):
        self.steps = generation.spec.steps if steps is None else steps
        self.guidance = generation.spec.guidance
        self._generation = generation
        self._folder = work / json_sha256([generation.fingerprint, self.steps, self.guidance])[:16]

    def pictures(self, prompts: Sequence[str], seeds: Sequence[int]) -> dict[str, list[Image.Image]]:
        """Seat key → n pictures, RGB: picture i is painted for prompt i from seed i, unless it is there already.

        Raises SafeClipError when a seat cannot paint, OSError when the folder cannot be written to.
        """
        asked = list(zip(prompts, seeds, strict=True))
        found = {ask: self._find(*ask) for ask in asked}
        missing = [ask for ask, pictures in found.items() if pictures is None]
        if missing:
            painted = self._generation.paint_batch(
                [prompt for prompt, _ in missing],
                seeds=[seed for _, seed in missing],
                steps=self.steps,
                guidance=self.guidance,
            )
            for i, ask in enumerate(missing):
                found[ask] = {seat: pictures[i].convert("RGB") for seat, pictures in painted.items()}
                for seat, picture in found[ask].items():
                    self._keep(self._path(seat, *ask), picture)
        return {seat: [found[ask][seat] for ask in asked] for seat in self._generation.seats}

    def _find(self, prompt: str, seed: int) -> dict[str, Image.Image] | None:
        """The kept pictures of all seats, or None when one is missing or damaged."""
        found = {}
        for seat in self._generation.seats:
            try:
                with Image.open(self._path(seat, prompt, seed), formats=("PNG",)) as picture:
                    found[seat] = picture.convert("RGB")
            except Exception:  # a torn file leads Pillow to many kinds
                return None
        return found

    def _path(self, seat: str, prompt: str, seed: int) -> Path:
        return self._folder / seat / f"{seed:05}-{content_id(prompt)}.png"

    @staticmethod
    def _keep(path: Path, picture: Image.Image) -> None:
        """Written whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            picture.save(file, "PNG")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
