"""Checks that gallery, indexes and shards are whole and unaltered, and belong to these encoders and to one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from safeclip.command_names import REBUILD
from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import GalleryError, IndexCorruptError, SafeClipError
from safeclip.retrieval.index import open_index
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.projection import NAME as MAP_NAME
from safeclip.retrieval.projection import EmbeddingMap

from .gallery.rows import MODALITIES, GalleryRows, as_numbers
from .store.ledger import Ledger
from .store.shard_store import LEDGER, damaged_shards
from .store.shards import read_shard
from .workspace import SHARDS, Workspace


@dataclass(frozen=True)
class Finding:
    """Result of one check, of what `about` names: what is wrong (`fault`), or what was counted (`detail`)."""

    about: str
    detail: str
    fault: str | None = None


def verify(work: Workspace) -> list[Finding]:
    """Checks every seat's manifest, hashes, counts and ids, the map, the shards and the gallery's images and captions.

    Returns a finding for each.

    Raises SafeClipError only when the gallery or the tombstones cannot be read: nothing can be checked then.
    """
    gallery, output = work.gallery, work.output
    removed = work.removed()
    encoders = EncoderSet(work.seats, device=work.device)  # a seat that cannot be loaded is one finding

    def check_seat(key: str) -> str:
        return _check_seat(output / key, encoders[key], gallery, removed)

    findings = [_finding(key, partial(check_seat, key)) for key in encoders]
    if work.has_reference:
        findings.append(_finding("map", lambda: _check_map(output, encoders[encoders.reference], gallery)))
    if (output / SHARDS).is_dir():
        findings.append(_finding("shards", lambda: _check_shards(output / SHARDS)))
    return [*findings, _finding("gallery", lambda: _check_gallery(gallery))]


def _finding(about: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(about, check())
    except SafeClipError as error:
        return Finding(about, "", str(error))


def _check_seat(folder: Path, encoder: Encoder, gallery: GalleryRows, removed: np.ndarray) -> str:
    manifest = Manifest.read(folder)
    manifest.verify_encoder(encoder, folder)
    manifest.verify_gallery(gallery)
    manifest.verify_files(folder)
    counts = []
    for modality in MODALITIES:
        path = folder / next((name for name in manifest.files if name.startswith(f"{modality}.")), f"{modality}.faiss")
        index = open_index(folder, modality, encoder, use_gpu=False)
        listed = manifest.files[path.name]["count"]
        if len(index) != listed:
            raise IndexCorruptError(f"{path}: it holds {len(index):,} vectors, its manifest says {listed:,}. {REBUILD}")
        ids = index.ids()
        if len(np.unique(ids)) != len(ids):
            raise IndexCorruptError(f"{path}: some ids occur twice. {REBUILD}")
        known = gallery[modality].ids
        if unknown := int((~np.isin(ids, known)).sum()):
            raise IndexCorruptError(f"{path}: {unknown:,} of its ids are not in the gallery. {REBUILD}")
        if kept := int(np.isin(ids, removed).sum()):
            raise IndexCorruptError(f"{path}: {kept:,} removed ids are still in it. {REBUILD}")
        counts.append(f"{len(ids):,} of {len(known):,} {modality}")
    return ", ".join(counts)


def _check_map(output: Path, reference: Encoder, gallery: GalleryRows) -> str:
    drawn = EmbeddingMap.read(output / MAP_NAME, reference)
    counts = []
    for modality in MODALITIES:
        ids = as_numbers(getattr(drawn, modality).points)
        if unknown := int((~np.isin(ids, gallery[modality].ids)).sum()):
            raise IndexCorruptError(f"{output / MAP_NAME}: {unknown:,} points are not in the gallery. {REBUILD}")
        counts.append(f"{len(ids):,} {modality}")
    return ", ".join(counts) + (
        "" if drawn.digest else "; it has no digest, so that a change of a number cannot be seen"
    )


def _check_shards(folder: Path) -> str:
    ledger = Ledger(folder / LEDGER)
    if damaged := damaged_shards(folder, ledger):
        names = ", ".join(str(record.shard) for record in damaged[:3])
        raise IndexCorruptError(
            f"{folder}: {len(damaged)} shards are missing or altered ({names}). Build again: it embeds their rows anew."
        )
    for record in ledger.records:
        if record.shard is not None:
            shard = read_shard(folder / record.shard, list(record.encoders))
            if (len(shard.ids), record.shard.split("-")[0]) != (record.rows, record.modality):
                raise IndexCorruptError(
                    f"{ledger.path}: it says {record.rows:,} {record.modality} of {record.shard}, which holds "
                    f"{len(shard.ids):,} rows. Start again with --fresh."
                )
    rows = sum(record.rows for record in ledger.records)
    return f"{rows:,} rows in {sum(record.shard is not None for record in ledger.records):,} shards"


def _check_gallery(gallery: GalleryRows) -> str:
    """Reads every image and caption, and compares it with its id, which is a hash of it."""
    counts = []
    for modality in MODALITIES:
        rows = np.sort(gallery[modality].rows)
        damaged = [row for row in gallery.reader.read(modality, rows) if row.fault]
        if damaged:
            raise GalleryError(
                f"{damaged[0].source}: {damaged[0].fault}. {len(damaged):,} of the {len(rows):,} {modality} are so: "
                "restore the file from a copy, or import the images again."
            )
        counts.append(f"{len(rows):,} {modality}")
    return ", ".join(counts)
