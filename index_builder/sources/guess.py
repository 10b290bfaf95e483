"""Guesses the kind of a source from what lies at a path, and where its files are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import BuildError
from .files import SHARDS, has_suffix, is_image

_BY_SUFFIX = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    **dict.fromkeys(SHARDS, "webdataset"),
    ".txt": "list",
    ".jsonl": "list",
    ".csv": "list",
    ".tsv": "list",
}
_PACKED = (".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")
_IN_FOLDER = ("webdataset", "parquet", "arrow")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


def guess_source(place: str, kinds: Iterable[str]) -> tuple[str, str]:
    """The kind of the source at a path or pattern, one of `kinds`, and the place to read.

    Of a gallery that is its folder of rows, beside which lie thumbnails. Raises BuildError where nothing can be said.
    """
    path = Path(place)
    if path.is_dir() and any(path.glob("data/test-*.parquet")):
        return "parquet", str(path / "data")
    return _guess_kind(path, place, kinds), place


def _guess_kind(path: Path, place: str, kinds: Iterable[str]) -> str:
    if path.is_dir():
        return _kind_of_folder(path)
    kind = _kind_of_file(path)
    if kind is not None:
        return kind
    hint = f" For a dataset of the hub write hub:{place}." if _HUB_NAME.fullmatch(place) else ""
    if not path.exists():
        raise BuildError(
            f"{place} is not a folder, and no file either.{hint} A source is KIND:PLACE: {', '.join(kinds)}."
        )
    if path.suffix.lower() in _PACKED:
        raise BuildError(f"{place}: no kind of source reads such a file. Unpack it, and name what was in it.")
    raise BuildError(f"{place}: its name does not tell what it is. Write KIND:{place}, one of {', '.join(kinds)}.")


def _kind_of_file(file: Path) -> str | None:
    return next((kind for suffix, kind in _BY_SUFFIX.items() if has_suffix(file, (suffix,))), None)


def _kind_of_folder(folder: Path) -> str:
    """A folder of images, unless it has the marks of something else; a table beside images does not count as one."""
    entries = sorted(folder.iterdir())
    names = {entry.name for entry in entries}
    if {"state.json", "dataset_info.json"} <= names or "dataset_dict.json" in names:
        return "hub"
    if "metadata" in names and names & {"img_emb", "text_emb"}:
        return "embeddings"
    if any(os.path.isdir(entry / "img_emb") for entry in entries):  # False for a folder that may not be looked into
        return "embeddings"
    if any(is_image(name) for name in names):
        return "folder"
    kinds = set(map(_kind_of_file, entries))
    return next((kind for kind in _IN_FOLDER if kind in kinds), "folder")
