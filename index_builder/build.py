"""Builds indexes from end to end: imports, embeds what is new, assembles, reports. Resumes after a stop."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from safeclip.retrieval.manifest import NAME as MANIFEST

from .engines import find_engine
from .engines.adoption import adopt_embeddings
from .engines.batches import EngineFor
from .engines.pending import embed_pending
from .errors import BuildError
from .gallery.import_state import unfinished_source
from .gallery.importer import import_source
from .gallery.judges import open_judges
from .gallery.rows import MODALITIES
from .indexes.assemble import assemble_map, assemble_seat
from .indexes.duplicates import NearDuplicates, near_duplicates
from .indexes.plan import IndexPlan
from .options import BuildOptions
from .progress import BuildProgress
from .report import QUARANTINE, build_report, count_rows, write_quarantine, write_report
from .store.folders import reporting_disk
from .store.selection import Live, live_shards
from .store.tombstones import change_tombstones
from .workspace import SHARDS, Workspace, open_workspace

KEPT = "What is embedded and the indexes in use are kept"


def build(
    options: BuildOptions, progress: BuildProgress | None = None, engine_for: EngineFor | None = None
) -> dict[str, Any]:
    """Brings the indexes under `output` up to date with the gallery; returns the report written there.

    `engine_for` overrides the engine that the options name. Raises SafeClipError, whose message says what to do. What
    was imported and embedded until then is kept.
    """
    progress = progress or BuildProgress(quiet=True)
    plan = IndexPlan.of(options)
    engine_for = engine_for or find_engine(options.engine)
    with open_workspace(options) as work, reporting_disk(work.output, KEPT):
        if options.remove or options.restore:
            require_all_seats(work)
        if options.sources:
            _import(work, options, progress)
        with progress.stage("scan"):
            gallery = work.gallery
        if not len(gallery):
            raise BuildError(f"{gallery.path}: the gallery has no rows, so there is nothing to index.")
        with progress.stage("load encoders"):
            counts = {modality: len(live) for modality, live in work.live().items()}
            for encoder in work.encoders.values():
                plan.check(counts, encoder.dim)
        removed = change_tombstones(work.output, gallery.holds, options.remove, options.restore)
        progress.log(f"{len(gallery):,} rows in {gallery.path}, {len(removed):,} removed")
        if gallery["images"].repeated:
            progress.log("Some images occur twice. Each is indexed once, but the page refuses such a gallery.")
        _open_store(work, options, progress)
        adopt_embeddings(work, options, progress)
        embedded = _embed(work, options, progress, engine_for)
        return conclude(work, options, plan, progress, embedded)


def conclude(
    work: Workspace,
    options: BuildOptions,
    plan: IndexPlan,
    progress: BuildProgress,
    embedded: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Makes indexes, map and report of what is in the store; returns the report.

    `embedded` counts by modality what was embedded just now. Raises BuildError, and leaves the indexes as they were,
    when there is no image to index.
    """
    faults = write_quarantine(work)
    _require_images(work, faults, progress)
    indexes = assemble(work, plan, progress)
    with progress.stage("near duplicates"):
        near = find_near_duplicates(work, options.near)
    counts = count_rows(work, embedded or dict.fromkeys(MODALITIES, 0), faults)
    report = build_report(work, options, counts, indexes, near, progress.seconds)
    write_report(work.output, report)
    return report


def assemble(work: Workspace, plan: IndexPlan, progress: BuildProgress) -> dict[str, dict[str, Any]]:
    """Assembles the indexes of every seat, and the map; returns what the report says of each index."""
    with progress.stage("assemble"):
        indexes = {}
        live = work.live()
        for seat, encoder in work.encoders.items():
            progress.log(f"assembling {work.output / seat.key}")
            about = assemble_seat(work.output, seat, encoder, work.store, work.gallery, live, plan)
            for name in about.get("left", ()):
                progress.log(f"the collection {name} is of no use any more, but Milvus did not drop it: drop it there")
            indexes[seat.key] = about
        if work.has_reference:
            assemble_map(work.output, work.reference, work.store, work.gallery, live)
    return indexes


def find_near_duplicates(work: Workspace, threshold: float) -> NearDuplicates | None:
    """Near duplicates among the live images by the reference; None when `threshold` is above 1."""
    if threshold > 1:
        return None
    live = work.live()
    return near_duplicates(
        lambda: live_shards(work.store, live, "images", work.reference.fingerprint),
        len(live["images"]),
        work.reference.dim,
        threshold,
    )


def require_all_seats(work: Workspace) -> None:
    """Raises BuildError when ids would be removed from the indexes of some seats alone."""
    known, own = ([seat.key for seat in seats] for seats in (work.profile.seats, work.seats))
    folders = {path.parent.name for path in work.output.glob(f"*/{MANIFEST}")}
    if strange := sorted(name for name in folders.difference(known) if "." not in name):  # a stopped swap has some
        raise BuildError(
            f"Ids are removed from every index at once, and {work.output} has some of another profile: "
            f"{', '.join(strange)}. Name that one with --profile, or delete these folders."
        )
    if others := [key for key in known if key in folders and key not in own]:
        raise BuildError(f"Ids are removed from every index at once: add the seats {', '.join(others)} to --seats.")


def _import(work: Workspace, options: BuildOptions, progress: BuildProgress) -> None:
    with progress.stage("import"):
        judges = open_judges(options.judges, options.profile, progress.log, options.device)
        begun = unfinished_source(work.gallery_path)
        for spec in sorted(options.sources, key=lambda spec: spec != begun):  # what was stopped goes on first
            import_source(spec, work.gallery_path, options, progress, judges)


def _open_store(work: Workspace, options: BuildOptions, progress: BuildProgress) -> None:
    if options.fresh:
        shutil.rmtree(work.output / SHARDS, ignore_errors=True)
    if work.store.dropped:
        progress.log(f"{work.store.dropped} shards were damaged: their rows are embedded again")


def _embed(work: Workspace, options: BuildOptions, progress: BuildProgress, engine_for: EngineFor) -> dict[str, int]:
    embedded = {}
    for modality in MODALITIES:
        with progress.stage(f"embed {modality}"):
            embedded[modality] = embed_pending(
                work.store,
                work.gallery,
                modality,
                work.encoders,
                progress,
                engine_for,
                batch_size=options.batch_size,
                shard_rows=options.shard_rows,
                device=options.device,
                workers=options.workers,
            )
    return embedded


def _require_images(work: Workspace, faults: list[dict[str, str]], progress: BuildProgress) -> None:
    if faults:
        progress.log(f"{len(faults):,} rows cannot be embedded: see {work.output / QUARANTINE}")
    live: dict[str, Live] = work.live()
    if not any(True for _ in live_shards(work.store, live, "images", work.reference.fingerprint)):
        raise BuildError(
            f"None of the gallery's images can be indexed: {len(faults):,} rows are in quarantine "
            f"({work.output / QUARANTINE} says why), {len(work.gallery['images']) - len(live['images']):,} images were "
            "removed. The indexes were left as they are."
        )
