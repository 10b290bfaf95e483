"""Sources of quadruplets by name. A new one is a file and one line of SOURCES."""

from collections.abc import Callable
from dataclasses import dataclass, fields, make_dataclass
from functools import partial
from typing import Any

from safeclip.errors import ProfileError

from ..engine.options import RunOptions
from ..errors import DataError
from .quadruplets.collection import open_collection
from .quadruplets.folder import FolderSpec, read_folder
from .quadruplets.parquet import ParquetSpec, read_parquet
from .quadruplets.rows import DIVIDED
from .quadruplets.schema import QuadrupletSource
from .quadruplets.shards import ShardsSpec, read_shards
from .quadruplets.visu import ViSUSpec, read_visu


@dataclass(frozen=True)
class DrawnSpec:
    """So many quadruplets of the training and validation splits of a world that is drawn from a seed."""

    train: int
    validation: int
    seed: int


@dataclass(frozen=True)
class OpenWorldSpec(DrawnSpec):
    """Siblings when they train, and distinct quadruplets of the validation phase.

    `reworded` is the share of unsafe concepts that a training caption calls by another word of harm, from WordNet.
    """

    reworded: float = 0.0


@dataclass(frozen=True)
class Source:
    """A kind of source: the table `[data.NAME]` of a recipe, and what opens a split of it."""

    spec: type
    open: Callable[[Any, str, RunOptions], QuadrupletSource]


def _emoji(spec: DrawnSpec, split: str, options: RunOptions) -> QuadrupletSource:
    from .emoji.world.quadruplets import EmojiQuadruplets

    return EmojiQuadruplets(options.artwork, split, spec.seed, _count(spec, split))


def _open_world(spec: OpenWorldSpec, split: str, options: RunOptions) -> QuadrupletSource:
    from .open_world.quadruplets import OpenQuadruplets, PackedQuadruplets

    shown, phase = ("train", "train") if split == "train" else ("seen", "validation")
    count, words = _count(spec, split), {"reworded": spec.reworded, "language": options.language}
    source = OpenQuadruplets(options.artwork, shown, phase, spec.seed, count, **words)
    quadruplets = PackedQuadruplets(source, options.packed, options.artwork, options.workers)
    quadruplets.paint()
    return quadruplets


def _count(spec: DrawnSpec, split: str) -> int:
    if split not in DIVIDED:
        raise DataError(
            f"A world that is drawn has the splits {' and '.join(DIVIDED)} here, and not “{split}”. Name one of them "
            "as `split`; the test splits of the open world are measured by `python -m training.evaluation.open_world`."
        )
    return getattr(spec, split)


def _files(name: str, read: Callable, spec: Any, split: str, options: RunOptions) -> QuadrupletSource:
    return open_collection(name, read(spec, split), split, options)


SOURCES = {
    "emoji": Source(DrawnSpec, _emoji),
    "open_world": Source(OpenWorldSpec, _open_world),
    "visu": Source(ViSUSpec, partial(_files, "visu", read_visu)),
    "folder": Source(FolderSpec, partial(_files, "folder", read_folder)),
    "parquet": Source(ParquetSpec, partial(_files, "parquet", read_parquet)),
    "webdataset": Source(ShardsSpec, partial(_files, "webdataset", read_shards)),
}

DataSpec = make_dataclass("DataSpec", [(name, each.spec | None, None) for name, each in SOURCES.items()], frozen=True)
DataSpec.__doc__ = "The table [data] of a recipe, in which one source is chosen by its name."


def open_source(spec: DataSpec, split: str, options: RunOptions) -> QuadrupletSource:
    """The quadruplets of a split, "train" or "validation".

    Raises ProfileError unless exactly one source is chosen, DataError when it is missing or has no complete row.
    """
    chosen = {each.name: getattr(spec, each.name) for each in fields(spec)}
    chosen = {name: table for name, table in chosen.items() if table is not None}
    if len(chosen) != 1:
        known = ", ".join(f"[data.{name}]" for name in SOURCES)
        raise ProfileError(f"the recipe's [data] needs exactly one of the tables {known}")
    ((name, table),) = chosen.items()
    return SOURCES[name].open(table, split, options)
