"""Writes the tables of the sweep and the ablation of docs/results.md.

    python -m training.ablation.report

`measured.json` and `measured_again.json` are what `safeclip-train ablate` wrote: with the CLIP by which settings were
chosen, and with the one that the zoo has now.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..comparison.results_page import ResultsTable, figures_by_row, mean_cell
from ..evaluation.tables import markdown_table
from .rows import ABLATION, ORIGINAL, ROWS, SWEEP, Budget

UNSAFE_TEXTS, UNSAFE_IMAGES = "unsafe_text_to_all_images/safe_top1", "unsafe_image_to_all_texts/safe_top1"
UTILITY, SAFETY = "utility/seen", "safety/seen"  # mean R@1 of safe pairs; mean safe top-1 of unsafe texts and images
HEADS = {
    UTILITY: "seen: utility",
    "safe_in_mixed/text/safe_top1": "seen: T→V∪V* safe top-1",
    f"splits/seen/{UNSAFE_TEXTS}": "seen: T*→V∪V* safe top-1",
    f"splits/seen/{UNSAFE_IMAGES}": "seen: V*→T∪T* safe top-1",
    f"splits/contextual/{UNSAFE_TEXTS}": "contextual: T*→V∪V*",
    f"splits/contextual/{UNSAFE_IMAGES}": "contextual: V*→T∪T*",
    f"splits/unseen_concepts/{UNSAFE_TEXTS}": "unseen concepts: T*→V∪V*",
    f"splits/unseen_concepts/{UNSAFE_IMAGES}": "unseen concepts: V*→T∪T*",
}
CRITERION = "seen: mean of utility and safety"
Record = Mapping[str, Any]


def content(records: Sequence[Record]) -> str:
    """The sentence on the budget, and a table of mean and, of several seeds, standard deviation in percent."""
    budget = Budget(**records[0]["budget"])
    found = figures_by_row(records)
    tables = [
        markdown_table([*HEADS.values(), CRITERION, "seeds"], _rows(found, [ORIGINAL, *part]))
        for part in (SWEEP, ABLATION)
        if not found.keys().isdisjoint(part)
    ]
    return (
        f"Each run: {budget.train:,} quadruplets, each once, measured on {budget.measured} validation quadruplets of "
        "each split; mean ± standard deviation over seeds where there are several, in percent.\n\n"
        + "\n\n".join(tables)
    )


def _rows(found: Mapping[str, Sequence[Mapping[str, float]]], names: Iterable[str]) -> list[tuple[str, list[str]]]:
    called = {ORIGINAL: "original, nothing tuned", **{key: row.name for key, row in ROWS.items()}}
    return [
        (
            called[name],
            [
                *(mean_cell([each[head] for each in found[name]]) for head in HEADS),
                mean_cell([criterion(each) for each in found[name]]),
                str(len(found[name])),
            ],
        )
        for name in names
        if name in found
    ]


def criterion(figures: Mapping[str, float]) -> float:
    """The mean of utility and safety on the split `seen`, in percent: it chooses among the settings of the sweep."""
    return (figures[UTILITY] + figures[SAFETY]) / 2


def chosen(records: Iterable[Record]) -> str:
    """The row of the sweep that the criterion puts first, by its mean over seeds."""
    found = figures_by_row(records)
    rows = [name for name in SWEEP if name in found]
    return max(rows, key=lambda name: statistics.mean(map(criterion, found[name])))


TABLE = ResultsTable("ablation", Path(__file__).with_name("measured.json"), content)
AGAIN = ResultsTable("ablation again", Path(__file__).with_name("measured_again.json"), content)

if __name__ == "__main__":
    for table in (TABLE, AGAIN):
        table.write(__doc__)
