"""Searches folders for what a purge may have left: ids, and pieces of images, thumbnails and embeddings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow.parquet as pq

from safeclip.retrieval.thumbnails import read_thumbnail

from ..gallery.files import PURGED, read_ids
from ..gallery.rows import as_id
from ..store.selection import Live, Shards
from ..workspace import Workspace

_WINDOW = 32  # bytes of a piece that is looked for
_PIECES = 8  # of an image, spread over it
_VARIED = 12  # different bytes that a piece must have, as a row of zeros is in every file
_CHUNK = 4 << 20
_KEY = 8  # bytes by which a piece is found, before the rest is compared
_ID_COLUMNS = ("image_id", "caption_id", "twin")


@dataclass
class Found:
    """How many `files` of how many `bytes` were searched, and the `places` where something was left."""

    files: int = 0
    bytes: int = 0
    places: list[str] = field(default_factory=list)


class Traces:
    """What identifies purged images and captions: their ids, and pieces of every representation that is stored.

    `copies` are the ids of images that stay although they have the embedding of a purged one: the same picture in other
    bytes. Of a purged image, or caption, with copies only the id is looked for, as the rest of it stays with them.
    """

    def __init__(self, ids: Iterable[int], copies: Iterable[int] = ()):
        self.ids = np.array(sorted(ids), np.int64)
        self.copies = sorted(map(as_id, copies))
        # First bytes of a piece → whole pieces, with the number of the content that each belongs to.
        self._pieces: dict[bytes, list[tuple[bytes, int]]] = {}
        self._needed: list[int] = []  # pieces of each content
        for number in self.ids.tolist():
            self._add([as_id(number).encode()])
            self._add([number.to_bytes(_KEY, "little")])

    @classmethod
    def collect(cls, work: Workspace, images: np.ndarray, captions: np.ndarray) -> Self:
        """Takes the traces of what is about to be erased."""
        gallery, shards, live = work.gallery, work.store.shards, work.live()
        copies, alone = {}, {}
        for modality, ids in (("images", images), ("captions", captions)):
            alone[modality], copies[modality] = _split(
                partial(shards, modality, work.reference.fingerprint), live[modality].ids, ids
            )
        traces = cls([*images.tolist(), *captions.tolist()], copies["images"].tolist())
        present = np.intersect1d(alone["images"], gallery["images"].ids)
        for row in gallery.reader.read("images", np.sort(gallery["images"].rows_of(present))):
            thumbnails = (read_thumbnail(gallery.path, row.id, blurred=blurred) for blurred in (False, True))
            for data in (row.data, *thumbnails):
                traces._add(_pieces(data or b""))
        for modality, ids in alone.items():
            for encoder in work.encoders.values():
                for _, vectors in Live(ids).filter(shards(modality, encoder.fingerprint)):
                    for kind in (np.float32, np.float16):
                        traces._add_all(row.tobytes()[:_WINDOW] for row in vectors.astype(kind))
        return traces

    def found_in(self, data: np.ndarray) -> bool:
        """Whether the bytes (n,) uint8 hold most of the pieces of any one content."""
        counts: Counter[int] = Counter()
        for place in _places(data, *self._keys):
            key = data[place : place + _KEY].tobytes()
            for piece, content in self._pieces[key]:
                counts[content] += data[place : place + len(piece)].tobytes() == piece
        return any(2 * count >= self._needed[content] for content, count in counts.items() if count)

    @cached_property
    def _keys(self) -> tuple[np.ndarray, np.ndarray]:
        """The first bytes of all pieces as sorted numbers, and which numbers their first two bytes are."""
        keys = np.array(sorted(int.from_bytes(key, "little") for key in self._pieces), np.uint64)
        begins = np.zeros(1 << 16, bool)
        begins[(keys & np.uint64(0xFFFF)).astype(np.int64)] = True
        return keys, begins

    def _add_all(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._add([piece] if len(set(piece)) >= _VARIED else [])

    def _add(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._pieces.setdefault(piece[:_KEY], []).append((piece, len(self._needed)))
        self._needed.append(len(pieces))


def search(traces: Traces, folders: Iterable[Path]) -> Found:
    """Searches every file under `folders`. Parquet files, which compress, are read; all are compared as bytes."""
    found = Found()
    for path in sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()}):
        if path.name == PURGED:
            continue
        size = path.stat().st_size
        found.files, found.bytes = found.files + 1, found.bytes + size
        data = np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)
        if traces.found_in(data) or (path.suffix == ".parquet" and _has_rows_of(path, traces.ids)):
            found.places.append(str(path))
    return found


def _split(shards: Callable[[], Shards], live: np.ndarray, purged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The purged ids that no live one has the embedding of, and the live ones that have that of a purged one.

    Embeddings are equal when they differ by less than a three-hundredth of their length, as computing them in another
    batch changes the last bits.
    """
    found = [pair for pair in Live(purged).filter(shards())]
    if not found:
        return purged, np.empty(0, np.int64)
    ids, theirs = (np.concatenate(each) for each in zip(*found, strict=True))
    lengths, has_copy, copies = (theirs**2).sum(axis=1), np.zeros(len(ids), bool), [np.empty(0, np.int64)]
    for others, vectors in Live(np.setdiff1d(live, purged)).filter(shards()):
        squares = (vectors**2).sum(axis=1)[:, None] + lengths - 2 * vectors @ theirs.T
        equal = squares < 1e-5 * lengths
        has_copy |= equal.any(axis=0)
        copies.append(others[equal.any(axis=1)])
    return np.setdiff1d(purged, ids[has_copy]), np.concatenate(copies)


def _has_rows_of(path: Path, ids: np.ndarray) -> bool:
    columns = set(pq.read_schema(path).names).intersection(_ID_COLUMNS)
    return any(np.isin(read_ids(path, column), ids).any() for column in columns)


def _pieces(data: bytes) -> list[bytes]:
    """Pieces of an encoded image at even distances, without its first bytes, which other files share."""
    starts = np.linspace(len(data) // 8, max(len(data) - _WINDOW, 0), _PIECES).astype(int).tolist() if data else []
    pieces = {data[start : start + _WINDOW] for start in starts}
    return [piece for piece in pieces if len(set(piece)) >= _VARIED]


def _places(data: np.ndarray, keys: np.ndarray, begins: np.ndarray) -> Iterator[int]:
    """Where in `data` any of the sorted `keys` begins, at any alignment."""
    if not len(keys):
        return
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK + _KEY - 1]
        for shift in range(_KEY):
            whole = (len(chunk) - shift) // _KEY * _KEY
            words = np.frombuffer(chunk[shift : shift + whole].tobytes(), "<u8")
            likely = np.flatnonzero(begins[words & np.uint64(0xFFFF)])
            near = np.minimum(np.searchsorted(keys, words[likely]), len(keys) - 1)
            for hit in likely[keys[near] == words[likely]].tolist():
                yield start + shift + hit * _KEY
