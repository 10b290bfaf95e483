"""Takes over embeddings that a source brings along, after embedding a sample of their rows again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from safeclip.encoders import Encoder
from safeclip.hashing import content_id
from safeclip.profiles import Seat

from ..errors import BuildError
from ..gallery.files import SOURCES, part_files, part_number
from ..gallery.publishing import read_lines
from ..gallery.rows import MODALITIES, as_numbers
from ..options import BuildOptions
from ..progress import BuildProgress
from ..sources import split_spec
from ..sources.embeddings import EmbeddingsSource
from ..store.shards import MAX_ROWS, Shard
from ..workspace import Workspace
from .batches import Batch, EmbeddingTask, embed_batch

CHECKED = 100  # rows that are embedded again
# Half precision and another library's resizing cost a cosine less than this leaves; another encoder costs more.
LEAST_COSINE = 0.98
_ID_COLUMN = {"images": "image_id", "captions": "caption_id"}


@dataclass(frozen=True)
class _Due:
    """Embeddings to take over: content `ids` (n,) int64, and their `rows` (n,) in `vectors`, mapped from a file."""

    ids: np.ndarray
    rows: np.ndarray
    vectors: np.ndarray

    def take(self, places: np.ndarray | slice, encoder: Encoder) -> np.ndarray:
        """The vectors at some places, float32, of length 1 where the encoder's are."""
        vectors = np.asarray(self.vectors[self.rows[places]], np.float32)
        if encoder.geometry.normalised:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


def adopt_embeddings(work: Workspace, options: BuildOptions, progress: BuildProgress) -> int:
    """Takes over the embeddings of every source of the build that brings some; see `adopt`."""
    places = [place for kind, place in map(split_spec, options.sources) if kind == "embeddings"]
    return sum(adopt(work, EmbeddingsSource(place, options), progress) for place in places)


def adopt(work: Workspace, source: EmbeddingsSource, progress: BuildProgress) -> int:
    """Stores the source's embeddings of those rows of the gallery that have none yet; returns their number.

    A row of the gallery is known by its file name, so the source must have been imported into it. Raises BuildError
    for embeddings of another encoder, of which none are taken, and for a seat that the profile lacks.
    """
    seats = {seat.key: (seat, encoder) for seat, encoder in work.encoders.items()}
    taken = 0
    for name in source.seats:
        key = name or next(iter(seats))
        if key not in seats:
            raise BuildError(f"{source.origin}: there is no seat {key!r}. The profile's are {', '.join(seats)}.")
        seat, encoder = seats[key]
        for modality in MODALITIES:
            due = list(_find_due(work, source, name, encoder, modality))
            if due:
                _check(work, seat, encoder, modality, due, source.origin)
                taken += _store(work, encoder, modality, due)
                progress.log(f"{sum(len(each.ids) for each in due):,} embeddings of “{key}” for {modality} taken over")
    return taken


def _find_due(work: Workspace, source: EmbeddingsSource, name: str, encoder: Encoder, modality: str) -> Iterator[_Due]:
    """The embeddings, part by part, whose id the gallery holds and the store does not. No id comes twice."""
    names, ids = _ids_by_name(_files_of(work.gallery.path, source.origin), modality)
    done = work.store.done(modality, encoder.fingerprint)
    for part in source.parts(name):
        if modality not in part.vectors or not len(names):
            continue
        hashes = np.array([int(content_id(each), 16) for each in part.names], np.int64)
        places = np.minimum(np.searchsorted(names, hashes), len(names) - 1)
        known = np.flatnonzero(names[places] == hashes)
        found, first = np.unique(ids[places[known]], return_index=True)
        new = ~np.isin(found, done) & np.isin(found, work.gallery[modality].ids)
        if new.any():
            done = np.concatenate([done, found[new]])
            yield _Due(found[new], known[first[new]], part.vectors[modality])


def _files_of(gallery: Path, origin: str) -> list[Path]:
    """The files that imports of a source added, as others may have the same names; all, where none is on record."""
    files, lines = part_files(gallery), read_lines(gallery / SOURCES)
    own = {line["first_file"] for line in lines if line["origin"] == origin}
    if not own:
        return files
    firsts = np.array(sorted(line["first_file"] for line in lines))
    places = np.searchsorted(firsts, list(map(part_number, files)), side="right") - 1
    return [file for file, place in zip(files, places.tolist(), strict=True) if place >= 0 and firsts[place] in own]


def _ids_by_name(files: Iterable[Path], modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the file names (n,) int64, sorted, and the content id of each, from files that have names."""
    names, ids = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for file in files:
        if "file_name" in pq.read_schema(file).names:
            table = pq.read_table(file, columns=["file_name", _ID_COLUMN[modality]])
            names.append(as_numbers(map(content_id, table["file_name"].to_pylist())))
            ids.append(as_numbers(table[_ID_COLUMN[modality]].to_pylist()))
    stacked = np.concatenate(names)
    order = np.argsort(stacked, kind="stable")
    return stacked[order], np.concatenate(ids)[order]


def _check(work: Workspace, seat: Seat, encoder: Encoder, modality: str, due: list[_Due], origin: str) -> None:
    """Embeds rows, evenly spread, again. Raises BuildError unless nearly all come out as the source says."""
    if (width := due[0].vectors.shape[1]) != encoder.dim:
        raise BuildError(f"{origin}: the embeddings for “{seat.key}” are {width} wide, its encoder's {encoder.dim}.")
    ids = np.concatenate([each.ids for each in due])
    chosen = np.unique(np.linspace(0, len(ids) - 1, min(CHECKED, len(ids))).astype(np.int64))
    claimed, start = [], 0
    for each in due:
        here = chosen[(chosen >= start) & (chosen < start + len(each.ids))] - start
        claimed.append(each.take(here, encoder))
        start += len(each.ids)
    rows = work.gallery[modality].rows_of(ids[chosen])
    order = np.argsort(rows)
    task = EmbeddingTask(work.gallery.reader, (seat,), (encoder,), work.device)
    again = embed_batch(Batch(modality, 0, rows[order]), task)
    compared = np.concatenate(claimed)[order][np.isin(ids[chosen][order], again.ids)]
    mine = again.vectors[encoder.fingerprint]
    lengths = np.maximum(np.linalg.norm(compared, axis=1), np.linalg.norm(mine, axis=1))
    cosines = (compared * mine).sum(axis=1) / np.maximum(lengths**2, 1e-12)  # less where the lengths differ
    if not len(cosines) or np.quantile(cosines, 0.1) < LEAST_COSINE:
        shown = f"a median cosine of {np.median(cosines):.3f}" if len(cosines) else "none of them can be embedded"
        raise BuildError(
            f"{origin}: the embeddings of {modality} are not those of “{seat.key}”: of {len(cosines)} rows embedded "
            f"again, {shown}; at least 9 of 10 must reach {LEAST_COSINE}. They are another encoder's, or of other "
            "images. Import the images alone to embed them here."
        )


def _store(work: Workspace, encoder: Encoder, modality: str, due: list[_Due]) -> int:
    """Commits the embeddings in shards, each durable before the next; returns their number."""
    for each in due:
        for start in range(0, len(each.ids), MAX_ROWS):
            piece = slice(start, start + MAX_ROWS)
            shard = Shard(each.ids[piece], {encoder.fingerprint: each.take(piece, encoder)})
            work.store.commit(modality, len(shard.ids), shard, ())
    return sum(len(each.ids) for each in due)
