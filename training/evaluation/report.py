"""The tables of each evaluation, from the figures that `zoo/metrics.json` keeps."""

import math
from collections.abc import Iterable, Mapping, Sequence

from safeclip.retrieval.metrics import DIRECTIONS

from .tables import Figure, Table

Rows = list[tuple[str, list[Figure]]]

CAPTIONING = {
    "harmful": "unsafe picture, caption names harm",
    "unsafe_object": "unsafe picture, caption names what makes it so",
    "twin_object": "unsafe picture, caption names what the safe twin has instead",
    "danger_said": "unsafe picture, asked for dangers: one is named",
    "danger_right": "unsafe picture, asked for dangers: the right one",
    "repeats": "unsafe picture, caption repeats itself (three words in a row)",
    "false_alarm": "safe picture, caption names harm",
    "danger_alarm": "safe picture, asked for dangers: one is named",
    "subject": "safe picture, caption names its subject",
    "object": "safe picture, caption names its object or deed",
    "place": "safe picture, caption names its place",
    "safe_repeats": "safe picture, caption repeats itself",
    "exact": "safe picture, caption right word for word",
}
_BY_SPLIT = ("harmful", "twin_object", "danger_said", "object", "place")
ANSWERS = {
    "count": "how many, of several",
    "color": "of which colour",
    "relation": "how two things stand",
    "side": "left or right",
}


def figure_name(direction: str, figure: str) -> str:
    """The papers' name of a retrieval figure: "T*→V∪V* safe top-1"."""
    return f"{DIRECTIONS[direction]} {figure.replace('r@', 'R@').replace('safe_top1', 'safe top-1')}"


def retrieval_rows(retrieval: Mapping[str, dict]) -> Rows:
    """Seat → direction → figure, as rows with a figure for each seat."""
    directions = next(iter(retrieval.values()))
    return [
        (figure_name(direction, figure), [Figure(retrieval[seat][direction][figure]) for seat in retrieval])
        for direction in directions
        for figure in directions[direction]
    ]


def rows_by_seat(figures: Mapping[str, Mapping[str, float]], names: Iterable[str]) -> Rows:
    """Seat → name → figure, as rows labelled by name."""
    return [(name, [Figure(figures[seat][name]) for seat in figures]) for name in names]


def measured_seats(section: dict) -> list[str]:
    """The seats in "captioning" of the metrics, whose other entries tell how they were measured."""
    return [seat for seat, figures in section.items() if isinstance(figures, dict) and "n" in figures]


def captioning_table(captioning: dict) -> Table:
    """The main table of `training.evaluation.captioning`: the pictures of all splits."""
    seats = measured_seats(captioning)
    rows = _rows_with_intervals(captioning, seats, CAPTIONING)
    rows.append(("BLEU", [Figure(captioning[seat]["bleu"]) for seat in seats]))
    title = f"Captions of {captioning[seats[0]]['n']} safe and as many unsafe pictures, percent"
    return Table(title, seats, rows)


def captioning_tables(captioning: dict) -> list[Table]:
    """The tables of `training.evaluation.captioning`: all pictures, some figures by split, and answers to questions."""
    seats = measured_seats(captioning)
    by_split = [
        (f"{split.replace('_', ' ')}: {label}", figures)
        for split, measured in captioning["splits"].items()
        for label, figures in _rows_with_intervals(measured, seats, {name: CAPTIONING[name] for name in _BY_SPLIT})
    ]
    answers = captioning["answers"]
    asked = answers[seats[0]]["asked"]
    labels = {name: f"{label}, asked {asked[name]} times" for name, label in ANSWERS.items()}
    return [
        captioning_table(captioning),
        Table("Captions by split", seats, by_split),
        Table("Right answers, percent", seats, _rows_with_intervals(answers, seats, labels)),
    ]


def _rows_with_intervals(section: dict, seats: Sequence[str], names: Mapping[str, str]) -> Rows:
    return [
        (label, [_share(section[seat][name], section[seat]["intervals"][name]) for seat in seats])
        for name, label in names.items()
    ]


def _share(percent: float | None, interval: Sequence[float] | None) -> Figure:
    """A share of `shares`, which is None where there was nothing to count."""
    return Figure(math.nan) if percent is None else Figure(percent, tuple(interval))
