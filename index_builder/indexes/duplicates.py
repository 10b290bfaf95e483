"""Near duplicates: images that the reference encoder embeds almost alike."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import faiss
import numpy as np

from ..store.selection import SAMPLE_ROWS, Shards, sample_rows

EXACT_ROWS = 20_000
LISTED_PAIRS = 100
MOST_FOUND = 4_000_000  # pairs in memory at a time, about 150 MB, where every image is a duplicate of every other
_BLOCK = 1024
_PROBES = 8


@dataclass(frozen=True)
class NearDuplicates:
    """`pairs` of images have a cosine of at least `threshold`; the `closest` are listed as (id, id, cosine).

    When not `exact`, there were too many images to compare each with each, and some pairs may be missing.
    """

    threshold: float
    pairs: int
    exact: bool
    closest: tuple[tuple[str, str, float], ...]


def near_duplicates(
    shards: Callable[[], Shards],
    total: int,
    dim: int,
    threshold: float,
    *,
    exact_rows: int = EXACT_ROWS,
    most_found: int = MOST_FOUND,
) -> NearDuplicates:
    """Finds the pairs with a cosine of at least `threshold` among `total` unit vectors.

    Up to `exact_rows` each is compared with each. Beyond, each is compared with the 8 nearest of about 4·√n cells,
    which costs O(n·√n); near duplicates lie near the same centre. Beside the index, memory holds at
    most `most_found` pairs, or those of one image.
    """
    exact = total <= exact_rows
    index = faiss.IndexIDMap(faiss.IndexFlatIP(dim)) if exact else _trained_cells(shards(), total, dim)
    for ids, vectors in shards():
        index.add_with_ids(np.ascontiguousarray(vectors), ids)
    step = min(_BLOCK, max(1, most_found // max(1, total)))
    pairs = 0
    closest: list[tuple[float, int, int]] = []
    for ids, vectors in shards():
        for start in range(0, len(ids), step):
            block = slice(start, start + step)
            limits, scores, found = index.range_search(
                np.ascontiguousarray(vectors[block]),
                float(np.nextafter(np.float32(threshold), np.float32(-2))),
            )
            starts = limits.astype(np.int64)
            own = np.repeat(ids[block], starts[1:] - starts[:-1])
            once = own < found  # each pair is found from both ends, and every image finds itself
            pairs += int(once.sum())
            best = np.flatnonzero(once)
            if len(best) > LISTED_PAIRS:  # a film has millions of pairs, of which few become Python objects
                best = best[np.argpartition(scores[best], -LISTED_PAIRS)[-LISTED_PAIRS:]]
            rows = zip(scores[best].tolist(), own[best].tolist(), found[best].tolist(), strict=True)
            closest = heapq.nlargest(LISTED_PAIRS, [*closest, *rows])
    listed = tuple((f"{a:016x}", f"{b:016x}", round(score, 5)) for score, a, b in closest)
    return NearDuplicates(threshold, pairs, exact, listed)


def _trained_cells(shards: Shards, total: int, dim: int) -> faiss.Index:
    """An empty index of about 4·√n cells, trained on a sample."""
    cells = int(4 * sqrt(total))
    index = faiss.index_factory(dim, f"IVF{cells},SQfp16", faiss.METRIC_INNER_PRODUCT)
    faiss.extract_index_ivf(index).nprobe = _PROBES
    index.train(sample_rows(shards, total, dim, min(64 * cells, SAMPLE_ROWS))[1])
    return index
