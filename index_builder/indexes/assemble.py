"""Assembles shards into what the library opens: indexes of images and captions, their manifest, and the map."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import faiss
import numpy as np

import safeclip
from safeclip.encoders import Encoder
from safeclip.profiles import Seat
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.projection import NAME as MAP_NAME
from safeclip.retrieval.projection import EmbeddingMap, Projection
from safeclip.runtime.atomic_files import replacing

from ..gallery.rows import MODALITIES, GalleryRows, as_id
from ..store.folders import repair_swap, swap_folder, sync_tree
from ..store.selection import Live, live_shards, sample_rows
from ..store.shard_store import ShardStore
from .faiss_files import make_faiss_files
from .fitting import Embeddings
from .milvus_collections import discard_collections, drop_collections, make_collections, release_collections
from .plan import IndexPlan


def assemble_seat(
    output: Path,
    seat: Seat,
    encoder: Encoder,
    store: ShardStore,
    gallery: GalleryRows,
    live: dict[str, Live],
    plan: IndexPlan,
) -> dict[str, Any]:
    """Builds one seat's folder beside the one in use and exchanges them.

    Returns for the report the count of vectors, the factory and the recall of each index, and under "left" the
    collections of a Milvus server that should have been dropped and could not.
    Raises BuildError when an index stays under the plan's floor of recall; the one in use is left as it was.
    """
    target = output / seat.key
    repair_swap(target)
    staging = output / f"{seat.key}.building"
    left = discard_collections(staging)  # of a build that was killed
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    make = make_collections if plan.milvus else make_faiss_files
    with ExitStack() as unless_done:
        unless_done.callback(discard_collections, staging)
        made = make(Embeddings(store, live, encoder), plan, seat, target, staging)
        images = made["images"]
        Manifest.of(
            seat,
            encoder,
            dtype=images.dtype,
            factory=images.factory,
            gallery=_about(gallery),
            files={each.file.name: each.about() for each in made.values()},
            code_version=safeclip.__version__,
            faiss_version=faiss.__version__,
            store=images.store,
        ).write(staging)
        replaced = release_collections(target)
        sync_tree(staging)
        swap_folder(staging, target)
        unless_done.pop_all()
    left += drop_collections(replaced)
    recalls = {f"{kind}_query_recall@10": value for kind, value in images.recall.items()}
    return {
        **{modality: each.count for modality, each in made.items()},
        "factory": images.factory,
        "reason": images.reason,
        "effort": images.effort,
        **recalls,
        **({"left": left} if left else {}),
    }


def assemble_map(
    output: Path, reference: Encoder, store: ShardStore, gallery: GalleryRows, live: dict[str, Live]
) -> None:
    """Fits each modality's map to the reference's embeddings, or to an even sample of them in a large gallery."""
    projections = {}
    for modality in MODALITIES:
        shards = live_shards(store, live, modality, reference.fingerprint)
        numbers, vectors = sample_rows(shards, len(live[modality]), reference.dim)
        if len(numbers):
            ids = [as_id(number) for number in numbers.tolist()]
            projections[modality] = Projection.fit(ids, vectors, gallery[modality].unsafe_of(numbers))
        else:  # a gallery without captions has no points to fit, so any two axes do
            projections[modality] = Projection(np.zeros(reference.dim), np.eye(2, reference.dim), {})
    with replacing(output / MAP_NAME) as temporary:
        EmbeddingMap(reference.fingerprint, projections["images"], projections["captions"]).write(temporary)


def _about(gallery: GalleryRows) -> dict[str, Any]:
    """What the manifest says of the gallery, with where its images come from."""
    sources = [{key: source[key] for key in ("origin", "license")} for source in gallery.sources]
    about = {"fingerprint": gallery.fingerprint, "license": gallery.license, "count": len(gallery["images"])}
    return {**about, "sources": sources} if sources else about
