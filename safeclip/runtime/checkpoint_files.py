"""Describes the files of a checkpoint layout: what is downloaded of a repository and what a folder must hold.

Every layout is declared once, beside the code that reads it. Downloads, the check of the cache before a start, and
messages about missing files follow from that declaration.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import CheckpointError

Alternatives = tuple[tuple[str, ...], ...]  # file names or glob patterns; all of one alternative are read together

CONFIG: Alternatives = (("config.json",),)
TOKENIZER: Alternatives = (("tokenizer.json",), ("vocab.json", "merges.txt"))
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")  # read where they exist

_NOTHING: Alternatives = ((),)
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?=\.[a-z]+$)")
_HEADER_LENGTH_BYTES = 8  # a .safetensors file begins with the length of its JSON header, little-endian


def model_type(folder: Path) -> str:
    """The architecture that a folder's config.json names, "" where it cannot be read: its reader says what is wrong."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True)
class CheckpointFiles:
    """Files of one checkpoint layout, as names or glob patterns relative to the checkpoint's folder.

    `required` holds groups of alternatives; of every group one alternative must be complete. `weights` is such a group,
    best format first, of which a download takes only the first alternative that the repository has; a weight file may
    be split into shards that `<name>.index.json` lists. `optional` files are read where they exist. `what` names the
    layout in messages. `hint` is a format string with the repository's `{name}`: where weights may be found instead.
    """

    what: str
    required: tuple[Alternatives, ...] = ()
    weights: Alternatives = _NOTHING
    optional: tuple[str, ...] = ()
    hint: str = ""

    def __or__(self, other: "CheckpointFiles") -> "CheckpointFiles":
        """The files of both layouts in one folder; weights are those of the first layout that has any."""
        return replace(
            self,
            required=tuple(dict.fromkeys(self.required + other.required)),
            weights=other.weights if self.weights == _NOTHING else self.weights,
            optional=tuple(dict.fromkeys(self.optional + other.optional)),
        )

    def patterns(self, weights: tuple[str, ...]) -> tuple[str, ...]:
        """Glob patterns of all files of the layout, with the one alternative `weights` of its weights."""
        names = [name for group in self.required for alternative in group for name in alternative]
        parts = [pattern for name in weights for pattern in _with_shards(name)]
        return tuple(dict.fromkeys([*names, *self.optional, *parts]))

    def missing(self, folder: Path) -> tuple[str, ...]:
        """Names of the files that `folder` lacks; empty when it is complete.

        Of a group's alternatives the one is reported of which some file is there, else the first.
        """
        groups = (*self.required, self.weights)
        return tuple(name for group in groups for name in _missing_of_group(folder, group))

    def has_weights(self, folder: Path) -> bool:
        """Whether `folder` holds any weight file of the layout, or the layout has none."""
        return self.weights == _NOTHING or bool(self.weight_files(folder))

    def weight_files(self, folder: Path) -> list[Path]:
        """The weight files in `folder` of the best format that is there, sorted by name; shards without their index."""
        for alternative in self.weights:
            if found := [path for name in alternative for path in _weight_files(folder, name)]:
                return sorted(found)
        return []

    def require(self, folder: Path) -> None:
        """Raises CheckpointError unless `folder` exists and holds every file that the layout needs."""
        if not folder.is_dir():
            raise CheckpointError(f"{folder}: there is no such {self.what}. Correct its path in the profile.")
        if missing := self.missing(folder):
            raise CheckpointError(f"{folder}: {missing[0]} is missing; a {self.what} needs it.")


def truncated(folder: Path) -> list[Path]:
    """Safetensors files below `folder` that hold fewer bytes than their header announces, sorted by name.

    Only headers are read. A file whose header cannot be read counts as truncated.
    """
    return [path for path in sorted(folder.rglob("*.safetensors")) if path.is_file() and not _is_whole(path)]


def _is_whole(path: Path) -> bool:
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
            if length > size:
                return False
            header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return False
    return size >= _HEADER_LENGTH_BYTES + length + max(ends, default=0)


def _missing_of_group(folder: Path, group: Alternatives) -> list[str]:
    missing = [[*_missing_of(folder, alternative)] for alternative in group]
    if not all(missing):
        return []
    begun = (names for names, alternative in zip(missing, group, strict=True) if _is_begun(folder, alternative))
    return next(begun, missing[0])


def _is_begun(folder: Path, names: tuple[str, ...]) -> bool:
    """Whether any file, shard or index of an alternative is there."""
    return any(path.is_file() for name in names for pattern in _with_shards(name) for path in folder.glob(pattern))


def _missing_of(folder: Path, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if any(path.is_file() for path in folder.glob(name)):  # is_file: a link into the cache may lead nowhere
            continue
        shards = _expected_shards(folder, name)
        yield from (shard for shard in shards if not (folder / shard).is_file()) if shards else (name,)


def _expected_shards(folder: Path, name: str) -> list[str]:
    """The shards of a weight file: by its index, or by "-00001-of-00003" in the name of one that is there."""
    index = folder / f"{name}.index.json"
    parent = Path(name).parent
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return sorted({str(parent / shard) for shard in weight_map.values()})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    for path in _weight_files(folder, name):
        if (match := _SHARD.search(path.name)) is not None:
            number, count = match.groups()
            stem, suffix = path.name[: match.start()], path.suffix
            return [str(parent / f"{stem}-{i:0{len(number)}}-of-{count}{suffix}") for i in range(1, int(count) + 1)]
    return []


def _weight_files(folder: Path, name: str) -> list[Path]:
    single, shards, _ = _with_shards(name)
    return [path for pattern in (single, shards) for path in folder.glob(pattern) if path.is_file()]


def _with_shards(name: str) -> tuple[str, str, str]:
    """Patterns of a weight file as a whole, of its shards, and of their index."""
    stem, _, suffix = name.rpartition(".")
    return name, f"{stem}-*.{suffix}", f"{name}.index.json"
