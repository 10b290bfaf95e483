"""Says which files of a hub repository are read and whether the cache on this machine holds them whole."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..hashing import file_sha256
from .checkpoint_files import CheckpointFiles, truncated
from .checkpoint_names import Repository

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class HubFiles:
    """The files that are read of one repository."""

    repository: Repository
    files: CheckpointFiles


def cache_folder() -> Path:
    """The folder in which the hub's client keeps what it downloaded, without the import of that client."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(os.path.expandvars(named or Path(home) / "hub")).expanduser()


def cached_snapshot(repository: Repository) -> Path | None:
    """The cache's folder for a repository's revision; None where it was never downloaded or its ref leads nowhere.

    The folder may be incomplete: the hub's client makes it before it downloads the first file.
    """
    folder = cache_folder() / f"models--{repository.id.replace('/', '--')}"
    revision = repository.revision or "main"
    reference = folder / "refs" / revision
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def cache_faults(wanted: HubFiles) -> list[str]:
    """Faults that keep the cached copy of a repository from being read, file by file; empty when it can be read.

    Nothing is asked of the network. Weights are counted by the shards that their index lists and by the bytes that
    their headers announce, so an interrupted download does not pass for a whole one.
    """
    snapshot = cached_snapshot(wanted.repository)
    if snapshot is None:
        return ["nothing of it was downloaded"]
    faults = [f"{name} is missing" for name in wanted.files.missing(snapshot)]
    return faults + [f"{path.relative_to(snapshot)} is cut short" for path in truncated(snapshot)]


def altered(wanted: HubFiles) -> list[str]:
    """Files of the cached copy whose bytes are not those that the hub has; all weights are read, which takes a while.

    The hub's client names large files by their SHA-256, and others by hashes that are not looked at.
    """
    snapshot = cached_snapshot(wanted.repository)
    if snapshot is None:
        return []
    named = [(path, path.resolve().name) for path in wanted.files.weight_files(snapshot)]
    return [
        path.relative_to(snapshot).as_posix()
        for path, name in named
        if _SHA256.fullmatch(name) and file_sha256(path) != name
    ]


def is_cached(wanted: HubFiles) -> bool:
    """Whether the cache on this machine holds all files of `wanted`, each of them whole."""
    return not cache_faults(wanted)
