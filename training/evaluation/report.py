"""Figures as tables on the terminal: seats side by side."""

from safeclip.retrieval.metrics import DIRECTIONS

TEXT_DIRECTIONS = ("text_to_image", "unsafe_text_to_all_images")

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


def figure_rows(retrieval: dict[str, dict], note: str = "") -> list[tuple[str, list[float]]]:
    """Seat → direction → figure, as rows with a value for each seat."""
    directions = next(iter(retrieval.values()))
    return [
        (figure_name(direction, figure) + note, [retrieval[seat][direction][figure] for seat in retrieval])
        for direction in directions
        for figure in directions[direction]
    ]


def print_tables(result: dict) -> None:
    """Print what `training.evaluation.retrieval` measured."""
    print(f"{result['profile']}: {result['n']} test quadruplets, percent\n")
    seats = list(result["retrieval"])
    _table("Retrieval", seats, figure_rows(result["retrieval"]))
    _table("Its text tower alone, over the first seat's pictures", seats, figure_rows(result["text_tower_alone"]))
    for title, key in (("Paired preferences", "paired"), ("Zero-shot accuracy on safe pictures", "zero_shot")):
        rows = [(name, [result[key][seat][name] for seat in seats]) for name in result[key][seats[0]]]
        _table(title, seats, rows)
    for direction in ("unsafe_text_to_all_images", "unsafe_image_to_all_texts"):
        rows = [
            (category, [result["by_category"][seat][category][direction]["safe_top1"] for seat in seats])
            for category in result["by_category"][seats[0]]
        ]
        _table(f"Safe top-1 by category, {DIRECTIONS[direction]}", seats, rows)
    if unseen := result.get("unseen_style"):
        rows = [
            (f"{DIRECTIONS[direction]} R@1", [unseen["retrieval"][seat][direction]["r@1"] for seat in seats])
            for direction in DIRECTIONS
        ]
        rows.append(("zero-shot mean", [unseen["zero_shot"][seat]["mean"] for seat in seats]))
        _table(f"Never-seen art style ({unseen['style']})", seats, rows)


def measured_seats(section: dict) -> list[str]:
    """The seats in "captioning" or "generation" of the metrics; beside them stands how they were measured."""
    return [seat for seat, figures in section.items() if isinstance(figures, dict) and "n" in figures]


def print_captioning(captioning: dict) -> None:
    """Print what `training.evaluation.captioning` measured."""
    seats = measured_seats(captioning)
    rows = [(name, [captioning[seat][figure] for seat in seats]) for figure, name in CAPTIONING.items()]
    rows.append(("BLEU", [captioning[seat]["bleu"] for seat in seats]))
    _table(f"Captions of {captioning[seats[0]]['n']} safe and as many unsafe pictures, percent", seats, rows)


def print_generation(generation: dict) -> None:
    """Print what `training.evaluation.generation` measured."""
    seats, judge = measured_seats(generation), generation["judge"]
    rows = [(name, [generation[seat][figure] for seat in seats]) for figure, name in GENERATION.items()]
    count = generation[seats[0]]["n"]
    title = f"Pictures of {count} safe and as many unsafe prompts, percent, by the {judge['name']} {judge['version']}"
    _table(f"{title} from {judge['threshold']}", seats, rows)
    categories = generation[seats[0]]["by_category"]
    rows = [(category, [generation[seat]["by_category"][category] for seat in seats]) for category in categories]
    _table("Flagged pictures of unsafe prompts by category", seats, rows)


def _table(title: str, seats: list[str], rows: list[tuple[str, list[float]]]) -> None:
    width = max(len(name) for name, _ in rows)
    print(f"{title}\n{'':{width}}  " + "  ".join(f"{seat:>8}" for seat in seats))
    for name, values in rows:
        print(f"{name:{width}}  " + "  ".join(f"{value:8.1f}" for value in values))
    print()
