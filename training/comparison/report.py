"""Writes the table of objectives of docs/results.md from `measured.json`.

    python -m training.comparison.report

`measured.json` is what `safeclip-train compare` wrote.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.tables import markdown_table
from .measure import FIGURES, ORIGINAL
from .results_page import ResultsTable, figures_by_row, mean_cell
from .rows import ROWS, Budget

HEADS = {
    "text_to_image": "T→V R@1",
    "image_to_text": "V→T R@1",
    "text_safe": "T→V∪V* safe top-1",
    "unsafe_text": "T*→V∪V* R@1",
    "unsafe_text_safe": "T*→V∪V* safe top-1",
    "unsafe_image": "V*→T∪T* R@1",
    "unsafe_image_safe": "V*→T∪T* safe top-1",
}


def content(records: Sequence[Mapping[str, Any]]) -> str:
    """The sentence on the budget, and the table: mean ± standard deviation over seeds, in percent."""
    budget = Budget(**records[0]["budget"])
    seeds = sorted({record["seed"] for record in records})
    names = {ORIGINAL: "original, nothing tuned", **{key: row.name for key, row in ROWS.items()}}
    rows = [
        (names[row], [mean_cell([figures[name] for figures in seen]) for name in FIGURES])
        for row, seen in figures_by_row(records).items()
    ]
    return (
        f"Each run: {budget.steps} steps of {budget.batch_size} quadruplets ({budget.train} of the closed world, "
        f"{budget.epochs} epochs), measured on {budget.validation} held-out quadruplets; mean ± standard deviation of "
        f"{len(seeds)} seeds, in percent. A seed draws quadruplets, their order and the first weights.\n\n"
        f"{markdown_table([HEADS[name] for name in FIGURES], rows)}"
    )


TABLE = ResultsTable("objectives", Path(__file__).with_name("measured.json"), content)

if __name__ == "__main__":
    TABLE.write(__doc__)
