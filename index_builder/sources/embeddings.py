"""Source: embeddings that `clip-retrieval` made, with the images that they were made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from safeclip.errors import first_line

from ..errors import BuildError
from ..options import SourceOptions
from .base import SourceItem
from .captions import as_caption
from .files import state_of
from .image_store import ImageStore, open_store
from .tables.columns import scalars
from .tables.source import BATCH_ROWS, python_rows

IMAGE_FOLDER, TEXT_FOLDER, METADATA_FOLDER = "img_emb", "text_emb", "metadata"
_NAME, _CAPTION = "image_path", "caption"
_FOLDERS = {"images": IMAGE_FOLDER, "captions": TEXT_FOLDER}


@dataclass(frozen=True)
class EmbeddedPart:
    """One numbered part of the embeddings of a seat: `names` (n) of the images, and `vectors` by modality, (n, d).

    The vectors are mapped from their file: a slice of them is read when it is used.
    """

    names: list[str]
    vectors: Mapping[str, np.ndarray]


class EmbeddingsSource:
    """Rows of `clip-retrieval inference`: folders img_emb and text_emb of .npy files, metadata of Parquet files.

    They lie in the place itself, and belong to the profile's first seat, or in a sub-folder for each seat. Images are
    found by their `image_path` under `--images`, a folder or tar shards; without it, from the place itself on.
    """

    license = ""

    def __init__(self, place: str, options: SourceOptions):
        folder = Path(place)
        holders = {"": folder} if is_clip_retrieval(folder) else _seat_folders(folder)
        if not holders:
            raise BuildError(
                f"{place}: neither {IMAGE_FOLDER} and {METADATA_FOLDER} are here, nor a seat's folder of them."
            )
        self.origin = place
        self._folders = holders
        self._metadata = {seat: _numbered(holder, METADATA_FOLDER, ".parquet") for seat, holder in holders.items()}
        first = next(iter(self._metadata.values()))
        self._files = list(first.values())
        self.fingerprint = state_of(self._files)
        self.count = sum(map(_row_count, self._files))
        self._folder, self._images_place = folder, options.images
        self._caption = options.caption_column or _CAPTION

    @cached_property
    def _images(self) -> ImageStore:
        return open_store(self._images_place, beside=self._folder)

    @property
    def seats(self) -> tuple[str, ...]:
        """The keys of the seats that have embeddings here; "" is the profile's first."""
        return tuple(self._folders)

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        for file in self._files:
            for number, row in enumerate(_rows(file)):
                if skip:
                    skip -= 1
                    continue
                if isinstance(row, str):
                    yield SourceItem(f"{file.name} row {number}", None, fault=row)
                else:
                    yield self._item(row)

    def _item(self, row: Mapping[str, Any]) -> SourceItem:
        name = str(row[_NAME])
        data, fault = self._images.read(name)
        return SourceItem(name, data, as_caption(row.get(self._caption)), scalars(row, without=(_NAME,)), fault)

    def parts(self, seat: str) -> Iterator[EmbeddedPart]:
        """The embeddings of one of `seats`, a file at a time. Raises BuildError for files that do not fit together."""
        folder = self._folders[seat]
        found = {modality: _numbered(folder, name, ".npy") for modality, name in _FOLDERS.items()}
        for number, file in self._metadata[seat].items():
            # A name that cannot be read is that of no image in a gallery.
            names = ["" if isinstance(row, str) else str(row[_NAME]) for row in _rows(file, [_NAME])]
            vectors = {
                modality: _vectors(files[number], len(names)) for modality, files in found.items() if number in files
            }
            if not vectors:
                raise BuildError(f"{file}: {folder} has no embeddings of this part.")
            yield EmbeddedPart(names, vectors)


def is_clip_retrieval(folder: Path) -> bool:
    """Whether a folder holds what `clip-retrieval inference` writes for one model."""
    return (folder / METADATA_FOLDER).is_dir() and any((folder / name).is_dir() for name in _FOLDERS.values())


def _seat_folders(folder: Path) -> dict[str, Path]:
    found = sorted(path for path in folder.iterdir() if is_clip_retrieval(path)) if folder.is_dir() else []
    return {path.name: path for path in found}


def _numbered(folder: Path, name: str, suffix: str) -> dict[int, Path]:
    """The files NAME_00.npy, NAME_01.npy, … of one kind, by their number, ascending."""
    named = ((path.stem.rpartition("_")[2], path) for path in (folder / name).glob(f"{name}_*{suffix}"))
    return dict(sorted((int(number), path) for number, path in named if number.isdecimal()))


def _row_count(file: Path) -> int:
    with _reading(file):
        return pq.read_metadata(file).num_rows


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise BuildError(f"{file}: the metadata cannot be read ({first_line(error)}).") from error


def _rows(file: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any] | str]:
    """The rows of a file's metadata, or some columns of them, as `python_rows` gives them."""
    with _reading(file), pq.ParquetFile(file) as table:
        if _NAME not in table.schema_arrow.names:
            raise BuildError(f"{file}: there is no column {_NAME!r}. Run clip-retrieval with --enable_metadata.")
        for batch in table.iter_batches(BATCH_ROWS, columns=columns):
            yield from python_rows(batch)


def _vectors(file: Path, rows: int) -> np.ndarray:
    try:
        vectors = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BuildError(f"{file}: the embeddings cannot be read ({first_line(error)}).") from error
    if vectors.ndim != 2 or len(vectors) != rows:
        raise BuildError(f"{file}: the array is {vectors.shape}, but its metadata has {rows:,} rows.")
    return vectors
