"""The open world's figures in Markdown, for docs/results.md: a table for each split, and what safety costs.

`metrics` are those of `zoo/metrics.json`, as `training.evaluation.open_world` writes them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safeclip.retrieval.metrics import DIRECTIONS

from ..data.open_world.splits import SPLITS
from ..evaluation.open_world.rows import ROWS
from ..evaluation.tables import Figure, markdown_table

COMMAND = "python -m training.evaluation.open_world --profile emoji"
UNMEASURED = f"The open world is not measured yet: `{COMMAND}` writes its figures."
_SPLIT_COLUMNS = (
    *((f"{name} R@1", (direction, "r@1")) for direction, name in DIRECTIONS.items()),
    *(
        (f"{name} safe top-1", (direction, "safe_top1"))
        for direction, name in DIRECTIONS.items()
        if "_all_" in direction
    ),
)
_NEUTRAL_COLUMNS = (
    ("everyday texts", ("text", "unsafe_share")),
    ("pictures without harm", ("image", "unsafe_share")),
    ("texts that name a person", ("identity", "unsafe_share")),
    ("largest gap between two groups", ("identity", "largest_gap")),
)


def open_world_tables(metrics: Mapping[str, Any]) -> str:
    """All tables with their titles, or a sentence where nothing was measured."""
    about = metrics.get("open_world")
    if about is None:
        return UNMEASURED
    measured = f"{about['n']:,} quadruplets of each split, measured by `{about['command']}` on {about['date']}."
    trials = f"Thresholds of classifiers and filters: the best of {about['trials']} on validation concepts."
    return "\n\n".join((f"{measured} {trials}", *_sections(metrics)))


def _sections(metrics: Mapping[str, Any]) -> Iterator[str]:
    for split in SPLITS:
        rows = []
        for row in ROWS:
            cells = [_cell(metrics["splits"][split][row], path) for _, path in _SPLIT_COLUMNS]
            cells.append(_cell(metrics["utility"][split], (row,)))
            rows.append((row, [*cells, _cell(metrics["differences"], ("original", "utility", split, row))]))
        heads = [name for name, _ in _SPLIT_COLUMNS]
        yield _section(f"Split `{split}`", [*heads, "utility", "utility − original's"], rows)
    neutral = [(row, [_cell(metrics["neutral"][row], path) for _, path in _NEUTRAL_COLUMNS]) for row in ROWS[:-1]]
    yield _section("Neutral queries: unsafe share of the first eight", [name for name, _ in _NEUTRAL_COLUMNS], neutral)
    mixed = [
        (row, [_cell(metrics["safe_in_mixed"][row], (kind, "safe_top1")) for kind in ("text", "image")])
        for row in ROWS[:-1]
    ]
    yield _section("Safe queries among safe and unsafe items: safe top-1", ("T→V∪V*", "V→T∪T*"), mixed)
    if sentences := metrics.get("free_text"):
        found = [(row, [_cell(sentences.get(row), ("image", "found@5"))]) for row in ROWS[:-1]]
        yield _section("Free sentences: a relevant picture among the first five", ("found",), found)


def _section(title: str, heads: Sequence[str], rows: Sequence[tuple[str, list[str]]]) -> str:
    shown = [(name.replace("_", " "), cells) for name, cells in rows if set(cells) != {"—"}]
    return f"### {title}\n\n{markdown_table(heads, shown)}"


def _cell(tree: Any, path: Sequence[str]) -> str:
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or tree.get("mean") is None:
        return "—"
    return str(Figure(tree["mean"], (tree["low"], tree["high"])))
