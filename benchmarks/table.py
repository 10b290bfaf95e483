"""The table of what the benchmarks measured, as docs/results.md has it between its marks."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from training.evaluation.tables import markdown_table
from training.zoo.cards import between_marks

MARK = "benchmarks"
HEADS = ("this package", "baseline", "ratio")
Figures = Mapping[str, Any]
RACES = {  # benchmark → its row of time, its row of memory, and the names of both ways
    "generation": ("image of 20 steps, two seats", "models of generation", "side_by_side", "two_pipelines"),
    "captioning": ("caption, two seats", "models of captioning", "side_by_side", "two_models"),
    "training": (
        "training step, ViT-B/32, 8 quadruplets, texts of up to 34 tokens",
        "training step",
        "this_package",
        "released_loop",
    ),
}
BUILDING = {
    "stages": "beside what two cores allow: decoding, preparing and the forward pass, each measured alone",
    "loop": "beside a DataLoader with a process a core",
}
QUERIES = {"text": "text query, three seats", "picture": "image query, three seats"}


def page(text: str, measured: Mapping[str, Figures]) -> str:
    """The page with the table of `measured` between its marks."""
    return between_marks(text, MARK, markdown_table(HEADS, rows(measured)))


def rows(measured: Mapping[str, Figures]) -> Iterator[tuple[str, Sequence[str]]]:
    """A name and the cells of each row, of what was measured."""
    if "retrieval" in measured:
        figures = measured["retrieval"]["figures"]
        yield "start-up to the page's first answer", [f"{figures['start_up_s']:.1f} s", "", ""]
        for kind, name in QUERIES.items():
            row = figures[kind]
            yield name, [_time(row["side_by_side_s"]), _time(row["naive_s"]), _ratio(row["ratios"])]
    for name, (time, memory, ours, theirs) in RACES.items():
        if name in measured:
            figures = measured[name]["figures"]
            yield time, [*(_time(figures[way]["seconds"]) for way in (ours, theirs)), _ratio(figures["time_ratios"])]
            base = figures["libraries"]["peak_bytes"]
            peaks = [f"{(figures[way]['peak_bytes'] - base) / 1e6:,.0f} MB" for way in (ours, theirs)]
            yield f"{memory}: peak memory beside the libraries'", [*peaks, f"{figures['memory_ratio']:.2f}"]
    if "indexing" in measured:
        yield from _indexing(measured["indexing"]["figures"])
    if "faiss" in measured:
        yield _search(measured["faiss"]["figures"])


def _indexing(figures: Figures) -> Iterator[tuple[str, Sequence[str]]]:
    """An image through the index builder beside each other way, whose ratios are the builder's speed to theirs."""
    ours = median(1 / each["per_second"] for each in figures["rounds"]["builder"])
    for way, name in BUILDING.items():
        slowness = [1 / ratio for ratio in figures["ratios"][way]["clock"]]
        yield f"image indexed by every seat, {name}", [_time(ours), _time(ours / median(slowness)), _ratio(slowness)]


def _search(figures: Figures) -> tuple[str, Sequence[str]]:
    flat, trained = (figures["kinds"][kind] for kind in ("flat16", "ivf-flat"))
    ours, theirs = (each["milliseconds"]["text"] / 1e3 for each in (trained, flat))
    found = f"{100 * trained['recall@10']['text']:.0f} % of the ten nearest"
    name = f"text searched among {figures['rows']:,} vectors, IVF-Flat ({found}) beside flat"
    return name, [_time(ours), _time(theirs), _ratio([ours / theirs])]


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1e3:.1f} ms"


def _ratio(values: Sequence[float]) -> str:
    """The median, with the least and the largest of several rounds."""
    spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
    return f"{median(values):.2f}{spread}"
