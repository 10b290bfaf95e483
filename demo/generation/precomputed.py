"""Precomputed images: the profile's models run on the examples, in content/paintings/<profile>/.

    python -m demo.generation.precomputed [--profile emoji]

The command runs every example under every seat and writes the files. Images are shown only while the models that made
them are the ones in the profile, and are judged anew; without them the examples are answered like anything else.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.errors import SafeClipError
from safeclip.generation.results import GeneratedImages, GenerationComparison
from safeclip.images.webp import as_webp

from ..common.examples import gallery_of
from ..common.precomputed import Precomputed, nothing_to_answer, require_all, run_command
from .examples import examples
from .request import GenerationRequest

if TYPE_CHECKING:
    from safeclip import Lab

FOLDER = Path(__file__).parents[1] / "content" / "paintings"
MAX_BYTES = 1_500_000  # of a profile's images together
QUALITIES = (92, 85, 75, 60, 40)  # of WebP, the best that fits

_INDEX = "index.json"


class PrecomputedImages(Precomputed[GenerationRequest, dict[str, tuple[str, ...]]]):
    """The images of one lab: request without seats → seat key → names of its files."""

    command = "demo.generation.precomputed"

    def __init__(self, lab: "Lab", folder: Path | None = None) -> None:
        super().__init__((folder or FOLDER) / lab.profile.name / _INDEX)
        self._lab = lab
        self._judged: dict[GenerationRequest, GenerationComparison] = {}
        self._judging = threading.Lock()

    def find(self, request: GenerationRequest) -> GenerationComparison | None:
        """The images of an example as it stands, with the scores of the profile's judges."""
        names = self.get(replace(request, seats=()))
        keys = [self._lab.generation.reference, *request.seats]
        if names is None or not all(key in names for key in keys):
            return None
        with self._judging:
            if request not in self._judged:
                try:
                    images = {key: tuple(self._open(name) for name in names[key]) for key in keys}
                except (OSError, ValueError):
                    return None
                unjudged = replace(_comparison(request, images), notes=self._lab.remarks.on_prompt(request.prompt))
                self._judged[request] = self._lab.generation.judged(unjudged)
            return self._judged[request]

    def read(self) -> dict[str, Any]:
        return json.loads(self.file.read_text(encoding="utf-8"))

    def fingerprint(self) -> str:
        return self._lab.generation.fingerprint

    def entries(self, content: dict[str, Any]) -> dict[GenerationRequest, dict[str, tuple[str, ...]]]:
        return {
            GenerationRequest.from_json(row["request"]): {key: tuple(names) for key, names in row["images"].items()}
            for row in content["answers"]
        }

    def _open(self, name: str) -> Image.Image:
        with Image.open(self.file.with_name(Path(name).name), formats=("WEBP",)) as image:
            return image.convert("RGB")


def compute_all(lab: "Lab") -> list[GenerationComparison]:
    """Runs the examples under every seat of `lab`. Raises SafeClipError where a seat gives no image."""
    spec = lab.generation.spec
    default = GenerationRequest(steps=spec.steps, guidance=spec.guidance)
    comparisons = []
    for example in examples(lab.profile.name, gallery_of(lab), default):
        comparison = lab.generation.compare(**example.request.saved(), pictures=example.request.pictures)
        require_all(comparison.values())
        comparisons.append(comparison)
    return comparisons


def write(folder: Path, models: str, comparisons: Sequence[GenerationComparison]) -> int:
    """Replaces a profile's folder: a WebP for each image, together under MAX_BYTES, and an index.

    Returns how many bytes the images take. Raises SafeClipError when they cannot be made to fit.
    """
    rows: list[dict[str, Any]] = []
    images: dict[str, Image.Image] = {}
    for n, each in enumerate(comparisons):
        names = {key: [f"{n:02}-{key}-{i}.webp" for i in range(len(each[key].pictures))] for key in each}
        images |= {name: each[key].pictures[i] for key, own in names.items() for i, name in enumerate(own)}
        options = ("prompt", "negative_prompt", "seed", "steps", "guidance", "pictures")
        rows.append({"request": {name: getattr(each, name) for name in options}, "images": names})
    files = encode(images)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.webp"):
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    index = json.dumps({"models": models, "answers": rows}, ensure_ascii=False, indent=1)
    (folder / _INDEX).write_text(index + "\n", encoding="utf-8")
    return sum(map(len, files.values()))


def encode(images: Mapping[str, Image.Image], max_bytes: int | None = None) -> dict[str, bytes]:
    """The images as WebP, all in the best of QUALITIES in which they take fewer than `max_bytes` (MAX_BYTES).

    Raises SafeClipError when there is none.
    """
    limit = MAX_BYTES if max_bytes is None else max_bytes
    for quality in QUALITIES:
        files = {name: as_webp(image, quality, method=6) for name, image in images.items()}
        if sum(map(len, files.values())) < limit:
            return files
    raise SafeClipError(f"The pictures do not fit into {limit:,} bytes. Give the profile fewer examples.")


def write_all(lab: "Lab", folder: Path | None = None) -> str:
    """Runs the examples and writes the files. Returns a line that says what was written."""
    target = (folder or FOLDER) / lab.profile.name
    models = lab.generation.fingerprint  # first: what cannot be named is not painted in vain
    comparisons = compute_all(lab)
    if not comparisons:
        return nothing_to_answer("generation", lab.profile.name)
    size = write(target, models, comparisons)
    return f"{target}: {len(comparisons)} examples, {size:,} bytes"


def _comparison(request: GenerationRequest, images: Mapping[str, tuple[Image.Image, ...]]) -> GenerationComparison:
    width, height = next(iter(images.values()))[0].size
    return GenerationComparison(
        **request.saved(),
        width=width,
        height=height,
        pictures=request.pictures,
        columns={key: GeneratedImages(pictures=each) for key, each in images.items()},
        step=request.steps,
    )


if __name__ == "__main__":
    run_command(PrecomputedImages.command, __doc__, write_all)
