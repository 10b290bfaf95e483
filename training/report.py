"""Figures as tables on the terminal: seats side by side."""

DIRECTIONS = {
    "text_to_image": "T→V",
    "image_to_text": "V→T",
    "unsafe_text_to_all_images": "T*→V∪V*",
    "unsafe_image_to_all_texts": "V*→T∪T*",
}


def figure_name(direction: str, figure: str) -> str:
    """The papers' name of a retrieval figure: "T*→V∪V* safe top-1"."""
    return f"{DIRECTIONS[direction]} {figure.replace('r@', 'R@').replace('safe_top1', 'safe top-1')}"


def print_tables(result: dict) -> None:
    """Print what `training.evaluate` measured."""
    print(f"{result['profile']}: {result['n']} test quadruplets, percent\n")
    seats = list(result["retrieval"])
    rows = []
    for direction in DIRECTIONS:
        for figure in result["retrieval"][seats[0]][direction]:
            rows.append(
                (figure_name(direction, figure), [result["retrieval"][seat][direction][figure] for seat in seats])
            )
    _table("Retrieval", seats, rows)
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


def _table(title: str, seats: list[str], rows: list[tuple[str, list[float]]]) -> None:
    width = max(len(name) for name, _ in rows)
    print(f"{title}\n{'':{width}}  " + "  ".join(f"{seat:>8}" for seat in seats))
    for name, values in rows:
        print(f"{name:{width}}  " + "  ".join(f"{value:8.1f}" for value in values))
    print()
