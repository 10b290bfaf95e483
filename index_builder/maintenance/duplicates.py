"""Near duplicates of a gallery: by the hash of their pixels and by the embeddings that are stored."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from safeclip.errors import ImageError
from safeclip.images.loading import open_image
from safeclip.retrieval.manifest import Manifest

from ..errors import BuildError
from ..gallery.publishing import write_lines
from ..gallery.reader import Row
from ..gallery.rows import GalleryRows
from ..in_order import in_order
from ..indexes.duplicates import near_duplicates
from ..indexes.lookalikes import MOST_BITS, difference_hash, find_lookalikes
from ..progress import BuildProgress
from ..store.selection import live_shards
from ..workspace import Workspace

NAME = "duplicates.jsonl"
_THREADS = 2


def list_duplicates(work: Workspace, bits: int, cosine: float, progress: BuildProgress) -> tuple[Path, str]:
    """Writes a line for each pair of near duplicates; returns the file and a text with the counts.

    Raises BuildError for `bits` out of range, and ManifestError where no index was built.
    """
    if not 0 <= bits <= MOST_BITS:
        raise BuildError(f"--bits must be from 0 to {MOST_BITS}, not {bits}.")
    pixels = list(_by_pixels(work.gallery, work.live()["images"].ids, bits, progress))
    with progress.stage("compare embeddings"):
        lines, pairs, exact = _by_embedding(work, cosine)
    path = work.output / NAME
    write_lines(path, pixels + lines)
    about = "" if exact else "about "
    more = f" (the {len(lines):,} closest are listed)" if len(lines) < pairs else ""
    return path, (
        f"{len(pixels):,} pairs of images differ in at most {bits} of 64 bits of their pixels' hash; {about}{pairs:,} "
        f"pairs have embeddings with a cosine from {cosine}{more}"
    )


def _by_pixels(gallery: GalleryRows, live: np.ndarray, bits: int, progress: BuildProgress) -> Iterator[dict[str, Any]]:
    ids, hashes = [], []
    with progress.counting("hash pixels", len(live)) as counter:
        for id, digest in _hashed(gallery, live):
            counter(1, failed=digest is None)
            if digest is not None:
                ids.append(id)
                hashes.append(digest)
    for pair in find_lookalikes(np.array(hashes, np.uint8).reshape(-1, 8), bits):
        yield {"by": "pixels", "images": [ids[pair.first], ids[pair.second]], "bits": pair.bits}


def _hashed(gallery: GalleryRows, live: np.ndarray) -> Iterator[tuple[str, np.ndarray | None]]:
    """Id and pixel hash of the `live` images, None where one cannot be decoded; a few are in memory at a time."""
    rows = gallery.reader.read("images", np.sort(gallery["images"].rows_of(live)))
    with ThreadPoolExecutor(_THREADS, "hash") as pool:
        yield from in_order(pool, _hash, rows, 2 * _THREADS)


def _hash(row: Row) -> tuple[str, np.ndarray | None]:
    try:
        return row.id, None if row.fault else difference_hash(open_image(row.data))
    except ImageError:
        return row.id, None


def _by_embedding(work: Workspace, cosine: float) -> tuple[list[dict[str, Any]], int, bool]:
    """Lines, number of pairs, and whether none is missing, by the reference's embeddings; no encoder is loaded."""
    manifest = Manifest.read(work.output / work.seats[0].key)
    live = work.live()
    near = near_duplicates(
        lambda: live_shards(work.store, live, "images", manifest.encoder_fingerprint),
        len(live["images"]),
        manifest.dim,
        cosine,
    )
    lines = [{"by": "embedding", "images": [a, b], "cosine": score} for a, b, score in near.closest]
    return lines, near.pairs, near.exact
