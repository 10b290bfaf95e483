"""Source: a dataset of the Hugging Face hub, streamed at a pinned revision, or one on disk, through `datasets`."""

from __future__ import annotations

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
from datasets.utils.file_utils import xopen
from huggingface_hub import HfApi

from safeclip.errors import first_line
from safeclip.hashing import json_sha256
from safeclip.runtime import network

from ..errors import BuildError
from ..options import SourceOptions
from .base import SourceItem
from .files import state_of
from .tables.columns import Columns

# Written by Dataset.save_to_disk and DatasetDict.save_to_disk.
SAVED = ("state.json", "dataset_dict.json")
# Hops of a path that lead into an archive, by the names that `datasets` has for them.
_ARCHIVES = tuple(f"{kind}://" for kind in ("zip", "tar", "gzip", "bz2", "lz4", "xz", "zstd"))
# What a damaged file, or an archive that is none, makes of the reading of one image.
_DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)


class HubSource:
    """The rows of one split. Images stay encoded; images that a dataset keeps in files of their own are fetched.

    `NAME@REVISION` pins a dataset of the hub to a branch, tag or commit; without it, to what `main` is now. A folder
    holds what `save_to_disk` wrote, or files that `datasets` can load.
    """

    def __init__(self, place: str, options: SourceOptions):
        self.license = ""
        self._top = ""  # what the paths of a remote dataset's own files begin with
        if not Path(place).exists():
            name, _, revision = place.partition("@")
            commit = self._ask_hub(name, revision or None)
            loaded = _load(name, options, revision=commit)
            self.origin = f"{network.endpoint()}/datasets/{name}@{commit}"
            self._top = f"hf://datasets/{name}@{commit}/"
            state = commit
        else:
            saved = any((Path(place) / mark).exists() for mark in SAVED)
            loaded = _load_saved(Path(place), options) if saved else _load(place, options)
            self.origin = place
            state = state_of(sorted(file for file in Path(place).rglob("*") if file.is_file()))
        self.fingerprint = json_sha256([place.partition("@")[0], state, options.subset, options.split])
        self.license = self.license or (loaded.info.license or "")
        self._rows, names = _undecoded(loaded)
        self._columns = Columns.find(names, options, place)
        split = loaded.info.splits.get(str(loaded.split)) if loaded.info.splits else None
        self.count = len(loaded) if isinstance(loaded, datasets.Dataset) else split.num_examples if split else None

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        number = skip
        try:
            for number, row in enumerate(self._rows.skip(skip), start=skip):
                image, fault = self._with_bytes(row[self._columns.image])
                item = self._columns.item(f"row {number}", {**row, self._columns.image: image})
                yield replace(item, fault=fault) if fault else item
        except Exception as error:  # of a lost connection or a damaged file: datasets, Arrow and HTTP have their own
            raise BuildError(
                f"{self.origin}: the rows after {number} cannot be read ({first_line(error)}). What was read is "
                "stored: give the same command again to go on from there."
            ) from error

    def _ask_hub(self, name: str, revision: str | None) -> str:
        """Notes the licence that the dataset's card names; returns the commit of the revision."""
        try:
            about = HfApi(endpoint=network.endpoint()).dataset_info(name, revision=revision)
        except Exception as error:  # the hub's client and its HTTP library each have errors of their own
            raise BuildError(
                f"hub:{name}: the hub does not give this dataset ({first_line(error)}). Check its name and revision; "
                "for a gated one log in with `hf auth login`. A path on this machine must exist."
            ) from error
        license = (about.card_data and about.card_data.get("license")) or ""
        self.license = license if isinstance(license, str) else ", ".join(license)
        return about.sha or revision or "main"

    def _with_bytes(self, image: Any) -> tuple[Any, str]:
        """The cell of an image with its bytes, read from the dataset's file where it only names one."""
        if not isinstance(image, Mapping) or image.get("bytes") is not None or not image.get("path"):
            return image, ""
        path = image["path"]
        if not _is_own(path, self._top):
            return None, f"the image is not in the dataset, but at {path}"
        try:
            with xopen(path, "rb") as file:
                return {"bytes": file.read()}, ""
        except _DAMAGE as error:
            return None, f"the dataset's file {os.path.basename(path)} cannot be read: {first_line(error)}"


def _is_own(path: str, top: str) -> bool:
    """Whether a row of a remote dataset names a file below `top`, or one of a local dataset ("") a file of this disk.

    A row may not make this machine ask another, nor may one of the hub read this disk, or another repository, which
    may be open to this machine's token alone. `xopen` opens the first hop of `A::B` where that is a plain path, and
    fsspec takes a word for the name of a protocol, so every hop counts.
    """
    *archives, holder = path.split("::")
    if not all(hop.startswith(_ARCHIVES) for hop in archives):
        return False
    if top:
        return holder.startswith(top) and ".." not in holder.split("/")  # addresses are shortened at dots
    return "://" not in holder and (not archives or os.path.isabs(holder))


def _load(place: str, options: SourceOptions, revision: str | None = None) -> datasets.IterableDataset:
    try:
        splits = datasets.load_dataset(place, options.subset or None, streaming=True, revision=revision)
    except Exception as error:  # datasets has no base class of errors
        raise BuildError(f"hub:{place}: `datasets` cannot load this ({first_line(error)}).") from error
    return _split(splits, place, options.split)


def _load_saved(folder: Path, options: SourceOptions) -> datasets.Dataset:
    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # as above
        raise BuildError(f"{folder}: `datasets` cannot load this ({first_line(error)}).") from error
    return _split(loaded, str(folder), options.split) if isinstance(loaded, datasets.DatasetDict) else loaded


def _split(splits: Mapping[str, Any], place: str, wanted: str) -> Any:
    """The wanted split; without a wish "train", or the only one. Raises BuildError."""
    name = wanted or ("train" if "train" in splits else next(iter(splits)) if len(splits) == 1 else "")
    if name not in splits:
        raise BuildError(f"{place}: choose one of its splits with --split: {', '.join(splits)}.")
    return splits[name]


def _undecoded(loaded: Any) -> tuple[Any, list[str]]:
    """The rows with their images still encoded, and the names of the columns."""
    if isinstance(loaded, datasets.Dataset):
        loaded = loaded.to_iterable_dataset()
    names = loaded.column_names or list(next(iter(loaded), {}))
    return (loaded.decode(False) if loaded.features else loaded), names
