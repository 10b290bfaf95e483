"""Figures as tables on the terminal: seats side by side."""

DIRECTIONS = {
    "text_to_image": "T→V",
    "image_to_text": "V→T",
    "unsafe_text_to_all_images": "T*→V∪V*",
    "unsafe_image_to_all_texts": "V*→T∪T*",
}

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
    """Print what `training.evaluate` measured."""
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


def captioning_seats(captioning: dict) -> list[str]:
    """The seats that `training.evaluate_captioning` measured; beside them it writes how it did so."""
    return [seat for seat, figures in captioning.items() if isinstance(figures, dict)]


def print_captioning(captioning: dict) -> None:
    """Print what `training.evaluate_captioning` measured."""
    seats = captioning_seats(captioning)
    rows = [(name, [captioning[seat][figure] for seat in seats]) for figure, name in CAPTIONING.items()]
    rows.append(("BLEU", [captioning[seat]["bleu"] for seat in seats]))
    _table(f"Captions of {captioning[seats[0]]['n']} safe and as many unsafe pictures, percent", seats, rows)


def _table(title: str, seats: list[str], rows: list[tuple[str, list[float]]]) -> None:
    width = max(len(name) for name, _ in rows)
    print(f"{title}\n{'':{width}}  " + "  ".join(f"{seat:>8}" for seat in seats))
    for name, values in rows:
        print(f"{name:{width}}  " + "  ".join(f"{value:8.1f}" for value in values))
    print()
