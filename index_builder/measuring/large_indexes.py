"""Measures the kinds of indexes at a size that no gallery here has, on synthetic embeddings.

    python -m index_builder.measuring.large_indexes --rows 1000000 --json figures.json

Vectors are drawn with the mean, the covariance and the modality gap of a profile's own images and captions. Every
index is fitted as `build` fits it: trained on images and captions, its search effort raised until both kinds of query
find 97 % of the true ten nearest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np

from safeclip.retrieval.index import open_index
from safeclip.retrieval.stores.store import IndexStore

from ..gallery.rows import MODALITIES, as_id
from ..indexes.choose import choose
from ..indexes.fitting import fit_index
from ..indexes.kinds import KINDS
from ..indexes.plan import IndexPlan
from ..options import ProfileOptions
from ..workspace import Workspace, describe
from .synthetic import PairStatistics, SyntheticEmbeddings

DEFAULT = ("flat16", "hnsw", "ivf-flat", "ivf-sq8", "ivf-sq6", "ivf-pq4", "ivf-pq8")


def measure(work: Workspace, rows: int, kinds: Sequence[str]) -> dict[str, Any]:
    """Fits each kind of index to `rows` synthetic images; returns its figures by kind, as plain JSON values."""
    embeddings = SyntheticEmbeddings(_statistics(work), rows, work.reference)
    figures = {kind: _measure_kind(embeddings, kind) for kind in kinds}
    return {"profile": work.profile.name, "rows": rows, "dim": work.reference.dim, "kinds": figures}


def _measure_kind(embeddings: SyntheticEmbeddings, kind: str) -> dict[str, Any]:
    started = time.perf_counter()
    fitted = fit_index(embeddings, "images", IndexPlan(kind), "synthetic", Path("none"))
    built = time.perf_counter() - started
    with TemporaryDirectory() as folder:
        fitted.index.save(Path(folder) / "index.faiss")
        size = (Path(folder) / "index.faiss").stat().st_size
    n, dim = embeddings.count("images"), embeddings.encoder.dim
    return {
        "factory": fitted.choice.factory,
        "effort": fitted.effort,
        "recall@10": fitted.recall,
        "bytes": size,
        "expected_bytes": choose(kind, n, dim).bytes,
        "build_seconds": round(built, 1),
        "milliseconds": {name: _milliseconds(fitted.index, each) for name, each in embeddings.queries.items()},
    }


def _milliseconds(index: IndexStore, queries: np.ndarray) -> float:
    """Median time of one query for ten results."""
    times = []
    for query in queries[:64]:
        started = time.perf_counter()
        index.search(query[None], 10)
        times.append(time.perf_counter() - started)
    return round(1e3 * float(np.median(times)), 2)


def _statistics(work: Workspace) -> PairStatistics:
    """Statistics of the pairs of the profile's own index by the reference."""
    folder, gallery = work.output / work.seats[0].key, work.gallery
    images, captions = (open_index(folder, name, work.reference, use_gpu=False) for name in ("images", "captions"))
    both = np.intersect1d(gallery["images"].rows, gallery["captions"].rows)
    ids = {name: dict(zip(gallery[name].rows.tolist(), gallery[name].ids.tolist(), strict=True)) for name in MODALITIES}
    pairs = {name: [as_id(ids[name][row]) for row in both.tolist()] for name in MODALITIES}
    return PairStatistics.of(images.vectors(pairs["images"]), captions.vectors(pairs["captions"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", default=DEFAULT, choices=KINDS)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)  # searches of one query, as the page asks them
    figures = measure(describe(ProfileOptions(profile=options.profile)), options.rows, options.kinds)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
