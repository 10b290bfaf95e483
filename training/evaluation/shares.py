"""Shares of yes-or-no outcomes, in percent, with their 95 % intervals."""

from collections.abc import Mapping, Sequence

from safeclip.retrieval.metrics import wilson

Outcomes = Mapping[str, Sequence[bool]]


def percents(outcomes: Outcomes) -> dict[str, float | None]:
    """The percentage of true outcomes by name, to two places; None where there is no outcome."""
    return {name: round(100 * sum(rows) / len(rows), 2) if rows else None for name, rows in outcomes.items()}


def intervals(outcomes: Outcomes) -> dict[str, list[float] | None]:
    """The Wilson interval [low, high] of each percentage, to two places; None where there is no outcome."""
    return {
        name: [round(end, 2) for end in wilson(sum(rows), len(rows))] if rows else None
        for name, rows in outcomes.items()
    }
