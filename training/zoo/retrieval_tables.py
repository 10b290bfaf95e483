"""Figures of retrieval in Markdown: tables of every split and of what safety costs, for docs/results.md and model cards.

`metrics` are those of `zoo/metrics.json`, as `training.evaluation.open_world` writes them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safeclip.retrieval.metrics import DIRECTIONS

from ..data.open_world.splits import SPLITS
from ..evaluation.open_world.rows import ROWS
from ..evaluation.report import figure_name
from ..evaluation.tables import Figure, markdown_table

COMMAND = "python -m training.evaluation.open_world --profile emoji"
UNMEASURED = f"Retrieval is not measured yet: `{COMMAND}` writes its figures."
NOT_MEASURED = "Not measured yet."
_UNSAFE_DIRECTIONS = [direction for direction in DIRECTIONS if "_all_" in direction]
_SPLIT_FIGURES = [(direction, "r@1") for direction in DIRECTIONS]
_SPLIT_FIGURES += [(direction, "safe_top1") for direction in _UNSAFE_DIRECTIONS]
_NEUTRAL_COLUMNS = (
    ("everyday texts", ("text", "unsafe_share")),
    ("pictures without harm", ("image", "unsafe_share")),
    ("texts that name a person", ("identity", "unsafe_share")),
    ("largest gap between two groups", ("identity", "largest_gap")),
)


def retrieval_tables(metrics: Mapping[str, Any]) -> str:
    """All tables with their titles, with a row for each row of the evaluation; a sentence where nothing was measured."""
    about = metrics.get("open_world")
    if about is None:
        return UNMEASURED
    measured = f"{about['n']:,} quadruplets of each split, measured by `{about['command']}` on {about['date']}."
    trials = f"Thresholds of classifiers and filters: the best of {about['trials']} on validation concepts."
    return "\n\n".join((f"{measured} {trials}", *_sections(metrics)))


def clip_results(metrics: Mapping[str, Any]) -> str:
    """A card's results: what the training of the CLIP measured, and the splits where they are measured."""
    if "open-clip" not in metrics:
        return NOT_MEASURED
    return "\n\n".join(part for part in (_own_figures(metrics["open-clip"]), _splits(metrics, ("original",))) if part)


def adapter_results(metrics: Mapping[str, Any], *rows: str) -> str:
    """A card's results: an adapter beside the CLIP, the first of `rows`."""
    return _splits(metrics, rows) or NOT_MEASURED


def _sections(metrics: Mapping[str, Any]) -> Iterator[str]:
    for split in SPLITS:
        rows = []
        for row in ROWS:
            cells = [_cell(metrics["splits"][split][row], path) for path in _SPLIT_FIGURES]
            cells.append(_cell(metrics["utility"][split], (row,)))
            rows.append((row, [*cells, _cell(metrics["differences"], ("original", "utility", split, row))]))
        heads = [figure_name(*path) for path in _SPLIT_FIGURES]
        yield _section(f"Split `{split}`", [*heads, "utility", "utility − original's"], rows)
    neutral = [(row, [_cell(metrics["neutral"][row], path) for _, path in _NEUTRAL_COLUMNS]) for row in ROWS[:-1]]
    yield _section("Neutral queries: unsafe share of the first eight", [name for name, _ in _NEUTRAL_COLUMNS], neutral)
    mixed = [
        (row, [_cell(metrics["safe_in_mixed"][row], (kind, "safe_top1")) for kind in ("text", "image")])
        for row in ROWS[:-1]
    ]
    yield _section("Safe queries among safe and unsafe items: safe top-1", ("T→V∪V*", "V→T∪T*"), mixed)
    if sentences := metrics.get("free_text"):
        found = [(row, [_cell(sentences.get(row), ("image", "found@5"))]) for row in ROWS[:-1]]
        yield _section("Free sentences: a relevant picture among the first five", ("found",), found)


def _section(title: str, heads: Sequence[str], rows: Sequence[tuple[str, list[str]]]) -> str:
    shown = [(name.replace("_", " "), cells) for name, cells in rows if set(cells) != {"—"}]
    return f"### {title}\n\n{markdown_table(heads, shown)}"


def _own_figures(measured: Mapping[str, Any]) -> str:
    watched, free, cosine = measured["watched"], measured["free_text"], measured["cosine"]
    rows = [
        (name, [f"{texts:,}", f"{cosine[name]:.3f}", f"{cosine[f'{name}_perturbed']:.3f}"])
        for name, texts in measured["texts"].items()
    ]
    table = markdown_table(("texts", "held-out texts", "the same, misspelt or reordered"), rows)
    return (
        f"By `safeclip-train open-clip-4`. Among {watched['n']:,} validation scenes, neighbours of which differ in one facet that a "
        f"caption may leave out, R@1 is {watched['text_to_image']:.1f} % from caption to image and {watched['image_to_text']:.1f} % from image "
        f"to caption. Of {free['sentences']} free sentences, none of which is a caption, {free['tower_images']:.1f} % find an image of a relevant "
        f"scene among the first {free['k']} of {free['captions']:,}, and {free['tower']:.1f} % a caption of one; over the same captions its "
        f"teacher reaches {free['teacher']:.1f} %.\n\nMean cosine of its texts to the teacher's embedding of the text as it should be:\n\n{table}"
    )


def _splits(metrics: Mapping[str, Any], rows: Sequence[str]) -> str:
    """A table of every split, with a column for each of the metrics' rows; "" when they are not measured."""
    seen = metrics.get("splits", {}).get("seen", {})
    if any(_cell(seen.get(row), ("text_to_image", "r@1")) == "—" for row in rows):
        return ""
    lines = []
    for split, figures in metrics["splits"].items():
        for path in sorted(_SPLIT_FIGURES, key=lambda path: list(DIRECTIONS).index(path[0])):
            name = f"{split.replace('_', ' ')}, {figure_name(*path)}"
            lines.append((name, [_cell(figures[row], path) for row in rows]))
    for name, path in _NEUTRAL_COLUMNS[:-1]:
        lines.append((f"unsafe among the first eight, {name}", [_cell(metrics["neutral"][row], path) for row in rows]))
    how = metrics["open_world"]
    text = f"Percent with 95 % intervals, {how['n']:,} quadruplets a split, by `{how['command']}` on {how['date']}."
    return f"{text}\n\n{markdown_table(list(rows), lines)}"


def _cell(tree: Any, path: Sequence[str]) -> str:
    """A figure with its interval, or a dash where it is not measured."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or tree.get("mean") is None:
        return "—"
    return str(Figure(tree["mean"], (tree["low"], tree["high"])))
