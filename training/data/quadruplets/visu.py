"""The real ViSU: texts from `aimagelab/ViSU-Text`, safe images from COCO, unsafe images from a folder of your own.

The unsafe images were never released; whoever regenerates them puts one per row at
`<unsafe_images>/<incremental_id>.jpg` (or .png, .webp).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError
from .rows import NO_FIELDS, PathImage, Row, Skipped, checked_texts, cleaned, shown, whole_number
from .tables import rows_of_file, rows_of_hub

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
ANY_IMAGES = f"Put images there ({', '.join(SUFFIXES)}), or name their folder."
COCO_IMAGES = "Put COCO's images there, from https://cocodataset.org."
UNSAFE_IMAGES = "Put unsafe images of your own there, named by their incremental_id: the paper's were never released."
FIELDS = {"text": "safe", "unsafe_text": "nsfw"}
SPELLINGS = {"bodily bluids": "bodily fluids"}  # as at least one copy of the data set has it

CONCEPTS = {  # category → its concepts, of which a row's tag names one
    "hate": ("hate",),
    "harassment": ("harassment",),
    "violence": ("violence", "suffering", "humiliation", "harm", "abuse", "brutality", "cruelty"),
    "self-harm": ("suicide",),
    "sexual": ("sexual", "nudity"),
    "shocking": ("bodily fluids", "blood", "obscene gestures"),
    "illegal activity": ("illegal activity", "drug use", "theft", "vandalism", "weapons"),
}
CATEGORIES = {concept: category for category, concepts in CONCEPTS.items() for concept in concepts}


@dataclass(frozen=True)
class ViSUSpec:
    """Where the real ViSU lies.

    `texts` is the folder of its JSON files or a data set of the hub ("aimagelab/ViSU-Text"), `safe_images` the folder
    of COCO's images, `unsafe_images` that of the unsafe images, named by their incremental_id.
    """

    texts: str
    safe_images: str
    unsafe_images: str


def read_visu(spec: ViSUSpec, split: str) -> Iterator[Row | Skipped]:
    """The rows of a split, "train", "validation" or "test", in order. Raises DataError when a folder is missing.

    A row is left out whose text is empty or missing, whose numbers are no numbers, whose incremental_id occurred
    before, or which has no image, or several unsafe ones.
    """
    coco = image_files(spec.safe_images, COCO_IMAGES)
    safe = {number: path for path in coco if (number := coco_number(path)) is not None}
    unsafe: defaultdict[str, list[Path]] = defaultdict(list)
    for path in image_files(spec.unsafe_images, UNSAFE_IMAGES):
        unsafe[path.stem].append(path)
    seen: set[int] = set()
    for position, table in enumerate(_tables(spec.texts, split)):
        yield _row(position, table, safe, unsafe, seen)


def _row(
    position: int, table: Any, safe: Mapping[int, Path], unsafe: Mapping[str, list[Path]], seen: set[int]
) -> Row | Skipped:
    if not isinstance(table, dict):
        return Skipped(f"row {position}", NO_FIELDS, shown(table))
    number, coco = (whole_number(table.get(field)) for field in ("incremental_id", "coco_id"))
    if number is None:
        return Skipped(f"row {position}", "incremental_id is no number", repr(table.get("incremental_id")))
    id = f"incremental_id {number}"
    if number in seen:
        return Skipped(id, "incremental_id occurred before")
    seen.add(number)
    texts = checked_texts(id, table, FIELDS)
    if isinstance(texts, Skipped):
        return texts
    if coco is None:
        return Skipped(id, "coco_id is no number", repr(table.get("coco_id")))
    if coco not in safe:
        return Skipped(id, "image is missing", f"no image of coco_id {coco}")
    found = unsafe.get(str(number), [])
    if not found:
        return Skipped(id, "unsafe image is missing", f"no image named {number}")
    if len(found) > 1:
        return Skipped(id, "unsafe images are several", ", ".join(map(str, found)))
    return Row(id, *texts, PathImage(safe[coco]), PathImage(found[0]), category(table.get("tag")))


def category(tag: Any) -> str:
    """The category of a row's tag, one of ViSU's seven; an unknown tag is its own category."""
    tag = cleaned(tag).lower()
    tag = SPELLINGS.get(tag, tag)
    return CATEGORIES.get(tag, tag)


def _tables(texts: str, split: str) -> Iterator[Any]:
    """The rows as tables: of a JSON file, whether a list or one row a line, or of a data set of the hub."""
    folder = Path(texts).expanduser()
    path = folder / f"ViSU-Text_{split}.json"
    if path.is_file():
        yield from rows_of_file(path)
    elif folder.is_dir():
        raise DataError(f"{path}: the file is missing. Download it from aimagelab/ViSU-Text, which asks for consent.")
    else:
        yield from rows_of_hub(texts, split)


def image_files(folder: str, cure: str = ANY_IMAGES) -> list[Path]:
    """The image files below a folder, sorted. Raises DataError, which ends in the `cure`, without the folder."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise DataError(f"{path}: there is no such folder of images. {cure}")
    return sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)


def coco_number(path: Path) -> int | None:
    """COCO_val2014_000000391895.jpg and 000000391895.jpg → 391895; None for a name without a number."""
    digits = path.stem.rsplit("_", 1)[-1]
    return int(digits) if digits.isdecimal() else None
