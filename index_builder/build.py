"""Builds indexes from end to end: scans the gallery, embeds what is new, assembles, reports. Resumes after a stop."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.paths import resolve
from safeclip.profiles import Profile, Seat, load_profile

from .engines.local import local_engine
from .engines.pending import EngineFor, embed_pending
from .errors import BuildError
from .gallery.rows import MODALITIES, GalleryRows
from .indexes.assemble import assemble_map, assemble_seat
from .indexes.duplicates import NearDuplicates, near_duplicates
from .indexes.faiss_factory import empty_index
from .options import BuildOptions
from .progress import BuildProgress
from .report import QUARANTINE, build_report, count_rows, write_quarantine, write_report
from .store.folders import exclusive
from .store.selection import Live, live_shards
from .store.shard_store import ShardStore
from .store.shards import MAX_ROWS
from .store.tombstones import change_tombstones

SHARDS = "shards"


def build(
    options: BuildOptions, progress: BuildProgress | None = None, engine_for: EngineFor = local_engine
) -> dict[str, Any]:
    """Brings the indexes under `output` up to date with the gallery; returns the report written there.

    Raises SafeClipError, whose message says what to do. What was embedded until then is kept.
    """
    progress = progress or BuildProgress(quiet=True)
    profile = load_profile(options.profile)
    gallery_path, output = locations(profile, options.gallery, options.output)
    seats = _seats(profile, options, output)
    output.mkdir(parents=True, exist_ok=True)
    with exclusive(output):
        with progress.stage("scan"):
            gallery = GalleryRows(gallery_path)
        if not gallery.rows:
            raise BuildError(f"{gallery_path}: the gallery has no rows, so there is nothing to index.")
        with progress.stage("load encoders"):
            encoders = _encoders(seats, options)
        removed = change_tombstones(output, gallery.unsafe, options.remove, options.restore)
        progress.log(f"{gallery.rows:,} rows in {gallery_path}, {len(removed):,} removed")
        if gallery.duplicates["images"]:
            progress.log("Some images occur twice. Each is indexed once, but the page refuses such a gallery.")
        store = _store(output, options, progress)
        embedded = _embed(store, gallery, encoders, options, progress, engine_for)
        faults = write_quarantine(output, store, gallery, encoders)
        live = {modality: Live(gallery.ids(modality), removed) for modality in MODALITIES}
        _check_not_empty(store, live, next(iter(encoders.values())), output, faults, progress)
        with progress.stage("assemble"):
            indexes = {}
            for seat in seats:
                progress.log(f"assembling {output / seat.key}")
                place = output, seat, encoders[seat.key]
                indexes[seat.key] = assemble_seat(*place, store, gallery, live, options.factory)
            if reference := encoders.get(profile.seats[0].key):
                assemble_map(output, reference, store, gallery, live)
        with progress.stage("near duplicates"):
            near = _near(store, live, reference or next(iter(encoders.values())), options.near)
        counts = count_rows(gallery, removed, embedded, faults)
        report = build_report(options, profile, gallery, counts, indexes, near, progress.seconds)
        write_report(output, report)
    return report


def locations(profile: Profile, gallery: str | None, output: str | None) -> tuple[Path, Path]:
    """Paths of the gallery and of the indexes: as given (from the current folder), or as the profile says."""
    if (gallery is None or output is None) and profile.retrieval is None:
        raise BuildError(f"The profile {profile.name} has no [retrieval] section: give --gallery and --output.")
    return (
        Path(gallery) if gallery is not None else resolve(profile.retrieval.gallery),
        Path(output) if output is not None else resolve(profile.retrieval.index),
    )


def _seats(profile: Profile, options: BuildOptions, output: Path) -> list[Seat]:
    """The seats to build, in the profile's order. Raises BuildError for options that contradict each other."""
    keys = tuple(seat.key for seat in profile.seats)
    if strange := [key for key in options.seats if key not in keys]:
        raise BuildError(f"The profile {profile.name} has no seat {', '.join(strange)}. It has {', '.join(keys)}.")
    if not 1 <= options.shard_rows <= MAX_ROWS:
        raise BuildError(f"--shard-rows must be from 1 to {MAX_ROWS}, not {options.shard_rows}.")
    if options.batch_size < 1:
        raise BuildError(f"--batch-size must be at least 1, not {options.batch_size}.")
    chosen = options.seats or keys
    others = [key for key in keys if key not in chosen and (output / key).is_dir()]
    if (options.remove or options.restore) and others:
        raise BuildError(f"Ids are removed from every index at once: add the seats {', '.join(others)} to --seats.")
    return [seat for seat in profile.seats if seat.key in chosen]


def _encoders(seats: list[Seat], options: BuildOptions) -> dict[str, Encoder]:
    loaded = EncoderSet(seats, device=options.device)
    encoders = {seat.key: loaded[seat.key] for seat in seats}
    for encoder in encoders.values():
        # A factory that FAISS does not know fails now, not after hours of embedding.
        empty_index(options.factory, encoder.dim)
    return encoders


def _store(output: Path, options: BuildOptions, progress: BuildProgress) -> ShardStore:
    if options.fresh:
        shutil.rmtree(output / SHARDS, ignore_errors=True)
    store = ShardStore(output / SHARDS)
    if store.dropped:
        progress.log(f"{store.dropped} shards were damaged: their rows are embedded again")
    return store


def _embed(
    store: ShardStore,
    gallery: GalleryRows,
    encoders: dict[str, Encoder],
    options: BuildOptions,
    progress: BuildProgress,
    engine_for: EngineFor,
) -> dict[str, int]:
    embedded = {}
    for modality in MODALITIES:
        with progress.stage(f"embed {modality}"):
            embedded[modality] = embed_pending(
                store,
                gallery,
                modality,
                tuple(encoders.values()),
                progress,
                batch_size=options.batch_size,
                shard_rows=options.shard_rows,
                engine_for=engine_for,
            )
    return embedded


def _check_not_empty(
    store: ShardStore, live: dict[str, Live], encoder: Encoder, output: Path, faults: list, progress: BuildProgress
) -> None:
    if faults:
        progress.log(f"{len(faults):,} rows cannot be embedded: see {output / QUARANTINE}")
    if not any(True for _ in live_shards(store, live, "images", encoder)):
        raise BuildError(
            f"None of the gallery's images can be indexed: {len(faults):,} rows are in quarantine "
            f"({output / QUARANTINE} says why), the others were removed. The indexes were left as they are."
        )


def _near(store: ShardStore, live: dict[str, Live], encoder: Encoder, threshold: float) -> NearDuplicates | None:
    if threshold > 1:
        return None
    return near_duplicates(
        lambda: live_shards(store, live, "images", encoder), len(live["images"]), encoder.dim, threshold
    )
