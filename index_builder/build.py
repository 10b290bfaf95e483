"""A build from end to end: scan, embed what is new, assemble, report. Stopped anywhere, it can go on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.profiles import Profile, Seat, load_profile, resolve

from .engines.local import embed_here
from .engines.pending import EngineFor, embed_pending
from .errors import BuildError
from .indexes.assemble import assemble_map, assemble_seat
from .indexes.duplicates import NearDuplicates, near_duplicates
from .indexes.faiss_factory import DEFAULT_FACTORY, empty_index
from .progress import BuildProgress
from .report import QUARANTINE, build_report, count_rows, write_quarantine, write_report
from .sources.gallery import MODALITIES, Source
from .store.folders import exclusive
from .store.selection import Live, live_shards
from .store.shard_store import Store
from .store.shards import MAX_ROWS
from .store.tombstones import change_tombstones

SHARDS = "shards"


@dataclass(frozen=True)
class Options:
    """What to build. `gallery`, `output` and `seats` default to what the profile says.

    `near` is the cosine from which two pictures are reported as near duplicates (above 1: do not look).
    """

    profile: str = "emoji"
    gallery: str | None = None
    output: str | None = None
    seats: tuple[str, ...] = ()
    batch_size: int = 64
    shard_rows: int = 2048
    factory: str = DEFAULT_FACTORY
    device: str | None = None
    fresh: bool = False
    remove: tuple[str, ...] = ()
    restore: tuple[str, ...] = ()
    near: float = 0.99


def build(
    options: Options, progress: BuildProgress | None = None, engine_for: EngineFor = embed_here
) -> dict[str, Any]:
    """Bring the indexes under `output` up to date with the gallery; returns the report written there.

    Raises SafeClipError (its message says what to do); what was embedded until then is kept and not done
    again.
    """
    progress = progress or BuildProgress(quiet=True)
    profile = load_profile(options.profile)
    gallery, output = locations(profile, options.gallery, options.output)
    seats = _seats(profile, options, output)
    output.mkdir(parents=True, exist_ok=True)
    with exclusive(output):
        with progress.stage("scan"):
            source = Source(gallery)
        if not source.rows:
            raise BuildError(f"{gallery}: the gallery has no rows, so there is nothing to index.")
        with progress.stage("load encoders"):
            encoders = _encoders(seats, options)
        removed = change_tombstones(output, source.unsafe, options.remove, options.restore)
        progress.say(f"{source.rows:,} rows in {gallery}, {len(removed):,} removed")
        if source.duplicates["images"]:
            progress.say("some pictures are there twice: indexed once, but the app wants a gallery without them")
        store = _store(output, options, progress)
        embedded = _embed(store, source, encoders, options, progress, engine_for)
        faults = write_quarantine(output, store, source, encoders)
        live = {modality: Live(source.ids(modality), removed) for modality in MODALITIES}
        _check_not_empty(store, live, next(iter(encoders.values())), output, faults, progress)
        with progress.stage("assemble"):
            indexes = {}
            for seat in seats:
                progress.say(f"assembling {output / seat.key}")
                place = output, seat, encoders[seat.key]
                indexes[seat.key] = assemble_seat(*place, store, source, live, options.factory)
            if reference := encoders.get(profile.seats[0].key):
                assemble_map(output, reference, store, source, live)
        with progress.stage("near duplicates"):
            near = _near(store, live, reference or next(iter(encoders.values())), options.near)
        counts = count_rows(source, removed, embedded, faults)
        report = build_report(options, profile, source, counts, indexes, near, progress.seconds)
        write_report(output, report)
    return report


def locations(profile: Profile, gallery: str | None, output: str | None) -> tuple[Path, Path]:
    """Where the gallery is and the indexes go: as given (from the current folder), or as the profile says."""
    if (gallery is None or output is None) and profile.retrieval is None:
        raise BuildError(f"The profile {profile.name} has no [retrieval] section: give --gallery and --output.")
    return (
        Path(gallery) if gallery is not None else resolve(profile.retrieval.gallery),
        Path(output) if output is not None else resolve(profile.retrieval.index),
    )


def _seats(profile: Profile, options: Options, output: Path) -> list[Seat]:
    """The seats to build, in the profile's order. Raises BuildError for options that cannot be meant."""
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


def _encoders(seats: list[Seat], options: Options) -> dict[str, Encoder]:
    loaded = EncoderSet(seats, device=options.device)
    encoders = {seat.key: loaded[seat.key] for seat in seats}
    for encoder in encoders.values():
        # A factory that FAISS cannot make should fail now, not after an hour's work.
        empty_index(options.factory, encoder.dim)
    return encoders


def _store(output: Path, options: Options, progress: BuildProgress) -> Store:
    if options.fresh:
        shutil.rmtree(output / SHARDS, ignore_errors=True)
    store = Store(output / SHARDS)
    if store.dropped:
        progress.say(f"{store.dropped} shards were damaged: their rows are embedded again")
    return store


def _embed(
    store: Store,
    source: Source,
    encoders: dict[str, Encoder],
    options: Options,
    progress: BuildProgress,
    engine_for: EngineFor,
) -> dict[str, int]:
    embedded = {}
    for modality in MODALITIES:
        with progress.stage(f"embed {modality}"):
            embedded[modality] = embed_pending(
                store,
                source,
                modality,
                tuple(encoders.values()),
                progress,
                batch_size=options.batch_size,
                shard_rows=options.shard_rows,
                engine_for=engine_for,
            )
    return embedded


def _check_not_empty(
    store: Store, live: dict[str, Live], encoder: Encoder, output: Path, faults: list, progress: BuildProgress
) -> None:
    if faults:
        progress.say(f"{len(faults):,} rows cannot be embedded: see {output / QUARANTINE}")
    if not any(True for _ in live_shards(store, live, "images", encoder)):
        raise BuildError(
            f"None of the gallery's pictures can be indexed: {len(faults):,} rows are in quarantine "
            f"({output / QUARANTINE} says why), the others were removed. The indexes were left as they are."
        )


def _near(store: Store, live: dict[str, Live], encoder: Encoder, threshold: float) -> NearDuplicates | None:
    if threshold > 1:
        return None
    return near_duplicates(
        lambda: live_shards(store, live, "images", encoder), len(live["images"]), encoder.dim, threshold
    )
