"""Written results of a build: quarantine.jsonl and build_report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from safeclip.encoders import Encoder
from safeclip.profiles import Profile
from safeclip.runtime.atomic_files import write_atomically

from .gallery.rows import MODALITIES, GalleryRows
from .indexes.duplicates import NearDuplicates
from .options import BuildOptions
from .store.shard_store import ShardStore

QUARANTINE = "quarantine.jsonl"
REPORT = "build_report.json"
_LISTED = 100


def write_quarantine(
    output: Path, store: ShardStore, gallery: GalleryRows, encoders: dict[str, Encoder]
) -> list[dict[str, str]]:
    """Writes a JSON line with the reason for each row of the gallery that could not be embedded; returns the lines.

    Without such rows the file is removed.
    """
    lines = []
    for modality in MODALITIES:
        faults = store.ledger.faults(modality)
        if not faults:
            continue
        done = set.intersection(*(store.done(modality, encoder.fingerprint) for encoder in encoders.values()))
        lines += [
            {"modality": modality, **asdict(faults[id])}
            for id in gallery.ids(modality)
            if id in faults and int(id, 16) not in done
        ]
    path = output / QUARANTINE
    if lines:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_atomically(path, text.encode())
    else:
        path.unlink(missing_ok=True)
    return lines


def count_rows(
    gallery: GalleryRows, removed: list[str], embedded: dict[str, int], faults: list[dict[str, str]]
) -> dict[str, dict[str, int]]:
    """Counts of rows by modality: unique, repeated, embedded in this build, quarantined, removed."""
    counts = {}
    for modality in MODALITIES:
        ids = gallery.ids(modality)
        counts[modality] = {
            "unique": len(ids),
            "duplicate_rows": sum(gallery.duplicates[modality].values()),
            "embedded_now": embedded[modality],
            "quarantined": sum(fault["modality"] == modality for fault in faults),
            "removed": len(set(ids).intersection(removed)),
        }
    counts["captions"]["blank"] = gallery.blank
    return counts


def build_report(
    options: BuildOptions,
    profile: Profile,
    gallery: GalleryRows,
    counts: dict[str, dict[str, int]],
    indexes: dict[str, dict[str, Any]],
    near: NearDuplicates | None,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """The report as plain JSON values. Lists of duplicates are cut at 100 entries; counts cover all."""
    return {
        "profile": profile.name,
        "gallery": {
            "path": options.gallery or profile.retrieval.gallery,
            "fingerprint": gallery.items.fingerprint,
            "rows": gallery.rows,
        },
        "factory": options.factory,
        "batch_size": options.batch_size,
        "shard_rows": options.shard_rows,
        "counts": counts,
        "indexes": indexes,
        "duplicates": {key: dict(islice(again.items(), _LISTED)) for key, again in gallery.duplicates.items()},
        "near_duplicates": near and {**asdict(near), "closest": [list(pair) for pair in near.closest]},
        "seconds": {**seconds, "total": round(sum(seconds.values()), 2)},
    }


def write_report(output: Path, report: dict[str, Any]) -> None:
    write_atomically(output / REPORT, json.dumps(report, indent=2, ensure_ascii=False).encode() + b"\n")


def summary(report: dict[str, Any]) -> str:
    """A few lines of the report for the terminal."""
    lines = []
    for modality, count in report["counts"].items():
        notes = [f"{count[key]:,} {key.replace('_', ' ')}" for key in count if key != "unique" and count[key]]
        lines.append(f"{modality}: {count['unique']:,} unique" + "".join(f", {note}" for note in notes))
    for seat, index in report["indexes"].items():
        recall = index["text_query_recall@10"]
        note = "" if recall is None else f", recall@10 of text queries against exact search {recall:.1%}"
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
