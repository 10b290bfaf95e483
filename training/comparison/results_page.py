"""Tables of trained rows in docs/results.md: each stands between its marks, as its records say."""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..zoo.cards import between_marks

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def figures_by_row(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, float]]]:
    """Row → the figures of each of its seeds."""
    found: dict[str, list[Mapping[str, float]]] = {}
    for record in records:
        found.setdefault(record["row"], []).append(record["figures"])
    return found


def mean_cell(values: Sequence[float]) -> str:
    """The mean of one figure over seeds and, of several, its standard deviation."""
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


@dataclass(frozen=True)
class ResultsTable:
    """A table between the marks called `mark`: `content` makes it of the records in the file `measured`."""

    mark: str
    measured: Path
    content: Callable[[Sequence[Mapping[str, Any]]], str]

    def records(self) -> list[dict[str, Any]]:
        """The records, as their command wrote them."""
        return json.loads(self.measured.read_text(encoding="utf-8"))

    def page(self, text: str, records: Sequence[Mapping[str, Any]]) -> str:
        """The page with the table between its marks."""
        return between_marks(text, self.mark, self.content(records))

    def write(self, description: str | None) -> None:
        """Writes the table into docs/results.md: a command without arguments, but for --help."""
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.parse_args()
        PAGE.write_text(self.page(PAGE.read_text(encoding="utf-8"), self.records()), encoding="utf-8")
