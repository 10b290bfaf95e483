"""Tells apart what a checkpoint's name in a profile means: a folder, a repository of the hub, or an open_clip name."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..paths import resolve

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_OPEN_CLIP_NAME = re.compile(r"[\w.-]{2,}:.+")  # two letters at least: one is a drive of Windows


@dataclass(frozen=True)
class Repository:
    """A model repository of the hub, pinned to a branch, tag or commit; None stands for its main branch."""

    id: str
    revision: str | None = None

    @classmethod
    def parse(cls, name: str, revision: str | None = None) -> Self:
        """Reads "owner/name" or "owner/name@revision"; a revision in the name wins over `revision`."""
        id, _, pinned = name.partition("@")
        return cls(id, pinned or revision)

    def __str__(self) -> str:
        return f"{self.id}@{self.revision[:12]}" if self.revision else self.id


def locate(name: str) -> Path | str:
    """Turns a checkpoint's name in a profile into its folder, or returns the name where it is not a path.

    A folder wins over a repository of the same name; "zoo/…" is a path wherever there is a folder "zoo".
    """
    path = resolve(name)
    return name if not path.exists() and (is_repository(name) or is_open_clip(name)) else path


def is_embedded(name: str) -> bool:
    """Whether a checkpoint is one of the zoo, whose models know no real person."""
    return Path(name).parts[:1] == ("zoo",)


def is_repository(name: str | Path) -> bool:
    """Whether `name` has the form of a hub repository and its first part is no folder of this machine."""
    if not isinstance(name, str) or not _REPOSITORY.fullmatch(name):
        return False
    first = name.split("/")[0]
    return not resolve(first).exists() and not Path(first).exists()


def is_open_clip(name: str | Path) -> bool:
    """Whether `name` is one of open_clip's: "hf-hub:owner/name", "local-dir:path" or "architecture:weights"."""
    return isinstance(name, str) and _OPEN_CLIP_NAME.fullmatch(name) is not None
