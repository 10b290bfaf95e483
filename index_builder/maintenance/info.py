"""Describes a gallery and its indexes, from their records alone: nothing is loaded or changed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from safeclip.errors import SafeClipError
from safeclip.retrieval.gallery import license_of
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.row_groups import reading
from safeclip.retrieval.stores.tombstones import read_tombstones

from ..gallery.files import PURGED, QUARANTINE, SOURCES, part_files
from ..gallery.hashes import Hashes
from ..gallery.import_state import FOLDER as IMPORTING
from ..gallery.publishing import read_lines
from ..report import QUARANTINE as UNEMBEDDED
from ..store.ledger import Ledger
from ..store.shard_store import LEDGER
from ..workspace import SHARDS, Workspace


def describe_all(work: Workspace) -> dict[str, Any]:
    """The gallery, the index of each seat, and the store, as plain JSON values."""
    return {
        "gallery": describe_gallery(work.gallery_path),
        "indexes": {seat.key: describe_index(work.output / seat.key) for seat in work.profile.seats},
        "store": describe_store(work.output),
    }


def describe_gallery(path: Path) -> dict[str, Any]:
    """Rows, bytes, labels, sources and licence of a gallery. Raises GalleryError for a file that cannot be read."""
    labels: Counter[str] = Counter()
    rows = unsafe = 0
    files = part_files(path)
    for file in files:
        with reading(file) as parquet:
            rows += parquet.metadata.num_rows
            unsafe += sum(map(bool, pq.read_table(file, columns=["unsafe"])["unsafe"].to_pylist()))
            if "labelled_by" in parquet.schema_arrow.names:
                names = pq.read_table(file, columns=["labelled_by"])["labelled_by"].to_pylist()
                labels.update(name or "" for name in names)
    return {
        "path": str(path),
        "rows": rows,
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "license": license_of(path),
        "unsafe": unsafe,
        "labelled_by": {name or "nobody": count for name, count in sorted(labels.items())},
        "sources": [
            {key: line[key] for key in ("source", "license", "counts", "date")} for line in read_lines(path / SOURCES)
        ],
        "left_out": len(read_lines(path / QUARANTINE)),
        "purged": len(Hashes.read(*path.glob(PURGED)).ids),
        "unfinished_import": (path / IMPORTING).exists(),
    }


def describe_index(folder: Path) -> dict[str, Any]:
    """What the manifest of a seat's index says, or under "fault" why it cannot be read."""
    try:
        manifest = Manifest.read(folder)
    except SafeClipError as error:
        return {"fault": str(error)}
    about = ("checkpoint", "adapter", "dim", "dtype", "factory", "created", "files", "store")
    return {key: getattr(manifest, key) for key in about}


def describe_store(output: Path) -> dict[str, Any]:
    """Counts of the stored embeddings, of removed ids and of rows that could not be embedded."""
    ledger = Ledger(output / SHARDS / LEDGER) if (output / SHARDS).is_dir() else None
    shards = [output / SHARDS / record.shard for record in ledger.records if record.shard] if ledger else []
    return {
        "path": str(output),
        "shards": len(shards),
        "bytes": sum(path.stat().st_size for path in shards if path.exists()),
        "removed": len(read_tombstones(output)),
        "quarantined": len(read_lines(output / UNEMBEDDED)),
    }


def summary(about: dict[str, Any]) -> str:
    """A few lines of `describe_all` for the terminal."""
    gallery, store = about["gallery"], about["store"]
    lines = [
        f"gallery {gallery['path']}: {gallery['rows']:,} images in {gallery['files']:,} files of "
        f"{gallery['bytes'] / 1e6:,.1f} MB, {gallery['unsafe']:,} unsafe, licence {gallery['license'] or 'not stated'}"
    ]
    lines += [f"  labelled by {name}: {count:,}" for name, count in gallery["labelled_by"].items()]
    lines += [
        f"  from {each['source']} ({each['date']}): {each['counts'].get('rows', 0):,}" for each in gallery["sources"]
    ]
    notes = [(gallery["left_out"], "items of the sources left out"), (gallery["purged"], "images purged")]
    lines += [f"  {count:,} {what}" for count, what in notes if count]
    if gallery["unfinished_import"]:
        lines.append("  an import was stopped: give its command again to finish it")
    for seat, index in about["indexes"].items():
        lines.append(f"index {seat}: {index['fault'] if 'fault' in index else _index_line(index)}")
    lines.append(
        f"store {store['path']}: {store['shards']:,} shards of {store['bytes'] / 1e6:,.1f} MB, "
        f"{store['removed']:,} ids removed, {store['quarantined']:,} rows in quarantine"
    )
    return "\n".join(lines)


def _index_line(index: dict[str, Any]) -> str:
    parts = [f"{index['factory']} of {index['created'][:10]}"]
    for name, file in index["files"].items():
        recall = " and ".join(
            f"{value:.1%} of {kind}s" for kind, value in (file.get("recall@10") or {}).items() if value
        )
        note = f", recall@10 {recall}" if recall else ""
        parts.append(f"{file['count']:,} {name.partition('.')[0]} in {file['bytes'] / 1e6:,.1f} MB{note}")
    return "; ".join(parts)
