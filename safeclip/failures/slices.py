"""Looks into a table of failures: filters, order, pages, shares by category, and two columns row by row.

A table of the whole test split has tens of thousands of rows. Their values are held as numbers, so a filter is a few
comparisons of arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from ..retrieval.metrics import wilson
from .kinds import NONE
from .table import Provenance, StoredTable

FEW = 30  # questions; a share of fewer says little
ORDERS = ("severity", "rank change", "margin", "number")

_FILTERED = ("task", "direction", "kind", "category", "concept", "split")


@dataclass(frozen=True)
class Filter:
    """Rows of one column (`seat`) to look at; "" stands for any value, but for `seat`.

    Without a `kind` all failures are shown. `moved` is the least loss of rank against the reference. With `against`,
    another column, rows are shown whose kind of failure differs between the two.
    """

    seat: str
    task: str = ""
    direction: str = ""
    kind: str = ""
    category: str = ""
    concept: str = ""
    split: str = ""
    moved: int = 0
    against: str = ""
    order: str = "severity"


@dataclass(frozen=True)
class Row:
    """One outcome: the values of its columns, and `other`, the same question's outcome under the column `against`."""

    values: Mapping[str, Any]
    other: "Row | None" = None

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def rank_change(self) -> int:
        """Ranks that the right answer lost against the reference; negative where it gained."""
        return self.values["rank"] - self.values["reference_rank"]


@dataclass(frozen=True)
class Share:
    """Share of failures among the questions of a slice: `failed` of `n`, and its 95 % interval, in percent."""

    name: str
    failed: int
    n: int

    @property
    def percent(self) -> float:
        return 100 * self.failed / self.n

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.failed, self.n)

    @property
    def few(self) -> bool:
        """Whether the slice is too small to compare with others."""
        return self.n < FEW


@dataclass
class FailureTable:
    """A stored table in memory, ready to be filtered. Safe to use from several threads."""

    stored: StoredTable
    _codes: dict[str, np.ndarray] = field(init=False, repr=False)
    _names: dict[str, list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._codes, self._names = {}, {}
        for name in (*_FILTERED, "seat"):
            column = self.stored.rows[name].combine_chunks()
            column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
            self._codes[name] = column.indices.to_numpy(zero_copy_only=False)
            self._names[name] = column.dictionary.to_pylist()
        self._numbers = {
            name: self.stored.rows[name].to_numpy()
            for name in ("severity", "rank", "reference_rank", "margin", "number")
        }

    def __len__(self) -> int:
        return self.stored.rows.num_rows

    @property
    def provenance(self) -> Provenance:
        return self.stored.provenance

    def values(self, name: str) -> list[str]:
        """The different values of a column of names that any row has, in alphabetical order, without ""."""
        used = np.unique(self._codes[name])
        return sorted(value for value in (self._names[name][code] for code in used) if value)

    def select(self, filter: Filter) -> np.ndarray:
        """Numbers of the rows that pass a filter, in its order, int64."""
        passing = self._asked(filter)
        other = self._other(filter.against) if filter.against else None
        if other is not None:
            kinds = self._codes["kind"]
            passing &= (other >= 0) & (kinds != kinds[np.maximum(other, 0)])
        elif not filter.kind:
            passing &= ~self._is("kind", NONE)
        if filter.kind:
            has = self._is("kind", filter.kind)
            passing &= has if other is None else has | has[np.maximum(other, 0)]
        if filter.moved:
            passing &= self._change >= filter.moved
        rows = np.flatnonzero(passing)
        return rows[np.argsort(self._key(filter.order)[rows], kind="stable")]

    def rows(self, numbers: Sequence[int] | np.ndarray, against: str = "") -> list[Row]:
        """The rows with these numbers; `against` adds each one's counterpart under that column."""
        found = self.stored.rows.take(pa.array(numbers, pa.int64())).to_pylist()
        if not against:
            return [Row(values) for values in found]
        partners = self._other(against)[np.asarray(numbers, np.int64)]
        others = self.stored.rows.take(pa.array(np.maximum(partners, 0))).to_pylist()
        return [
            Row(values, Row(other) if partner >= 0 else None)
            for values, other, partner in zip(found, others, partners, strict=True)
        ]

    def shares(self, filter: Filter, by: str = "category") -> list[Share]:
        """Share of failures by the values of `by`, largest first, among the questions that a filter is about.

        A failure is one of the filter's kind, or of any.
        """
        asked = self._asked(filter)
        failed = asked & (self._is("kind", filter.kind) if filter.kind else ~self._is("kind", NONE))
        if filter.moved:
            failed &= self._change >= filter.moved
        size = len(self._names[by])
        n, hits = (np.bincount(self._codes[by][rows], minlength=size) for rows in (asked, failed))
        found = [Share(name, int(hits[i]), int(n[i])) for i, name in enumerate(self._names[by]) if n[i]]
        return sorted(found, key=lambda share: (-share.percent, share.name))

    def _asked(self, filter: Filter) -> np.ndarray:
        """Whether each row is about a question that a filter is about, whatever came of it: bool (n,)."""
        passing = self._is("seat", filter.seat)
        for name in ("task", "direction", "category", "concept", "split"):
            if value := getattr(filter, name):
                passing = passing & self._is(name, value)
        return passing

    def _is(self, name: str, value: str) -> np.ndarray:
        names = self._names[name]
        return self._codes[name] == (names.index(value) if value in names else -1)

    def _key(self, order: str) -> np.ndarray:
        """Numbers by which rows are put in order, the least first; missing ones come last."""
        if order == "rank change":
            return -self._change
        if order == "margin":
            return np.nan_to_num(np.abs(self._numbers["margin"].astype(np.float64)), nan=np.inf)
        return self._numbers["number"] if order == "number" else -self._numbers["severity"]

    def _other(self, seat: str) -> np.ndarray:
        """For each row the number of the row with the same question under `seat`, -1 where there is none."""
        mine = np.flatnonzero(self._is("seat", seat))
        order = mine[np.argsort(self._question[mine], kind="stable")]
        found = np.searchsorted(self._question[order], self._question)
        found = np.minimum(found, max(0, len(order) - 1))
        if not len(order):
            return np.full(len(self), -1)
        return np.where(self._question[order[found]] == self._question, order[found], -1)

    @cached_property
    def _question(self) -> np.ndarray:
        """A number for each row that is the same for rows of the same question."""
        count = int(self._numbers["number"].max(initial=0)) + 1
        place = self._codes["direction"].astype(np.int64) * len(self._names["split"]) + self._codes["split"]
        return place * count + self._numbers["number"]

    @cached_property
    def _change(self) -> np.ndarray:
        return self._numbers["rank"].astype(np.int32) - self._numbers["reference_rank"]
