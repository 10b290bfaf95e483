"""Assembles shards into what the library opens: indexes of images and captions, their manifest, and the map."""

from __future__ import annotations

import datetime
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np

import safeclip
from safeclip.encoders import Encoder
from safeclip.hashing import file_sha256
from safeclip.profiles import Seat
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.projection import EmbeddingMap, Projection
from safeclip.runtime.atomic_files import replacing

from ..gallery.rows import MODALITIES, GalleryRows
from ..store.folders import repair_swap, swap_folder, sync_tree
from ..store.selection import Live, live_shards, sample_rows
from ..store.shard_store import ShardStore
from .faiss_factory import build_index, recall

MAP_NAME = "projection.json"
_RECALL_QUERIES = 256


def assemble_seat(
    output: Path,
    seat: Seat,
    encoder: Encoder,
    store: ShardStore,
    gallery: GalleryRows,
    live: dict[str, Live],
    factory: str,
) -> dict[str, Any]:
    """Builds one seat's folder beside the one in use and exchanges them.

    Returns the counts of vectors in each index, and the recall@10 of text queries, for the report.
    """
    target = output / seat.key
    repair_swap(target)
    staging = output / f"{seat.key}.building"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    files, indexes = {}, {}
    for modality in MODALITIES:
        shards = partial(live_shards, store, live, modality, encoder)
        index = build_index(shards, len(live[modality]), encoder.dim, factory)
        path = staging / f"{modality}.faiss"
        index.save(path)
        indexes[modality] = index
        files[path.name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size, "count": len(index)}
    items = gallery.items
    Manifest(
        seat=seat.key,
        checkpoint=seat.checkpoint,
        adapter=seat.adapter,
        encoder_fingerprint=encoder.fingerprint,
        preprocessing_hash=encoder.preprocessing_hash,
        dim=encoder.dim,
        dtype="float16" if factory.endswith("SQfp16") else "float32" if factory.endswith("Flat") else "quantised",
        normalised=encoder.geometry.normalised,
        metric=encoder.geometry.metric,
        factory=factory,
        gallery={"fingerprint": items.fingerprint, "license": items.license, "count": len(items)},
        files=files,
        code_version=safeclip.__version__,
        faiss_version=faiss.__version__,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    ).write(staging)
    sync_tree(staging)
    swap_folder(staging, target)
    # Text queries, because an index that is quantised for image vectors can answer image queries well and text badly.
    captions, images = (live_shards(store, live, modality, encoder) for modality in ("captions", "images"))
    _, queries = sample_rows(captions, len(live["captions"]), encoder.dim, _RECALL_QUERIES)
    counts = {modality: len(index) for modality, index in indexes.items()}
    return {**counts, "text_query_recall@10": recall(indexes["images"], images, queries)}


def assemble_map(
    output: Path, reference: Encoder, store: ShardStore, gallery: GalleryRows, live: dict[str, Live]
) -> None:
    """Fits each modality's map to the reference's embeddings, or to an even sample of them in a large gallery."""
    projections = {}
    for modality in MODALITIES:
        shards = live_shards(store, live, modality, reference)
        numbers, vectors = sample_rows(shards, len(live[modality]), reference.dim)
        ids = [f"{number:016x}" for number in numbers.tolist()]
        if ids:
            projections[modality] = Projection.fit(ids, vectors, np.array([gallery.unsafe[id] for id in ids]))
        else:  # a gallery without captions has no points to fit, so any two axes do
            projections[modality] = Projection(np.zeros(reference.dim), np.eye(2, reference.dim), {})
    with replacing(output / MAP_NAME) as temporary:
        EmbeddingMap(reference.fingerprint, **projections).write(temporary)
