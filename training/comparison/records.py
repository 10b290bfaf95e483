"""What every table of trained rows shares: the arguments of its command, and one JSON file a row and seed."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from safeclip.hashing import json_sha256
from safeclip.runtime.atomic_files import write_atomically

from ..engine.options import RunOptions, from_zero
from ..engine.origin import model_at
from ..engine.recipe import BaseRecipe

Record = dict[str, Any]
Budget = TypeVar("Budget")  # a dataclass of counts


def rows_parser(
    program: str, description: str, rows: Sequence[str], *, seeds: Sequence[int], checkpoint: str
) -> argparse.ArgumentParser:
    """A parser of --out, --rows, --seeds, --checkpoint, --artwork, --workers and --device."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--rows", nargs="+", choices=rows, default=rows, metavar="ROW")
    parser.add_argument("--seeds", type=from_zero, nargs="+", default=seeds)
    parser.add_argument("--checkpoint", default=checkpoint, help="CLIP that all start from")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--workers", type=from_zero, default=1, help="processes that prepare batches")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


@dataclass(frozen=True)
class Runs(Generic[Budget]):
    """The runs of a table: the budget of each, the CLIP that all start from, and the folder of everything."""

    budget: Budget
    checkpoint: str
    options: RunOptions

    @cached_property
    def origin(self) -> dict[str, Any]:
        """What every record says of where it comes from: the CLIP's name, what stands there now, and the budget."""
        return {"checkpoint": self.checkpoint, "model": model_at(self.checkpoint), "budget": asdict(self.budget)}


def settings_of(recipe: BaseRecipe) -> dict[str, str]:
    """What tells the record of a recipe from that of the same row with other settings."""
    return {"recipe": json_sha256(recipe.hyper_parameters())}


def kept_record(folder: Path, origin: Mapping[str, Any], measure: Callable[[], Mapping[str, float]]) -> Record:
    """`origin`, which names row, seed and all that decides, with its figures: from its file in rows/, or measured now.

    A file of another origin is written anew.
    """
    path = folder / "rows" / f"{origin['row']}-{origin['seed']}.json"
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        if _comes_from(known, origin):
            return known
    record = {**origin, "figures": dict(measure())}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(record, indent=2) + "\n").encode())
    return record


def known_runs(folder: Path, origin: Mapping[str, Any]) -> set[tuple[str, int]]:
    """The rows and seeds that are kept in rows/ with this `origin`."""
    kept = (json.loads(path.read_text(encoding="utf-8")) for path in (folder / "rows").glob("*.json"))
    return {(each["row"], each["seed"]) for each in kept if _comes_from(each, origin)}


def _comes_from(record: Record, origin: Mapping[str, Any]) -> bool:
    return {key: record.get(key) for key in origin} == origin


def all_records(path: Path, runs: Iterable[tuple[str, int]], record: Callable[[str, int], Record]) -> list[Record]:
    """The records of rows and seeds, each told on stderr as it begins; all of them go to `path`."""
    records = []
    for row, seed in runs:
        print(f"{row}, seed {seed}", file=sys.stderr, flush=True)
        records.append(record(row, seed))
    write_atomically(path, (json.dumps(records, indent=1) + "\n").encode())
    return records
