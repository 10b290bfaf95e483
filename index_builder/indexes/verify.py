"""Checks that an index folder is whole and unaltered, and belongs to these encoders and this gallery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import IndexCorruptError, SafeClipError
from safeclip.profiles import Profile
from safeclip.retrieval.index import open_index
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.projection import EmbeddingMap

from ..gallery.rows import MODALITIES, GalleryRows
from ..store.tombstones import read_tombstones
from .assemble import MAP_NAME


@dataclass(frozen=True)
class Finding:
    """Result of one check of a seat or the map (`about`): `fault` says what is wrong, `detail` what was counted."""

    about: str
    detail: str
    fault: str | None = None


def verify(
    profile: Profile, gallery: Path, output: Path, seats: tuple[str, ...] = (), device: str | None = None
) -> list[Finding]:
    """Checks every seat's manifest, hashes, counts and ids, and the map; returns a finding for each.

    Raises SafeClipError only when the gallery or the tombstones cannot be read: nothing can be checked then.
    """
    rows = GalleryRows(gallery)
    removed = {int(id, 16) for id in read_tombstones(output)}
    chosen = [seat for seat in profile.seats if not seats or seat.key in seats]
    encoders = EncoderSet(chosen, device=device)
    findings = [
        _finding(key, lambda key=key: _check_seat(output / key, encoders[key], rows, removed)) for key in encoders
    ]
    reference = profile.seats[0].key
    if reference in encoders:
        findings.append(_finding("map", lambda: _check_map(output, encoders[reference], rows)))
    return findings


def _finding(about: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(about, check())
    except SafeClipError as error:
        return Finding(about, "", str(error))


def _check_seat(folder: Path, encoder: Encoder, gallery: GalleryRows, removed: set[int]) -> str:
    manifest = Manifest.read(folder)
    manifest.verify_encoder(encoder)
    manifest.verify_gallery(gallery.items)
    manifest.verify_files(folder)
    counts = []
    for modality in MODALITIES:
        path = folder / f"{modality}.faiss"
        index = open_index(folder, modality, encoder, use_gpu=False)
        listed = manifest.files[path.name]["count"]
        if len(index) != listed:
            raise IndexCorruptError(f"{path}: it holds {len(index):,} vectors, its manifest says {listed:,}. {_AGAIN}")
        ids = stored_ids(path)
        if len(np.unique(ids)) != len(ids):
            raise IndexCorruptError(f"{path}: some ids occur twice. {_AGAIN}")
        present = set(ids.tolist())
        known = {int(id, 16) for id in gallery.ids(modality)}
        if strange := present - known:
            raise IndexCorruptError(f"{path}: {len(strange):,} of its ids are not in the gallery. {_AGAIN}")
        if kept := present & removed:
            raise IndexCorruptError(f"{path}: {len(kept):,} removed ids are still in it. {_AGAIN}")
        counts.append(f"{len(ids):,} of {len(known):,} {modality}")
    return ", ".join(counts)


def _check_map(output: Path, reference: Encoder, gallery: GalleryRows) -> str:
    drawn = EmbeddingMap.read(output / MAP_NAME, reference)
    counts = []
    for modality in MODALITIES:
        points = getattr(drawn, modality).points
        if strange := set(points).difference(gallery.ids(modality)):
            raise IndexCorruptError(f"{output / MAP_NAME}: {len(strange):,} points are not in the gallery. {_AGAIN}")
        counts.append(f"{len(points):,} {modality}")
    return ", ".join(counts)


def stored_ids(path: Path) -> np.ndarray:
    """The content ids (n,) int64 of a FAISS file, in the order of its vectors. Raises IndexCorruptError."""
    index = faiss.read_index(str(path))
    if not isinstance(index, faiss.IndexIDMap):
        raise IndexCorruptError(f"{path}: the index keeps no content ids. {_AGAIN}")
    return faiss.vector_to_array(index.id_map)


_AGAIN = "Build it again: python -m index_builder."
