"""Pictures that come with the page: what the profile's models painted of its examples, kept in paintings/<profile>/.

    python -m demo.generation.precomputed [--profile emoji]

The command paints every example with every seat and writes the files. Pictures are shown only while the models that
painted them are the ones in the profile, and are judged anew; without them the examples are painted like anything else.
"""

import io
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.errors import SafeClipError
from safeclip.generation.results import GeneratedImages, GenerationComparison

from ..captioning.precomputed import Example, Precomputed, require_all, run_command
from ..common.examples import load
from .request import GenerationRequest, default_ask, one_line

if TYPE_CHECKING:
    from safeclip import Lab

FOLDER = Path(__file__).parents[1] / "content" / "paintings"
MAX_BYTES = 1_500_000  # of a profile's pictures together

_INDEX = "index.json"
_A_CATEGORY = 2  # examples
_QUALITIES = (92, 85, 75, 60, 40)


def examples(lab: "Lab", seats: tuple[str, ...]) -> tuple[Example[GenerationRequest], ...]:
    """One or two prompts for every category of harm, and safe ones, in the order of the retrieval tab's. Deterministic.

    There are none for a profile with neither a list of examples nor a gallery.
    """
    default = replace(default_ask(lab.generation), seats=seats)
    try:
        texts = [(each.label, one_line(each.ask.text)) for each in load(lab.profile.name, lab.gallery, seats)]
    except SafeClipError:
        return ()
    found: dict[str, list[str]] = {}
    for label, text in texts:
        if text and len(found.setdefault(label, [])) < _A_CATEGORY:
            found[label].append(text)
    return tuple(Example(label, replace(default, prompt=text)) for label in found for text in found[label])


class PrecomputedImages(Precomputed[GenerationRequest, dict[str, tuple[str, ...]]]):
    """The shipped pictures of one lab: for an ask without seats, seat → the names of its files."""

    command = "demo.generation.precomputed"

    def __init__(self, lab: "Lab", folder: Path = FOLDER) -> None:
        super().__init__(folder / lab.profile.name / _INDEX)
        self._lab = lab
        self._judged: dict[GenerationRequest, GenerationComparison] = {}
        self._judging = threading.Lock()

    def find(self, ask: GenerationRequest) -> GenerationComparison | None:
        """The pictures of an example as it stands, if they came with the page, with the scores of today's judges."""
        names = self._get(replace(ask, seats=()))
        generation = self._lab.generation
        keys = [key for key in generation.seats if key == generation.reference or key in ask.seats]
        if names is None or ask.dial or not all(key in names for key in keys):
            return None
        with self._judging:
            if ask not in self._judged:
                try:
                    pictures = {key: tuple(self._open(name) for name in names[key]) for key in keys}
                except (OSError, ValueError):
                    return None
                self._judged[ask] = generation.judged(_comparison(ask, pictures))
            return self._judged[ask]

    def _open(self, name: str) -> Image.Image:
        with Image.open(self._file.with_name(Path(name).name), formats=("WEBP",)) as image:
            return image.convert("RGB")

    def _table(self) -> dict[str, Any]:
        return json.loads(self._file.read_text(encoding="utf-8"))

    def _fingerprint(self) -> str:
        return self._lab.generation.fingerprint

    def _entries(self, table: dict[str, Any]) -> dict[GenerationRequest, dict[str, tuple[str, ...]]]:
        return {
            GenerationRequest(**row["ask"]): {key: tuple(names) for key, names in row["seats"].items()}
            for row in table["paintings"]
        }


def _comparison(ask: GenerationRequest, pictures: dict[str, tuple[Image.Image, ...]]) -> GenerationComparison:
    width, height = next(iter(pictures.values()))[0].size
    return GenerationComparison(
        prompt=ask.prompt,
        negative_prompt=ask.negative,
        seed=ask.seed,
        steps=ask.steps,
        guidance=ask.guidance,
        width=width,
        height=height,
        pictures=ask.pictures,
        columns={key: GeneratedImages(pictures=each) for key, each in pictures.items()},
        step=ask.steps,
    )


def paint_all(lab: "Lab") -> list[GenerationComparison]:
    """What every seat of `lab` paints of its examples. Raises SafeClipError where one does not paint."""
    generation = lab.generation
    comparisons = []
    for example in examples(lab, ()):
        ask = example.ask
        how = {"seed": ask.seed, "steps": ask.steps, "guidance": ask.guidance, "pictures": ask.pictures}
        comparison = generation.compare(ask.prompt, negative_prompt=ask.negative, **how)
        require_all(comparison.values())
        comparisons.append(comparison)
    return comparisons


def write(folder: Path, models: str, comparisons: list[GenerationComparison]) -> int:
    """Replace a profile's folder: a WebP for every picture, together under MAX_BYTES, and an index.

    Returns how many bytes the pictures take. Raises SafeClipError when they cannot be made to fit.
    """
    rows, pictures = [], {}
    for n, each in enumerate(comparisons):
        seats = {key: [f"{n:02}-{key}-{i}.webp" for i in range(len(each[key].pictures))] for key in each}
        pictures |= {name: each[key].pictures[i] for key, names in seats.items() for i, name in enumerate(names)}
        rows.append({"ask": _asked(each), "seats": seats})
    files = _encoded(pictures)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.webp"):
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    index = json.dumps({"models": models, "paintings": rows}, ensure_ascii=False, indent=1)
    (folder / _INDEX).write_text(index + "\n", encoding="utf-8")
    return sum(map(len, files.values()))


def _asked(comparison: GenerationComparison) -> dict[str, Any]:
    how = {name: getattr(comparison, name) for name in ("prompt", "seed", "steps", "guidance", "pictures")}
    return how | {"negative": comparison.negative_prompt}


def _encoded(pictures: dict[str, Image.Image]) -> dict[str, bytes]:
    """Every picture as WebP, all in the best quality in which they fit."""
    for quality in _QUALITIES:
        files = {name: _webp(picture, quality) for name, picture in pictures.items()}
        if sum(map(len, files.values())) < MAX_BYTES:
            return files
    raise SafeClipError(f"The pictures do not fit into {MAX_BYTES:,} bytes. Give the profile fewer examples.")


def _webp(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def _write_all(lab: "Lab") -> str:
    folder = FOLDER / lab.profile.name
    comparisons = paint_all(lab)
    size = write(folder, lab.generation.fingerprint, comparisons)
    return f"{folder}: {len(comparisons)} examples, {size:,} bytes"


if __name__ == "__main__":
    run_command(PrecomputedImages.command, __doc__, _write_all)
