"""Written results of a build: quarantine.jsonl and build_report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from safeclip.runtime.atomic_files import write_atomically

from .errors import BuildError
from .gallery.publishing import write_lines
from .gallery.rows import MODALITIES, as_id
from .indexes.duplicates import NearDuplicates
from .options import BuildOptions
from .workspace import Workspace

QUARANTINE = "quarantine.jsonl"
REPORT = "build_report.json"
_LISTED = 100
# Options of a build that a later command on the same indexes takes over.
SETTINGS = ("batch_size", "shard_rows", "index", "factory", "milvus", "memory_gb", "recall_floor", "near")


def write_quarantine(work: Workspace) -> list[dict[str, str]]:
    """Writes a JSON line with the reason for each row of the gallery that could not be embedded; returns the lines.

    Without such rows the file is removed.
    """
    lines = []
    for modality in MODALITIES:
        faults = work.store.ledger.faults(modality)
        if not faults:
            continue
        done = [work.store.done(modality, encoder.fingerprint) for encoder in work.encoders.values()]
        embedded = reduce(np.intersect1d, done)
        pending = np.setdiff1d(work.gallery[modality].ids, embedded)
        failed = pending[np.isin(pending, [int(id, 16) for id in faults])]
        in_order = failed[np.argsort(work.gallery[modality].rows_of(failed))]
        lines += [{"modality": modality, **asdict(faults[as_id(number)])} for number in in_order.tolist()]
    write_lines(work.output / QUARANTINE, lines)
    return lines


def count_rows(work: Workspace, embedded: Mapping[str, int], faults: list[dict[str, str]]) -> dict[str, dict[str, int]]:
    """Counts of rows by modality: unique, repeated, embedded in this build, quarantined, removed."""
    counts = {}
    live = work.live()
    for modality in MODALITIES:
        contents = work.gallery[modality]
        counts[modality] = {
            "unique": len(contents),
            "duplicate_rows": sum(contents.repeated.values()),
            "embedded_now": embedded[modality],
            "quarantined": sum(fault["modality"] == modality for fault in faults),
            "removed": len(contents) - len(live[modality]),
        }
    counts["captions"]["blank"] = work.gallery.blank
    return counts


def build_report(
    work: Workspace,
    options: BuildOptions,
    counts: dict[str, dict[str, int]],
    indexes: dict[str, dict[str, Any]],
    near: NearDuplicates | None,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """The report as plain JSON values. Lists of duplicates are cut at 100 entries; counts cover all."""
    gallery, retrieval = work.gallery, work.profile.retrieval
    return {
        "profile": work.profile.name,
        "gallery": {
            "path": options.gallery or (retrieval.gallery if retrieval else ""),
            "fingerprint": gallery.fingerprint,
            "rows": len(gallery),
        },
        "settings": {name: getattr(options, name) for name in SETTINGS},
        "counts": counts,
        "indexes": indexes,
        "duplicates": {modality: dict(islice(gallery[modality].repeated.items(), _LISTED)) for modality in MODALITIES},
        "near_duplicates": near and {**asdict(near), "closest": [list(pair) for pair in near.closest]},
        "seconds": {**seconds, "total": round(sum(seconds.values()), 2)},
    }


def write_report(output: Path, report: dict[str, Any]) -> None:
    write_atomically(output / REPORT, json.dumps(report, indent=2, ensure_ascii=False).encode() + b"\n")


def read_report(output: Path) -> dict[str, Any]:
    """The report of the last build. Raises BuildError when there is none, or it cannot be read."""
    path = output / REPORT
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(report, dict) and isinstance(report.get("settings") or {}, dict)):
            raise ValueError("it is no report of a build")
        return report
    except (OSError, ValueError) as error:
        raise BuildError(f"{output} holds no finished index ({path.name}: {error}). Build it first.") from error


def summary(report: dict[str, Any]) -> str:
    """A few lines of the report for the terminal."""
    lines = []
    for modality, count in report["counts"].items():
        notes = [f"{count[key]:,} {key.replace('_', ' ')}" for key in count if key != "unique" and count[key]]
        lines.append(f"{modality}: {count['unique']:,} unique" + "".join(f", {note}" for note in notes))
    for seat, index in report["indexes"].items():
        kinds = [(kind, index[f"{kind}_query_recall@10"]) for kind in ("text", "image")]
        shares = " and ".join(f"{value:.1%} of {kind} queries" for kind, value in kinds if value is not None)
        note = f", recall@10 against exact search {shares}" if shares else ""
        lines.append(f"index {seat}: {index['images']:,} images, {index['captions']:,} captions{note}")
    if near := report["near_duplicates"]:
        kind = "" if near["exact"] else "about "
        lines.append(f"near duplicates: {kind}{near['pairs']:,} pairs of images with a cosine from {near['threshold']}")
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report["seconds"].items())
    return "\n".join([*lines, times])


def import_summary(counts: Mapping[str, int]) -> str:
    """One line that accounts for every item of a source."""
    kinds = {
        "rows": "images stored",
        "present": "in the gallery before",
        "repeated": "repeated",
        "blocked": "on the blocklist",
        "quarantined": "quarantined",
        "without_caption": "stored without a caption",
        "unsafe": "labelled unsafe",
        "not_judged": "not judged",
    }
    return ", ".join(f"{counts[key]:,} {kind}" for key, kind in kinds.items() if counts.get(key) or key == "rows")
