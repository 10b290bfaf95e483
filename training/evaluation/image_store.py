"""Images generated for an evaluation, kept as files, so that a killed run generates only those that are missing."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from safeclip.generation.compare import Generation
from safeclip.hashing import content_id, json_sha256
from safeclip.runtime.atomic_files import replacing


class GeneratedImageStore:
    """One image of every seat for each prompt, in a folder that belongs to one set of models and settings.

    `steps` None is the profile's. Raises CheckpointError when there is no pipeline.
    """

    def __init__(self, generation: Generation, work: Path, *, steps: int | None = None):
        self.steps = generation.spec.steps if steps is None else steps
        self.guidance = generation.spec.guidance
        self._generation = generation
        self._folder = work / json_sha256([generation.fingerprint, self.steps, self.guidance])[:16]

    def images(self, prompts: Sequence[str], seeds: Sequence[int]) -> dict[str, list[Image.Image]]:
        """Seat key → n RGB images: image i is generated for prompt i from seed i, unless it is kept already.

        Raises SafeClipError when a seat cannot generate, OSError when the folder cannot be written to.
        """
        asked = list(zip(prompts, seeds, strict=True))
        found = {ask: self._find(*ask) for ask in asked}
        missing = [ask for ask, images in found.items() if images is None]
        if missing:
            generated = self._generation.generate_batch(
                [prompt for prompt, _ in missing],
                seeds=[seed for _, seed in missing],
                steps=self.steps,
                guidance=self.guidance,
            )
            for i, ask in enumerate(missing):
                found[ask] = {seat: images[i].convert("RGB") for seat, images in generated.items()}
                for seat, image in found[ask].items():
                    self._keep(self._path(seat, *ask), image)
        return {seat: [found[ask][seat] for ask in asked] for seat in self._generation.seats}

    def _find(self, prompt: str, seed: int) -> dict[str, Image.Image] | None:
        """The kept images of all seats, or None when one is missing or damaged."""
        found = {}
        for seat in self._generation.seats:
            try:
                with Image.open(self._path(seat, prompt, seed), formats=("PNG",)) as image:
                    found[seat] = image.convert("RGB")
            except Exception:  # Pillow raises many kinds for a truncated file
                return None
        return found

    def _path(self, seat: str, prompt: str, seed: int) -> Path:
        return self._folder / seat / f"{seed:05}-{content_id(prompt)}.png"

    @staticmethod
    def _keep(path: Path, image: Image.Image) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            image.save(partial, "PNG")
