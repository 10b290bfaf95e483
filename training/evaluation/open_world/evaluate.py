"""Runs the evaluation row by row, and keeps the outcomes of each row as it is done."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from safeclip.encoders import Encoder
from safeclip.hashing import json_sha256
from safeclip.runtime.atomic_files import write_atomically
from safeclip.runtime.checkpoint_names import locate

from ...data.open_world.splits import splits
from .baselines import Baselines, Budget
from .figures import Summary
from .held_out import HeldOutSets
from .measures import Outcomes, best_possible, measure
from .painted import Easel
from .rows import ROWS, EncoderRow, KeptEncoder, Row

log = logging.getLogger(__name__)
SEATED = ROWS[:4]
VERSION = 1  # of the outcomes: changes when a measure does


@dataclass(frozen=True)
class SeatSource:
    """The checkpoint of a row, and the adapter where it has one."""

    row: str
    checkpoint: str
    adapter: str | None = None

    @classmethod
    def parse(cls, text: str) -> "SeatSource":
        """Reads "row=checkpoint+adapter". Raises ValueError naming what is allowed."""
        row, _, path = text.partition("=")
        if row not in SEATED or not path:
            raise ValueError(f"{text!r} is no seat: write {' or '.join(SEATED)}, “=”, a checkpoint, and “+adapter”")
        checkpoint, _, adapter = path.partition("+")
        return cls(row, checkpoint, adapter or None)

    def open(self, kept: Path) -> KeptEncoder:
        adapter = locate(self.adapter) if self.adapter else None
        return KeptEncoder(Encoder.from_pretrained(locate(self.checkpoint), adapter), kept)


class RowStore:
    """Outcomes of rows in a folder, one JSON file for each row and seed, which names what it was measured with."""

    def __init__(self, folder: Path):
        self._folder = folder

    def get(self, row: str, seed: int, key: str, make: Callable[[], Outcomes]) -> Outcomes:
        """The kept outcomes, or those that `make` gives when none are kept under this key."""
        path = self._folder / f"{row}-{seed}.json"
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["key"] == key:
                return {name: np.array(values) for name, values in kept["outcomes"].items()}
        log.info("measuring %s, seed %d", row, seed)
        outcomes = make()
        listed = {name: np.round(values, 6).tolist() for name, values in outcomes.items()}
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"row": row, "key": key, "outcomes": listed}).encode())
        return outcomes


def evaluate(seats: Sequence[SeatSource], sets: HeldOutSets, easel: Easel, work: Path, budget: Budget) -> dict:
    """All figures, in the shape of `zoo/metrics.json`. Raises ValueError without a seat "original"."""
    opened = {seat: seat.open(work / "embeddings") for seat in seats}
    original = next((encoder for seat, encoder in opened.items() if seat.row == "original"), None)
    if original is None:
        raise ValueError("the row original is missing: every figure is compared with it")
    store = RowStore(work / "rows")
    measured: dict[str, list[Outcomes]] = {}
    for row, seed, key, make in _asked(opened, Baselines(original, easel, budget), original.key + budget.how):
        name = json_sha256([VERSION, sets.key, key])
        measured.setdefault(row, []).append(store.get(row, seed, name, lambda make=make: measure(make(), sets)))
    bound = json_sha256([VERSION, sets.key])
    measured["best_possible"] = [store.get("best_possible", 0, bound, lambda: best_possible(sets, splits()))]
    return Summary(sets).of(measured)


def _asked(
    opened: dict[SeatSource, KeptEncoder], baselines: Baselines, how: str
) -> Iterator[tuple[str, int, str, Callable[[], Row]]]:
    """Row, seed, what decides its outcomes, and what makes it."""
    counts: dict[str, int] = {}
    for seat, encoder in opened.items():
        counts[seat.row] = counts.get(seat.row, -1) + 1
        yield seat.row, counts[seat.row], encoder.key, lambda encoder=encoder: EncoderRow(encoder)
    for row, makers in baselines.makers().items():
        yield from ((row, seed, f"{how}/{row}/{seed}", make) for seed, make in enumerate(makers))
