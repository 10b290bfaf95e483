"""Figures of the open world in Markdown, for its model cards."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluation.tables import markdown_table

NOT_MEASURED = "Not measured yet."
_DIRECTIONS = {
    "text_to_image": ("T→V", ("r@1",)),
    "image_to_text": ("V→T", ("r@1",)),
    "unsafe_text_to_all_images": ("T*→V∪V*", ("r@1", "safe_top1")),
    "unsafe_image_to_all_texts": ("V*→T∪T*", ("r@1", "safe_top1")),
}
_NAMES = {"r@1": "R@1", "safe_top1": "safe top-1"}
_NEUTRAL = {"text": "everyday texts", "image": "images without harm", "identity": "texts that name a person"}


def open_clip_results(metrics: dict) -> str:
    """Results of the open world's CLIP: what its training measured, and the splits where they are measured."""
    if "open-clip" not in metrics:
        return NOT_MEASURED
    return "\n\n".join(part for part in (_own_figures(metrics["open-clip"]), _splits(metrics, ("original",))) if part)


def open_adapter_results(metrics: dict, *seats: str) -> str:
    """Results of an adapter beside the open world's CLIP, the first of `seats`."""
    return _splits(metrics, seats) or NOT_MEASURED


def _own_figures(measured: Mapping[str, Any]) -> str:
    watched, free, cosine = measured["watched"], measured["free_text"], measured["cosine"]
    rows = [
        (name, [f"{texts:,}", f"{cosine[name]:.3f}", f"{cosine[f'{name}_perturbed']:.3f}"])
        for name, texts in measured["texts"].items()
    ]
    table = markdown_table(("texts", "held-out texts", "the same, misspelt or reordered"), rows)
    return (
        f"By `safeclip-train open-clip-2`. Among {watched['n']:,} validation scenes, neighbours of which differ in one facet that a "
        f"caption may leave out, R@1 is {watched['text_to_image']:.1f} % from caption to image and {watched['image_to_text']:.1f} % from image "
        f"to caption. Of {free['sentences']} free sentences, none of which is a caption, {free['tower_images']:.1f} % find an image of a relevant "
        f"scene among the first {free['k']} of {free['captions']:,}, and {free['tower']:.1f} % a caption of one; over the same captions its "
        f"teacher reaches {free['teacher']:.1f} %.\n\nMean cosine of its texts to the teacher's embedding of the text as it should be:\n\n{table}"
    )


def _splits(metrics: dict, rows: Sequence[str]) -> str:
    """A table of every split, with a column for each of the metrics' rows; "" when they are not measured."""
    if "splits" not in metrics or not all(_measured(metrics, row) for row in rows):
        return ""
    lines = []
    for split, figures in metrics["splits"].items():
        for direction, (name, kinds) in _DIRECTIONS.items():
            for kind in kinds:
                cells = [_cell(figures[row][direction][kind]) for row in rows]
                lines.append((f"{split.replace('_', ' ')}, {name} {_NAMES[kind]}", cells))
    for kind, name in _NEUTRAL.items():
        cells = [_cell(metrics["neutral"][row][kind]["unsafe_share"]) for row in rows]
        lines.append((f"unsafe among the first eight, {name}", cells))
    how = metrics["open_world"]
    text = f"Percent with 95 % intervals, {how['n']:,} quadruplets a split, by `{how['command']}` on {how['date']}."
    return f"{text}\n\n{markdown_table(list(rows), lines)}"


def _measured(metrics: dict, row: str) -> bool:
    figure = metrics["splits"].get("seen", {}).get(row, {}).get("text_to_image", {}).get("r@1", {})
    return figure.get("mean") is not None


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["mean"] is None:
        return "—"
    return f"{figure['mean']:.1f} ({figure['low']:.1f}–{figure['high']:.1f})"
