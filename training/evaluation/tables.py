"""Tables of figures with one column a seat: as text for the terminal, as Markdown for cards and the README."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Figure:
    """A percentage, or a score from 0 to 100, with its 95 % interval where it has one; NaN if not measured."""

    value: float
    interval: tuple[float, float] | None = None

    @classmethod
    def read(cls, figure: Mapping[str, Any]) -> Self:
        """A figure of the metrics file, which has a mean and the bounds of its interval, or none of them."""
        if figure["mean"] is None:
            return cls(math.nan)
        return cls(figure["mean"], (figure["low"], figure["high"]))

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "—"
        if self.interval is None:
            return f"{self.value:.1f}"
        low, high = self.interval
        return f"{self.value:.1f} ({low:.1f}–{high:.1f})"


@dataclass(frozen=True)
class Table:
    """Rows of a name and one figure for each column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Figure]]]

    def text(self) -> str:
        """The title, the columns' names and the rows, aligned; intervals are left out."""
        width = max(len(name) for name, _ in self.rows)
        lines = [self.title, f"{'':{width}}  " + "  ".join(f"{column:>8}" for column in self.columns)]
        lines += [
            f"{name:{width}}  " + "  ".join(f"{figure.value:8.1f}" for figure in figures) for name, figures in self.rows
        ]
        return "\n".join(lines)

    def markdown(self) -> str:
        """The rows with their intervals, without the title."""
        return markdown_table(self.columns, ((name, [str(figure) for figure in row]) for name, row in self.rows))


def markdown_table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A Markdown table whose first column has no head. A "|" in a cell is escaped, as it would end the cell."""
    lines = ["| | " + _cells(heads), "|---|" + "---|" * len(heads)]
    lines += ["| " + _cells([name, *cells]) for name, cells in rows]
    return "\n".join(lines)


def _cells(texts: Sequence[str]) -> str:
    return "".join(text.replace("|", "\\|") + " | " for text in texts).rstrip(" ")
