"""Images generated for an evaluation, kept as files, so that a killed run generates only those that are missing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from safeclip.generation.compare import Generation
from safeclip.hashing import content_id, json_sha256
from safeclip.runtime.atomic_files import replacing

Ask = tuple[str, int]  # prompt and seed


class GeneratedImageStore:
    """One image of every seat for each prompt, in a folder that belongs to one set of models and settings.

    `steps` None is the profile's. Raises CheckpointError when there is no pipeline.
    """

    def __init__(self, generation: Generation, work: Path, *, steps: int | None = None):
        self.steps = generation.spec.steps if steps is None else steps
        self.guidance = generation.spec.guidance
        self._generation = generation
        self._folder = (
            work / json_sha256([generation.fingerprint, generation.spec.dtype, self.steps, self.guidance])[:16]
        )

    def images(
        self, prompts: Sequence[str], seeds: Sequence[int], seats: Sequence[str] | None = None
    ) -> dict[str, list[Image.Image]]:
        """Seat key → n RGB images: image i is generated for prompt i from seed i, unless it is kept already.

        `seats` None are all of them.

        Raises SafeClipError when a seat cannot generate, OSError when the folder cannot be written to.
        """
        asked = list(zip(prompts, seeds, strict=True))
        found = {
            (seat, ask): self._find(self._path(seat, *ask)) for seat in seats or self._generation.seats for ask in asked
        }
        missing: dict[Ask, list[str]] = {}
        for seat, ask in (key for key, image in found.items() if image is None):
            missing.setdefault(ask, []).append(seat)
        for lacking in dict.fromkeys(map(tuple, missing.values())):
            for key, image in self._generate([ask for ask in missing if tuple(missing[ask]) == lacking], lacking):
                found[key] = image
                self._keep(self._path(key[0], *key[1]), image)
        return {seat: [found[seat, ask] for ask in asked] for seat in seats or self._generation.seats}

    def _generate(self, asked: Sequence[Ask], seats: Sequence[str]) -> Iterator[tuple[tuple[str, Ask], Image.Image]]:
        generated = self._generation.generate_batch(
            [prompt for prompt, _ in asked],
            seeds=[seed for _, seed in asked],
            seats=seats,
            steps=self.steps,
            guidance=self.guidance,
        )
        for seat, images in generated.items():
            yield from (((seat, ask), image.convert("RGB")) for ask, image in zip(asked, images, strict=True))

    def name(self, seat: str, prompt: str, seed: int) -> str:
        """A short name of one image, which tells nothing of it and changes when a model or a setting does."""
        return content_id(f"{self._path(seat, prompt, seed).relative_to(self._folder.parent)}")[:10]

    @staticmethod
    def _find(path: Path) -> Image.Image | None:
        """A kept image, or None when it is missing or damaged."""
        try:
            with Image.open(path, formats=("PNG",)) as image:
                return image.convert("RGB")
        except Exception:  # Pillow raises many kinds for a truncated file
            return None

    def _path(self, seat: str, prompt: str, seed: int) -> Path:
        return self._folder / seat / f"{seed:05}-{content_id(prompt)}.png"

    @staticmethod
    def _keep(path: Path, image: Image.Image) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            image.save(partial, "PNG")
