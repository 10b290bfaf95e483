"""The failures service: pages of a profile's table of failures."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.errors import QueryError, SafeClipError
from safeclip.failures.columns import Column
from safeclip.failures.fingerprints import differences
from safeclip.failures.slices import FailureTable, Row, Share
from safeclip.failures.table import StoredTable
from safeclip.paths import resolve

from ..common.service import TaskService, TaskState
from .request import FailuresRequest

if TYPE_CHECKING:
    from ..common.context import PageContext

PER_PAGE = 12
_FEW = 20  # names that a message lists


@dataclass(frozen=True)
class Page:
    """Page `number` of rows, from 1. `first` is the number of its first row, from 1, `total` counts all that pass."""

    rows: tuple[Row, ...]
    number: int
    total: int
    shares: tuple[Share, ...]

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last_page(self) -> int:
        return _last_page(self.total)


@dataclass(frozen=True)
class FailuresState(TaskState[FailuresRequest]):
    """State of a request; `comparison` is its page. `stale` names what is not any more as the table was made with."""

    comparison: Page | None = None
    stale: tuple[str, ...] = ()

    def answer(self) -> dict[str, Any]:
        page = self.comparison
        return {} if page is None else {"total": page.total, "rows": [dict(row.values) for row in page.rows]}

    @property
    def repeatable(self) -> bool:
        return self.comparison is not None and not self.error


class FailuresService(TaskService[FailuresRequest, FailuresState]):
    """Reads the profile's table when it is first asked for."""

    name = "failures"
    request_type = FailuresRequest
    state_type = FailuresState
    stepwise = False

    def __init__(self, context: "PageContext") -> None:
        super().__init__(context)
        self._lock = threading.Lock()

    @property
    def table(self) -> FailureTable:
        """The profile's table. Raises TableError where there is none."""
        with self._lock:
            return self._table

    @property
    def columns(self) -> dict[str, str]:
        """The key and the label of every column of the table; those of the seats without a table."""
        try:
            return self._labels
        except SafeClipError:
            return {key: seat.label for key, seat in self.seats.items()}

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {key: self._label(key, label) for key, label in self.table.provenance.columns.items()}

    def _label(self, key: str, stored: str) -> str:
        """A column's label by the profile's seats; as the table has it where the profile lacks the seat."""
        with contextlib.suppress(QueryError):
            return Column.parse(key, self.seats).label(self.seats)
        return stored

    @property
    def default(self) -> FailuresRequest:
        """Failures of the first seat beside the reference."""
        first, *others = self.seats
        return FailuresRequest(next(iter(others), first))

    def checked(self, request: FailuresRequest) -> FailuresRequest:
        checked = super().checked(request)
        for key in filter(None, (checked.seat, checked.against)):
            if key not in self.table.provenance.columns:
                known = ", ".join(self.table.provenance.columns)
                raise QueryError(f"The table has no column “{key}”. Its columns are {known}.")
        if checked.against == checked.seat:
            raise QueryError(
                f"The column “{checked.seat}” is compared with itself, which differs nowhere. Choose another column, "
                "or leave the other one out."
            )
        for name in ("category", "concept", "split"):
            value = getattr(checked, name)
            if value and value not in (values := self.table.values(name)):
                named = f"Take the {name} of a row" if len(values) > _FEW else f"Take one of {', '.join(values)}"
                raise QueryError(f"The table has no {name} “{value}”. {named}, or leave it out for all.")
        return checked

    def compute(
        self, state: FailuresState, image: Image.Image | None, stop: threading.Event
    ) -> Iterator[FailuresState]:
        started = time.perf_counter()
        request, table = state.request, self.table
        numbers = table.select(request.filter)
        page = min(request.page, _last_page(len(numbers)))
        shown = numbers[(page - 1) * PER_PAGE : page * PER_PAGE]
        # slices by concept once a category is chosen, for one bar says nothing
        by = "concept" if request.category else "category"
        shares = [share for share in table.shares(request.filter, by) if share.name]
        found = Page(tuple(table.rows(shown, request.against)), page, len(numbers), tuple(shares))
        seconds = time.perf_counter() - started
        asked = replace(request, page=page)  # which the address is to name
        yield replace(state, request=asked, comparison=found, stale=self._stale, seconds=seconds)

    def rows(self, request: FailuresRequest) -> list[Row]:
        """All rows of a request, whatever its page. Raises SafeClipError."""
        checked = self.checked(request)
        return self.table.rows(self.table.select(checked.filter), checked.against)

    @cached_property
    def _table(self) -> FailureTable:
        spec: Any = self.lab.profile.failures
        return FailureTable(StoredTable.read(resolve(spec.table)))

    @cached_property
    def _stale(self) -> tuple[str, ...]:
        """What is not any more as the table was made with; what cannot be had now is among it."""
        try:
            table = self.table
            return tuple(differences(table.provenance.fingerprints, self.lab, table.values("task")))
        except SafeClipError as error:
            return (str(error),)


def _last_page(rows: int) -> int:
    """The number of the last page of so many rows, from 1; no rows are one empty page."""
    return max(1, -(-rows // PER_PAGE))
