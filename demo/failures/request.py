"""The request of the failures task: which rows of the table to show, and in which order."""

from dataclasses import dataclass
from typing import ClassVar

from safeclip.failures.kinds import KINDS, TASKS
from safeclip.failures.questions import DIRECTIONS
from safeclip.failures.slices import ORDERS, Filter

from ..common.request_codec import Choice, Request, Text, Whole, declare

ANY = "any"
LAST_PAGE = 100_000
LONGEST = 64  # characters of a key, a category or a concept

# The API's documentation of the fields.
_SEAT = "key of the column whose failures to list: a seat, or a blend such as ours@0.5."
_AGAINST = "key of another column: list the questions that the two fail at differently."
_MOVED = "list only right answers that lost at least so many ranks against the reference."


def _name(label: str, link: str) -> str:
    """The declaration of a filter by one of the table's own names, "" for all."""
    field = Text(label, f"only rows of this {label}; all when left out.", link=link, optional=True, longest=LONGEST)
    return declare(field, "")


@dataclass(frozen=True)
class FailuresRequest(Request):
    """Rows of one column (`seat`) that pass every filter, a page of them."""

    nothing_given: ClassVar[str] = "No column is chosen. Choose whose failures to list."

    seat: str = declare(Text("column", _SEAT, link="failures", subject=True, longest=LONGEST), "")
    against: str = declare(Text("other column", _AGAINST, link="against", optional=True, longest=LONGEST), "")
    task: str = declare(Choice("task", "only rows of this task.", link="of", choices=(ANY, *TASKS)), ANY)
    direction: str = declare(
        Choice("direction", "only questions asked this way.", link="direction", choices=(ANY, *DIRECTIONS)), ANY
    )
    kind: str = declare(Choice("kind", "only failures of this kind.", link="kind", choices=(ANY, *KINDS)), ANY)
    category: str = _name("category", "category")
    concept: str = _name("concept", "concept")
    split: str = _name("split", "split")
    moved: int = declare(Whole("loss of rank", _MOVED, link="moved", low=0, high=100), 0)
    order: str = declare(Choice("order", "what the rows are sorted by.", link="order", choices=ORDERS), ORDERS[0])
    page: int = declare(Whole("page", "which page of the rows, from 1.", link="page", low=1, high=LAST_PAGE), 1)

    @property
    def filter(self) -> Filter:
        """The request as the library filters rows."""
        return Filter(
            seat=self.seat,
            task=_any_as_empty(self.task),
            direction=_any_as_empty(self.direction),
            kind=_any_as_empty(self.kind),
            category=self.category,
            concept=self.concept,
            split=self.split,
            moved=self.moved,
            against=self.against,
            order=self.order,
        )


def _any_as_empty(chosen: str) -> str:
    return "" if chosen == ANY else chosen
