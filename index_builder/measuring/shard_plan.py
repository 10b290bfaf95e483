"""The plan of a build's shards: how many there are, how large, and what crashes cost; with a simulation of a build."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, expm1

import numpy as np

_ID_BYTES, _FLOAT_BYTES = 8, 4
_LEDGER_BYTES = 300  # a line of the ledger
RESTART_HOURS = 1 / 60  # to notice a crash, start again and load the encoders


@dataclass(frozen=True)
class ShardPlan:
    """Shards of `rows` rows (images or captions), each with the vectors of `seats` encoders of width `dim`."""

    rows: int
    seats: int
    dim: int
    shard_rows: int = 2048

    @property
    def shards(self) -> int:
        return ceil(self.rows / self.shard_rows)

    @property
    def shard_bytes(self) -> int:
        """Bytes of a full shard: an id and one vector a seat for each row."""
        return self.shard_rows * self._row_bytes

    @property
    def bytes(self) -> int:
        return self.rows * self._row_bytes + self.shards * _LEDGER_BYTES

    @property
    def _row_bytes(self) -> int:
        return _ID_BYTES + _FLOAT_BYTES * self.seats * self.dim


@dataclass(frozen=True)
class Outcome:
    """A build that has ended: its hours, its crashes, the rows that were embedded twice, and the rows of each shard."""

    hours: float
    crashes: int
    rows_again: int
    shard_rows: tuple[int, ...]


def simulate(plan: ShardPlan, rows_per_hour: float, hours_between_crashes: float, seed: int = 0) -> Outcome:
    """Builds in simulated time: shard after shard, with crashes that come independently of each other.

    A crash loses the shard in the making and nothing else, and the build is started again after a minute.
    """
    rng = np.random.default_rng(seed)
    hours, crashes, again, finished = 0.0, 0, 0, []
    until_crash = rng.exponential(hours_between_crashes)
    for shard in range(plan.shards):
        rows = min(plan.shard_rows, plan.rows - shard * plan.shard_rows)
        needed = rows / rows_per_hour
        while until_crash < needed:
            hours += until_crash + RESTART_HOURS
            again += round(until_crash * rows_per_hour)
            crashes += 1
            until_crash = rng.exponential(hours_between_crashes)
        hours, until_crash = hours + needed, until_crash - needed
        finished.append(rows)
    return Outcome(hours, crashes, again, tuple(finished))


def expected_hours(plan: ShardPlan, rows_per_hour: float, hours_between_crashes: float) -> float:
    """What `simulate` takes on average: a shard of t hours that starts anew after each crash takes
    (M + R) · (exp(t / M) − 1), with M the hours between crashes and R those of a restart."""
    per_shard = plan.shard_rows / rows_per_hour
    growth = expm1(per_shard / hours_between_crashes)
    return plan.rows / plan.shard_rows * (hours_between_crashes + RESTART_HOURS) * growth
