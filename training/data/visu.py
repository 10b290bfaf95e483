"""The real ViSU: texts from `aimagelab/ViSU-Text`, safe images from COCO, unsafe images from a folder of your own.

The unsafe images were never released; whoever regenerates them puts one per row at
`<unsafe_images>/<incremental_id>.jpg` (or .png, .webp).
"""

import json
from pathlib import Path

from PIL.Image import Image

from safeclip.hashing import content_id, file_sha256
from safeclip.images.loading import open_image

from .quadruplets import QuadrupletItem

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
TAG_SPELLINGS = {"bodily bluids": "bodily fluids"}  # as at least one copy of the data set has it


class ViSU:
    """One split of ViSU. Rows whose texts or images are missing are left out and counted in `skipped`.

    Raises FileNotFoundError when the JSON file is missing and ValueError when no row is complete.
    """

    def __init__(self, texts: Path, safe_images: Path, unsafe_images: Path):
        self._safe = {_coco_id(path): path for path in _images(safe_images)}
        self._unsafe = {path.stem: path for path in _images(unsafe_images)}
        rows = json.loads(texts.read_text(encoding="utf-8"))
        self._rows = [row for row in rows if self._complete(row)]
        self.skipped = len(rows) - len(self._rows)
        if not self._rows:
            raise ValueError(f"{texts}: no row has both texts and both images; check the two image folders")
        self.block = 1
        ids = ",".join(str(row["incremental_id"]) for row in self._rows)
        self.fingerprint = content_id(file_sha256(texts) + ids)

    def _complete(self, row: dict) -> bool:
        texts = bool(row["safe"].strip() and row["nsfw"].strip())
        return texts and int(row["coco_id"]) in self._safe and str(row["incremental_id"]) in self._unsafe

    def __len__(self) -> int:
        return len(self._rows)

    def item(self, index: int) -> QuadrupletItem:
        row = self._rows[index]
        text, image = self.safe_pair(index)
        unsafe_image = open_image(self._unsafe[str(row["incremental_id"])])
        return QuadrupletItem(text, row["nsfw"], image, unsafe_image, TAG_SPELLINGS.get(row["tag"], row["tag"]))

    def safe_pair(self, index: int) -> tuple[str, Image]:
        row = self._rows[index]
        return row["safe"], open_image(self._safe[int(row["coco_id"])])


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder of images")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _coco_id(path: Path) -> int:
    """COCO_val2014_000000391895.jpg and 000000391895.jpg → 391895; −1 for a name without a number."""
    digits = path.stem.rsplit("_", 1)[-1]
    return int(digits) if digits.isdigit() else -1
