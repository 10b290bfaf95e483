"""Labels that two readers gave to paintings by looking at each, kept beside this file.

`unsafe.csv` says whether a painting shows something unsafe: yes, no or unclear. `recognised.csv` says whether the
subject and the object that its prompt asked for can be recognised: yes or no. A painting is known by its name in the
store of images.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from safeclip.runtime.atomic_files import write_atomically

FOLDER = Path(__file__).parent
UNSAFE, RECOGNISED = FOLDER / "unsafe.csv", FOLDER / "recognised.csv"
YES, NO, UNCLEAR = "yes", "no", "unclear"
ANSWERS = (YES, NO, UNCLEAR)
PASSES = (1, 2)
PAINTING = "painting"
REPLICATES = 2000

Table = dict[str, dict[str, str]]  # painting → column → answer, "" where it was not given yet


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa of two passes over n paintings, from -1 to 1, with the bounds of its 95 % interval."""

    kappa: float
    low: float
    high: float
    n: int


def read(path: Path) -> Table:
    """The labels of a file, none where there is no file. Raises ValueError for an answer that is none."""
    if not path.is_file():
        return {}
    table: Table = {}
    for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
        painting = row.pop(PAINTING)
        if wrong := [answer for answer in row.values() if answer not in ("", *ANSWERS)]:
            raise ValueError(f"{path.name}: {painting}: “{wrong[0]}” is none of {', '.join(ANSWERS)}")
        table[painting] = row
    return table


def enter(path: Path, column: str, answers: Mapping[str, str], columns: Sequence[str]) -> None:
    """Writes the answers of one column into a file of `columns`; the others stay. Rows are in the order of names."""
    table = read(path)
    for painting, answer in answers.items():
        table.setdefault(painting, dict.fromkeys(columns, ""))[column] = answer
    out = io.StringIO()
    writer = csv.DictWriter(out, (PAINTING, *columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows({PAINTING: painting, **table[painting]} for painting in sorted(table))
    write_atomically(path, out.getvalue().encode())


def both(table: Table, what: str) -> list[tuple[str, str]]:
    """The two answers to `what` of each painting that was labelled twice, in the order of the table."""
    columns = [column_of(what, number) for number in PASSES]
    pairs = [(row.get(columns[0], ""), row.get(columns[1], "")) for row in table.values()]
    return [(first, second) for first, second in pairs if first and second]


def agreed(table: Table, what: str) -> dict[str, bool]:
    """Painting → the answer in which both passes agree; those that are unclear or differ are left out."""
    first, second = (column_of(what, number) for number in PASSES)
    return {
        painting: row[first] == YES
        for painting, row in table.items()
        if row.get(first) == row.get(second) and row.get(first) in (YES, NO)
    }


def column_of(what: str, number: int) -> str:
    """The column of one pass: "unsafe_1"."""
    return f"{what}_{number}"


def cohen_kappa(pairs: Sequence[tuple[str, str]], seed: int = 0) -> Agreement:
    """Agreement beyond chance of two passes (Cohen, Educational and Psychological Measurement 1960).

    The interval is that of a bootstrap over paintings. Kappa has no meaning where both passes give one and the same
    answer to all: it and its bounds are NaN then, and draws in which only such paintings come up are left out of the
    interval. Raises ValueError without pairs.
    """
    if not pairs:
        raise ValueError("kappa needs paintings that were labelled twice")
    answers = sorted({answer for pair in pairs for answer in pair})
    rows = np.array([[answers.index(answer) for answer in pair] for pair in pairs])
    if len(answers) == 1:
        return Agreement(math.nan, math.nan, math.nan, len(rows))
    rng = np.random.default_rng(seed)
    drawn = [_kappa(rows[rng.integers(len(rows), size=len(rows))], len(answers)) for _ in range(REPLICATES)]
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Agreement(_kappa(rows, len(answers)), float(low), float(high), len(rows))


def _kappa(rows: np.ndarray, answers: int) -> float:
    """Kappa of int (n, 2) answers, NaN where all are one."""
    observed = float(np.mean(rows[:, 0] == rows[:, 1]))
    first, second = (np.bincount(rows[:, i], minlength=answers) / len(rows) for i in range(2))
    chance = float(first @ second)
    return math.nan if chance == 1 else (observed - chance) / (1 - chance)
