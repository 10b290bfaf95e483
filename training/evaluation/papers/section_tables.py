"""Tables of an evaluation's figures, one function for each measurement."""

from collections.abc import Mapping

from safeclip.retrieval.metrics import DIRECTIONS

from ..report import figure_name, retrieval_rows, rows_by_seat
from ..tables import Figure, Table


def quadruplets(figures: dict) -> list[Table]:
    """Retrieval, paired preferences, SafeGround, and safe top-1 by category where the quadruplets have categories."""
    retrieval, paired, safeground = (figures[name] for name in ("retrieval", "paired", "safeground"))
    seats = list(retrieval)
    left_out = _rows_left_out(figures["skipped"] + figures["repeated"])
    title = f"Retrieval, {figures['n']} quadruplets of the split “{figures['split']}”{left_out}, percent"
    return [
        Table(title, seats, retrieval_rows(retrieval)),
        Table("Paired preferences, percent", seats, rows_by_seat(paired, paired[seats[0]])),
        Table("SafeGround (arXiv 2503.11742), percent", seats, rows_by_seat(safeground, safeground[seats[0]])),
        *_by_category(figures["by_category"]),
    ]


def _by_category(by_seat: Mapping[str, dict]) -> list[Table]:
    categories = next(iter(by_seat.values()))
    if not any(categories):
        return []
    rows = [
        (
            f"{category or 'no category'}: {figure_name(direction, 'safe_top1')}",
            [Figure(by_seat[seat][category][direction]["safe_top1"]) for seat in by_seat],
        )
        for category, directions in categories.items()
        for direction in directions
    ]
    return [Table("Safe top-1 by category, percent", list(by_seat), rows)]


def captioned(figures: dict) -> list[Table]:
    """Retrieval with safe images alone, and beside each seat's published figures where there are some."""
    tables = []
    for name, each in figures.items():
        seats = list(each["retrieval"])
        names = {**DIRECTIONS, "unsafe_text_to_image": "T*→V"}
        rows = [
            (
                f"{names[direction]} {figure.replace('r@', 'R@')}",
                [Figure(each["retrieval"][s][direction][figure]) for s in seats],
            )
            for direction, values in each["retrieval"][seats[0]].items()
            for figure in values
        ]
        left_out = _rows_left_out(sum(each["skipped"].values()))
        tables.append(Table(f"{name}: {each['n']} safe images{left_out}, percent", seats, rows))
        tables += [_published(name, seat, beside) for seat, beside in each["published"].items()]
    return tables


def _published(name: str, seat: str, beside: dict) -> Table:
    note = "" if beside["comparable"] else "; another number of images, so not comparable"
    rows = [
        (
            figure_name(direction, figure) + (" (differs)" if values["differs"] and beside["comparable"] else ""),
            [Figure(values["measured"]), Figure(values["published"])],
        )
        for direction, figures in beside.items()
        if isinstance(figures, Mapping)
        for figure, values in figures.items()
    ]
    return Table(f"{name}, {seat}: beside {beside['source']}{note}", ["measured", "published"], rows)


def unsafe_images(figures: dict) -> list[Table]:
    """Safe top-1 with real unsafe images."""
    found = figures["safe_top1"]
    seats = list(found)
    rows = [
        (f"{DIRECTIONS[name]} safe top-1", [Figure(found[seat][name]) for seat in seats]) for name in found[seats[0]]
    ]
    left_out = _left_out(len(figures["skipped"]))
    title = f"{figures['n']} real unsafe images{left_out} among {figures['distractors']} safe ones, percent"
    return [Table(title, seats, rows)]


def zero_shot(figures: dict) -> list[Table]:
    """Accuracy by data set, the mean over those that are there, and its difference to the first seat's."""
    seats = list(figures["mean"])
    rows = [
        (f"{name} ({each['n']} images{_left_out(each['skipped'])})", [Figure(each["accuracy"][seat]) for seat in seats])
        for name, each in figures["sets"].items()
    ]
    rows.append((f"mean of {len(figures['sets'])}", [Figure(figures["mean"][seat]) for seat in seats]))
    rows.append(("mean, against the first", [Figure(figures["cost"][seat]) for seat in seats]))
    return [Table("Zero-shot accuracy, percent", seats, rows)]


def prompts(figures: dict) -> list[Table]:
    """Harmful images by seat."""
    found = figures["harmful"]
    seats = list(found)
    rows = [
        ("images that a judge flags", [Figure(found[seat]["images"]) for seat in seats]),
        (
            "prompts with a flagged image",
            [Figure(found[seat]["any_seed"], (found[seat]["low"], found[seat]["high"])) for seat in seats],
        ),
    ]
    judges = ", ".join(f"{each['name']} from {each['threshold']:.2f}" for each in figures["judges"])
    if lacking := figures["not_judged_by"]:
        judges += f", without {' and '.join(lacking)} (missing here)"
    title = f"{figures['prompts']} prompts of {figures['file']} × {figures['seeds']} seeds, by {judges}, percent"
    return [Table(title, seats, rows)]


def fidelity(figures: dict) -> list[Table]:
    """FID and CLIP similarity by seat."""
    seats = list(figures["fid"])
    note = "" if figures["comparable"] else "; not comparable with published FID"
    rows = [
        (f"FID (features: {figures['features']}{note})", [Figure(figures["fid"][seat]) for seat in seats]),
    ]
    if similarities := figures["clip_similarity"]:
        rows.append(("CLIP similarity × 100", [Figure(100 * similarities[seat]) for seat in seats]))
    left_out = _left_out(len(figures["skipped"]))
    return [Table(f"Images of {figures['n']} safe prompts against {figures['real']} real ones{left_out}", seats, rows)]


def captions(figures: dict) -> list[Table]:
    """Harmful answers by seat."""
    found = figures["captions"]
    seats = list(found)
    rows = [
        (
            "answers that the judge flags",
            [Figure(found[seat]["harmful"], (found[seat]["low"], found[seat]["high"])) for seat in seats],
        ),
        ("mean score × 100", [Figure(found[seat]["mean_score"]) for seat in seats]),
    ]
    judge, images = figures["judge"], f"{figures['n']} images{_left_out(len(figures['skipped']))}"
    return [Table(f"Answers about {images}, by {judge['name']} from {judge['threshold']:.2f}", seats, rows)]


def _left_out(count: int) -> str:
    return f", {count} unreadable left out" if count else ""


def _rows_left_out(count: int) -> str:
    return f", {count} row{'s' if count > 1 else ''} left out" if count else ""
