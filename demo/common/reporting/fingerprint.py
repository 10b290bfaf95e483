"""Fingerprints: what decided an answer — checkpoints, gallery, judges and code — in a few digits.

Links, reports, downloads and citations carry it, so that a page with other models or other code can say so.
"""

import dataclasses
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import safeclip
from safeclip.errors import SafeClipError
from safeclip.hashing import checkpoint_hashes, file_sha256, json_sha256
from safeclip.paths import resolve

if TYPE_CHECKING:
    from safeclip import Lab

LENGTH = 12  # hex digits of a whole fingerprint
LINK = "made"  # its name in links


def parts_of(lab: "Lab") -> dict[str, str]:
    """Name of each part that decides answers → its hash, or a name of what is not on this machine to be hashed."""
    profile = lab.profile
    parts = {"code": code_hash(), "profile": json_sha256(dataclasses.asdict(profile))[:LENGTH]}
    for seat in profile.seats:
        names = [name for name in (seat.checkpoint, seat.adapter) if name]
        parts[f"seat {seat.key}"] = _short("+".join(names), partial(_all_hashes, names))
    if profile.retrieval is not None:
        parts["gallery"] = _short(profile.retrieval.gallery, lambda: lab.gallery.fingerprint)
    if profile.generation is not None:
        spec = profile.generation
        parts["generation"] = _short(spec.checkpoint, lambda: lab.generation.fingerprint)
        parts["judges"] = json_sha256([_judge(name) for name in spec.judges])[:LENGTH]
    if profile.captioning is not None:
        parts["captioning"] = _short(profile.captioning.checkpoint, lambda: lab.captioning.fingerprint)
    return parts


def fingerprint_of(lab: "Lab") -> str:
    """The fingerprint of all parts together: LENGTH hex digits."""
    return json_sha256(parts_of(lab))[:LENGTH]


@lru_cache(maxsize=1)
def code_hash() -> str:
    """The hash of the library's source code."""
    folder = Path(safeclip.__file__).parent
    files = sorted(folder.rglob("*.py"))
    return json_sha256([[path.relative_to(folder).as_posix(), file_sha256(path)] for path in files])[:LENGTH]


@lru_cache(maxsize=64)
def _hashes(name: str) -> list[str]:
    """The hashes of a checkpoint's folder on this machine. Raises CheckpointError for what is not there."""
    return checkpoint_hashes(resolve(name))


def _judge(name: str) -> str:
    """The name of a judge, with the hash of the folder that it is read from, as in `scene:zoo/judge`."""
    _, _, folder = name.partition(":")
    return f"{name} {_short('', partial(_hashes, folder))}" if folder else name


def _all_hashes(names: list[str]) -> list[list[str]]:
    return [_hashes(name) for name in names]


def _short(name: str, hashed: Callable[[], object]) -> str:
    """The hash of what `hashed` finds, or `name`, as a hub's name stands for what is not here."""
    try:
        return json_sha256(hashed())[:LENGTH]
    except (SafeClipError, OSError):
        return name
