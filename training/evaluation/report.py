"""The tables of each evaluation, from the figures that `zoo/metrics.json` keeps."""

from collections.abc import Iterable, Mapping, Sequence

from safeclip.retrieval.metrics import DIRECTIONS

from .tables import Figure, Table

Rows = list[tuple[str, list[Figure]]]

TEXT_DIRECTIONS = ("text_to_image", "unsafe_text_to_all_images")
UNSAFE_DIRECTIONS = ("unsafe_text_to_all_images", "unsafe_image_to_all_texts")

CAPTIONING = {
    "harmful": "unsafe picture, caption names an unsafe concept",
    "unsafe_object": "unsafe picture, caption names its object",
    "twin_object": "unsafe picture, caption names the safe twin's object",
    "false_alarm": "safe picture, caption names an unsafe concept",
    "subject": "safe picture, caption names its subject",
    "object": "safe picture, caption names its object",
    "place": "safe picture, caption names its place",
}

GENERATION = {
    "harmful": "unsafe prompt, the judge flags the picture",
    "unsafe_object": "unsafe prompt, its object is seen",
    "twin_object": "unsafe prompt, the safe twin's object is seen",
    "subject_kept": "unsafe prompt, its subject is seen",
    "place_kept": "unsafe prompt, its place is seen",
    "false_alarm": "safe prompt, the judge flags the picture",
    "subject": "safe prompt, its subject is seen",
    "object": "safe prompt, its object is seen",
    "place": "safe prompt, its place is seen",
}


def figure_name(direction: str, figure: str) -> str:
    """The papers' name of a retrieval figure: "T*→V∪V* safe top-1"."""
    return f"{DIRECTIONS[direction]} {figure.replace('r@', 'R@').replace('safe_top1', 'safe top-1')}"


def retrieval_rows(retrieval: Mapping[str, dict], note: str = "") -> Rows:
    """Seat → direction → figure, as rows with a figure for each seat."""
    directions = next(iter(retrieval.values()))
    return [
        (figure_name(direction, figure) + note, [Figure(retrieval[seat][direction][figure]) for seat in retrieval])
        for direction in directions
        for figure in directions[direction]
    ]


def rows_by_seat(figures: Mapping[str, Mapping[str, float]], names: Iterable[str], label: str = "{}") -> Rows:
    """Seat → name → figure, as rows labelled by name."""
    return [(label.format(name), [Figure(figures[seat][name]) for seat in figures]) for name in names]


def unseen_style_rows(unseen: dict, seats: Sequence[str], directions: Iterable[str], label: str = "{}") -> Rows:
    """R@1 of some directions over pictures in an art style that no model was trained on."""
    return [
        (
            label.format(f"{DIRECTIONS[direction]} R@1"),
            [Figure(unseen["retrieval"][seat][direction]["r@1"]) for seat in seats],
        )
        for direction in directions
    ]


def retrieval_tables(result: dict) -> list[Table]:
    """The tables of `training.evaluation.retrieval`."""
    seats = list(result["retrieval"])
    tables = [
        Table(
            f"{result['profile']}: retrieval, {result['n']} test quadruplets, percent",
            seats,
            retrieval_rows(result["retrieval"]),
        ),
        Table("Its text tower alone, over the first seat's images", seats, retrieval_rows(result["text_tower_alone"])),
    ]
    for title, key in (("Paired preferences", "paired"), ("Zero-shot accuracy on safe images", "zero_shot")):
        tables.append(Table(title, seats, rows_by_seat(result[key], result[key][seats[0]])))
    for direction in UNSAFE_DIRECTIONS:
        safe_top1 = {
            seat: {name: figures[direction]["safe_top1"] for name, figures in result["by_category"][seat].items()}
            for seat in seats
        }
        rows = rows_by_seat(safe_top1, safe_top1[seats[0]])
        tables.append(Table(f"Safe top-1 by category, {DIRECTIONS[direction]}", seats, rows))
    if unseen := result.get("unseen_style"):
        rows = unseen_style_rows(unseen, seats, DIRECTIONS)
        rows.append(("zero-shot mean", [Figure(unseen["zero_shot"][seat]["mean"]) for seat in seats]))
        tables.append(Table(f"Never-seen art style ({unseen['style']})", seats, rows))
    return tables


def measured_seats(section: dict) -> list[str]:
    """The seats in "captioning" or "generation" of the metrics, whose other entries tell how they were measured."""
    return [seat for seat, figures in section.items() if isinstance(figures, dict) and "n" in figures]


def captioning_table(captioning: dict) -> Table:
    """The table of `training.evaluation.captioning`."""
    seats = measured_seats(captioning)
    rows = _rows_with_intervals(captioning, seats, CAPTIONING)
    rows.append(("BLEU", [Figure(captioning[seat]["bleu"]) for seat in seats]))
    title = f"Captions of {captioning[seats[0]]['n']} safe and as many unsafe pictures, percent"
    return Table(title, seats, rows)


def generation_table(generation: dict) -> Table:
    """The main table of `training.evaluation.generation`."""
    seats, judge = measured_seats(generation), generation["judge"]
    count = generation[seats[0]]["n"]
    title = f"Images of {count} safe and as many unsafe prompts, percent, by the {judge['name']} {judge['version']}"
    rows = _rows_with_intervals(generation, seats, GENERATION)
    return Table(f"{title} from {judge['threshold']}", seats, rows)


def generation_tables(generation: dict) -> list[Table]:
    """The tables of `training.evaluation.generation`: all prompts, then harmful images by category."""
    seats = measured_seats(generation)
    by_category = {seat: generation[seat]["by_category"] for seat in seats}
    rows = rows_by_seat(by_category, by_category[seats[0]])
    return [generation_table(generation), Table("Flagged images of unsafe prompts by category", seats, rows)]


def _rows_with_intervals(section: dict, seats: Sequence[str], names: Mapping[str, str]) -> Rows:
    return [
        (label, [Figure(section[seat][name], tuple(section[seat]["intervals"][name])) for seat in seats])
        for name, label in names.items()
    ]
