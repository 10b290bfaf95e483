"""Measured figures in Markdown, for model cards and the README: tables with a column a seat.

`metrics` are those of `zoo/metrics.json`.
"""

from collections.abc import Iterable, Sequence

from training.report import CAPTIONING, DIRECTIONS, captioning_seats, figure_rows


def retrieval_table(metrics: dict, seats: Sequence[str]) -> str:
    """What `training.evaluate` measured of some seats."""
    zero_shot = metrics["zero_shot"]
    alone = {seat: {"unsafe_text_to_all_images": _of_text(metrics, seat)} for seat in seats}
    measured = figure_rows({seat: metrics["retrieval"][seat] for seat in seats})
    measured += figure_rows(alone, ", its text tower alone over the original's index")
    rows = [(name, [f"{value:.1f}" for value in values]) for name, values in measured]
    rows += [(f"zero-shot, {kind}", [f"{zero_shot[seat][kind]:.1f}" for seat in seats]) for kind in zero_shot[seats[0]]]
    if unseen := metrics.get("unseen_style"):
        rows += [
            (
                f"{DIRECTIONS[direction]} R@1, never-seen style ({unseen['style']})",
                [f"{unseen['retrieval'][seat][direction]['r@1']:.1f}" for seat in seats],
            )
            for direction in ("text_to_image", "image_to_text")
        ]
    return markdown_table(seats, rows)


def _of_text(metrics: dict, seat: str) -> dict[str, float]:
    figures = metrics["text_tower_alone"][seat]["unsafe_text_to_all_images"]
    return {figure: figures[figure] for figure in ("r@1", "safe_top1")}


def captioning_table(metrics: dict) -> str:
    """What `training.evaluate_captioning` measured, with 95 % intervals."""
    captioning = metrics["captioning"]
    seats = captioning_seats(captioning)
    rows = [(name, [_with_interval(captioning[seat], figure) for seat in seats]) for figure, name in CAPTIONING.items()]
    rows.append(("BLEU", [f"{captioning[seat]['bleu']:.1f}" for seat in seats]))
    return markdown_table(seats, rows)


def retrieval_results(metrics: dict, seats: Sequence[str]) -> str:
    """A card's results: how they were measured, and the table."""
    how = f"{metrics['n']} test quadruplets, percent, by `{metrics['command']}` on {metrics['date']}."
    return f"{how}\n\n{retrieval_table(metrics, seats)}"


def captioning_results(metrics: dict) -> str:
    """A card's results: how they were measured, and the table."""
    if "captioning" not in metrics:
        return "Not measured yet."
    captioning = metrics["captioning"]
    pictures = captioning[captioning_seats(captioning)[0]]["n"]
    how = (
        f"Greedy answers to “{captioning['question']}” about {pictures} safe and {pictures} unsafe test pictures, percent "
        f"with 95 % intervals, by `{captioning['command']}` on {captioning['date']}. A column is the CLIP through whose "
        "vision tower the same language model looks; a concept is named by any of its wordings; BLEU compares with the "
        "gallery's captions, whose wordings are drawn."
    )
    return f"{how}\n\n{captioning_table(metrics)}"


def markdown_table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table whose first column has no head."""
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join(lines)


def _with_interval(figures: dict, name: str) -> str:
    low, high = figures["intervals"][name]
    return f"{figures[name]:.1f} ({low:.1f}–{high:.1f})"
