"""Describes the files of a checkpoint layout: what is downloaded of a repository and what a folder must hold.

Every layout is declared once, beside the code that reads it. Downloads, the check of the cache before a start, and
messages about missing files follow from that declaration.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Self

from ..errors import CheckpointError

Alternatives = tuple[tuple[str, ...], ...]  # file names or glob patterns; all of one alternative are read together

CONFIG: Alternatives = (("config.json",),)
TOKENIZER: Alternatives = (("tokenizer.json",), ("vocab.json", "merges.txt"))
# CLIPProcessor.save_pretrained of transformers 5 writes the second, CLIPImageProcessor's and older versions the first.
IMAGE_PROCESSOR: Alternatives = (("preprocessor_config.json",), ("processor_config.json",))
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")  # read where they exist

HALF = "fp16"  # of the names of files in half precision: model.fp16.safetensors

_NOTHING: Alternatives = ((),)
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?=\.[a-z]+$)")
_HEADER_LENGTH_BYTES = 8  # a .safetensors file begins with the length of its JSON header, little-endian


def model_type(folder: Path) -> str:
    """The architecture that a folder's config.json names, "" where it cannot be read: its reader says what is wrong."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    except (OSError, ValueError, AttributeError):  # the last of a list or a number
        return ""


def read_config(path: Path) -> dict[str, Any]:
    """Reads a JSON file of settings, such as config.json. Raises CheckpointError when it is no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: this is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: this is not a configuration, which is a JSON object. Fetch the file again.")
    return content


@dataclass(frozen=True)
class CheckpointFiles:
    """Files of one checkpoint layout, as names or glob patterns relative to the checkpoint's folder.

    `required` holds groups of alternatives; of every group one alternative must be complete. `weights` is such a group,
    best format first, of which a download takes only the first alternative that the repository has; a weight file may
    be split into shards that `<name>.index.json` lists. `optional` files are read where they exist. `what` names the
    layout in messages. `hint` is a format string with the repository's `{name}`: where weights may be found instead.
    `half` says that of each safetensors file its copy in half precision (HALF) is read where there is one.
    """

    what: str
    required: tuple[Alternatives, ...] = ()
    weights: Alternatives = _NOTHING
    optional: tuple[str, ...] = ()
    hint: str = ""
    half: bool = False

    def __or__(self, other: "CheckpointFiles") -> "CheckpointFiles":
        """The files of both layouts in one folder; weights are those of the first layout that has any."""
        return replace(
            self,
            required=tuple(dict.fromkeys(self.required + other.required)),
            weights=other.weights if self.weights == _NOTHING else self.weights,
            half=other.half if self.weights == _NOTHING else self.half,
            optional=tuple(dict.fromkeys(self.optional + other.optional)),
        )

    def among(self, names: Collection[str]) -> Self:
        """The layout with the names of the weights that are read of a repository that holds the files `names`."""

        def there(name: str) -> bool:
            return any(fnmatch(each, pattern) for pattern in _with_shards(name) for each in names)

        return self._with_halves(lambda name, half: there(half))

    def inside(self, folder: Path) -> Self:
        """The layout with the names of the weights that are read of a folder: a copy cut short is no reason to."""

        def chosen(name: str, half: str) -> bool:
            if not any(_missing_of(folder, (half,))):
                return True
            return any(_missing_of(folder, (name,))) and _is_begun(folder, (half,))

        return self._with_halves(chosen)

    def lacking(self, names: Collection[str]) -> list[str]:
        """Of every required group that a repository with the files `names` has no whole alternative of, a file."""

        def whole(alternative: tuple[str, ...]) -> bool:
            return all(any(fnmatch(name, pattern) for name in names) for pattern in alternative)

        return [group[0][0] for group in self.required if not any(map(whole, group))]

    def lacking_halves(self, names: Collection[str]) -> str:
        """A few words for the user where a repository's `names` lack copies in half precision that were asked for."""
        if not self.half:
            return ""
        weights = self.among(names).weights[0]
        whole = [Path(name) for name in weights if not _stem(name).endswith(f".{HALF}")]
        if len(whole) == len(weights):
            return f"no {HALF} files there"
        return f"{HALF} but for {', '.join(path.parent.name for path in whole)}" if whole else ""

    def _with_halves(self, chosen: Callable[[str, str], bool]) -> Self:
        if not self.half:
            return self
        pairs = [[(name, _halved(name)) for name in alternative] for alternative in self.weights]
        weights = tuple(
            tuple(half if half and chosen(name, half) else name for name, half in alternative) for alternative in pairs
        )
        return replace(self, weights=weights, half=False)

    def patterns(self, weights: tuple[str, ...]) -> tuple[str, ...]:
        """Glob patterns of all files of the layout, with the one alternative `weights` of its weights."""
        names = [name for group in self.required for alternative in group for name in alternative]
        parts = [pattern for name in weights for pattern in _with_shards(name)]
        return tuple(dict.fromkeys([*names, *self.optional, *parts]))

    def missing(self, folder: Path) -> tuple[str, ...]:
        """Names of the files that `folder` lacks; empty when it is complete.

        Of a group's alternatives the one is reported of which some file is there, else the first.
        """
        groups = (*self.required, self.inside(folder).weights)
        return tuple(name for group in groups for name in _missing_of_group(folder, group))

    def has_weights(self, folder: Path) -> bool:
        """Whether `folder` holds any weight file of the layout, or the layout has none."""
        return self.weights == _NOTHING or bool(self.weight_files(folder))

    def weight_files(self, folder: Path) -> list[Path]:
        """The weight files in `folder` of the best format that is there, sorted by name; shards without their index."""
        for alternative in self.inside(folder).weights:
            if found := [path for name in alternative for path in _weight_files(folder, name)]:
                return sorted(found)
        return []

    def variant(self, folder: Path, part: str = "") -> str | None:
        """HALF where the weights in `folder/part` that are read are in half precision, as from_pretrained names it."""
        found = [path for path in self.weight_files(folder) if path.parent == folder / part]
        return HALF if found and f".{HALF}" in found[0].name else None

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
    """The shards of a weight file: by its index, or by "-00001-of-00003" in the name of one that is there.

    Without an index that one is expected too, as transformers reads no shards of safetensors by their names.
    """
    index = folder / _with_shards(name)[2]
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
            names = [f"{stem}-{i:0{len(number)}}-of-{count}{suffix}" for i in range(1, int(count) + 1)]
            absent = [index.name] if suffix == ".safetensors" and not index.is_file() else []
            return [str(parent / each) for each in (*names, *absent)]
    return []


def _weight_files(folder: Path, name: str) -> list[Path]:
    single, shards, _ = _with_shards(name)
    return [path for pattern in (single, shards) for path in folder.glob(pattern) if path.is_file()]


def _with_shards(name: str) -> tuple[str, str, str]:
    """Patterns of a weight file as a whole, of its shards, and of their index."""
    stem, _, suffix = name.rpartition(".")
    whole = stem.removesuffix(f".{HALF}")
    mark = "" if whole == stem else f".{HALF}"
    return name, f"{stem}-*.{suffix}", f"{whole}.{suffix}.index{mark}.json"


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _halved(name: str) -> str:
    """The name of a weight file's copy in half precision, "" for a format that has none."""
    return f"{_stem(name)}.{HALF}.safetensors" if name.endswith(".safetensors") else ""
