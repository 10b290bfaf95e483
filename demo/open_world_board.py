"""The scoreboard's first part: how every row fares on each split of ViSU-Emoji, and what safety costs."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from safeclip.command_names import PAGE
from safeclip.retrieval.metrics import DIRECTIONS

from . import tradeoff_chart
from .common.markup import join, template
from .score_tables import bar, table
from .tradeoff_chart import Interval, Point

if TYPE_CHECKING:
    from safeclip.profiles import Profile

TUNED = ("paper", "safe", "ours")
_SPLITS = {
    "seen": "Seen concepts, combined anew",
    "contextual": "Harm by context alone",
    "unseen_concepts": "Harm that no tuning met",
    "unseen_forms": "Sentence forms never trained",
    "unseen_backdrops": "Backdrops never trained",
    "unseen_style": "Artwork never trained",
}
_NEUTRAL = {
    "text": "200 everyday texts",
    "image": "200 pictures without harm",
    "identity": "300 texts that name a person",
}
_SCORES = ("text", "image", "safe_query", "unsafe_query", "group")

_UNMEASURED = template("""
    <section class="sc-open sc-unmeasured">
    <h2>Safety against utility</h2>
    <p class="sc-note">{said}</p>
    </section>
""")
_MISSING = Markup(
    "Nothing is measured for the profile “{0}” yet. "
    "Run <code>python -m training.evaluation.open_world --profile {0}</code>."
)
_ELSEWHERE = Markup(
    "Measured on the embedded world alone: <code>{page} --profile {owner}</code> shows this picture for “{owner}”."
)
_SECTION = template("""
    <section class="sc-open">
    <h2>Safety against utility</h2>
    <p class="sc-note">Right is useful: a safe text or picture finds its own first (mean R@1 of T→V and V→T).
    Up is safe: after an unsafe one, nothing unsafe stands first (mean safe top-1 of T*→V∪V* and V*→T∪T*).
    Lines are 95 % intervals over concepts; a refusal is a miss. <i>original</i> is CLIP, <i>paper</i> and <i>safe</i>
    are replicas of the Safe-CLIP recipe with the paper’s and with tuned settings; <i>ours</i> is the recipe with a
    mixed gallery. Squares are what one would do instead of tuning.</p>
    <div class="sc-charts">{charts}</div>
    <h3>What it costs those who ask for nothing unsafe</h3>
    <p class="sc-note">Unsafe pictures among the first eight, in percent; a third of the gallery is unsafe. The dashed
    line is the original.</p>
    <div class="sc-charts">{costs}</div>
    <details><summary>All figures as tables</summary>{tables}</details>
    <p class="sc-note">{n} held-out quadruplets of each split, measured on {date} by <code>{command}</code>.
    Filters and classifiers had {trials} thresholds to choose from, on validation concepts.</p>
    </section>
""")
_CHART = Markup('<figure class="sc-panel-chart"><figcaption>{}</figcaption>{}</figure>')


def is_measured(profile: "Profile", metrics: Mapping[str, Any] | None) -> bool:
    """Whether the metrics are of this profile."""
    about = (metrics or {}).get("open_world")
    return isinstance(about, dict) and about.get("profile") == profile.name


def section(profile: "Profile", metrics: Mapping[str, Any] | None) -> Markup:
    """The picture and the folded tables, or a sentence that says where they are or how to measure them."""
    if not is_measured(profile, metrics):
        owner = ((metrics or {}).get("open_world") or {}).get("profile")
        said = _ELSEWHERE.format(page=PAGE, owner=owner) if owner else _MISSING.format(profile.name)
        return _UNMEASURED.format(said=said)
    assert metrics is not None
    about = metrics["open_world"]
    return _SECTION.format(
        charts=join(_CHART.format(title, _chart(metrics, split, title)) for split, title in _SPLITS.items()),
        costs=join(_costs(metrics)),
        tables=join(_tables(metrics)),
        n=f"{about.get('n', 0):,}",
        date=about.get("date", "an unknown day"),
        command=about.get("command", ""),
        trials=about.get("trials", "?"),
    )


def _chart(metrics: Mapping[str, Any], split: str, title: str) -> Markup:
    utility, safety = (metrics.get(name, {}).get(split, {}) for name in ("utility", "safety"))
    points = [
        Point(_label(row), _kind(row), x, y)
        for row in utility
        if (x := _interval(utility[row])) is not None and (y := _interval(safety.get(row))) is not None
    ]
    return tradeoff_chart.tradeoff(points, title)


def _costs(metrics: Mapping[str, Any]) -> Iterator[Markup]:
    neutral = metrics.get("neutral", {})
    shown = {
        kind: [
            (_label(row), _kind(row), figure)
            for row, figures in neutral.items()
            if (figure := _interval(figures.get(kind, {}).get("unsafe_share"))) is not None
        ]
        for kind in _NEUTRAL
    }
    highest = max((figure.high for rows in shown.values() for _, _, figure in rows), default=100)
    scale = 10 * -(-highest // 10) or 10
    for kind, title in _NEUTRAL.items():
        yield _CHART.format(title, tradeoff_chart.dots(shown[kind], title, scale))


def _tables(metrics: Mapping[str, Any]) -> Iterator[Markup]:
    for split, title in _SPLITS.items():
        directions = metrics.get("splits", {}).get(split, {})
        columns = [(f"{DIRECTIONS[d]} R@1", (d, "r@1")) for d in DIRECTIONS]
        columns += [(f"{DIRECTIONS[d]} safe top-1", (d, "safe_top1")) for d in DIRECTIONS if "_all_" in d]
        rows = {row: [_find(figures, *path) for _, path in columns] for row, figures in directions.items()}
        for row, cells in rows.items():
            cells.append(_find(metrics, "differences", "original", "utility", split, row))
        yield _table(f"{title}:", "what is found first", [head for head, _ in columns] + ["Utility − original's"], rows)
    neutral = metrics.get("neutral", {})
    kinds = [(title, (kind, "unsafe_share")) for kind, title in _NEUTRAL.items()]
    kinds += [("Largest gap between groups", ("identity", "largest_gap"))]
    rows = {row: [_find(figures, *path) for _, path in kinds] for row, figures in neutral.items()}
    yield _table("Neutral queries:", "unsafe among the first eight", [head for head, _ in kinds], rows)
    mixed = metrics.get("safe_in_mixed", {})
    rows = {row: [_find(figures, kind, "safe_top1") for kind in ("text", "image")] for row, figures in mixed.items()}
    yield _table("Safe queries among unsafe items:", "safe top-1", ["T→V∪V*", "V→T∪T*"], rows)
    if sentences := metrics.get("free_text"):
        rows = {row: [_find(figures, "image", "found@5")] for row, figures in sentences.items()}
        yield _table("Free sentences:", "a relevant picture among the first five", ["found"], rows)
    scores = metrics.get("safeground", {}).get("seen", {})
    rows = {row: [_find(figures, score) for score in _SCORES] for row, figures in scores.items()}
    yield _table("SafeGround's scores", "on seen concepts", [score.replace("_", " ") for score in _SCORES], rows)


def _table(title: str, what: str, heads: list[str], rows: Mapping[str, list[Any]]) -> Markup:
    head = join(Markup('<th scope="col">{}</th>').format(name) for name in heads)
    body = join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(_label(row), join(_cell(cell) for cell in cells))
        for row, cells in rows.items()
    )
    return table(Markup("<b>{}</b> {}").format(title, what), head, body)


def _cell(figure: Any) -> Markup:
    found = _interval(figure)
    if found is None:
        return bar(None, why=figure.get("reason", "") if isinstance(figure, dict) else "")
    return bar(found.mean, (found.low, found.high))


def _interval(figure: Any) -> Interval | None:
    if not isinstance(figure, dict) or figure.get("mean") is None:
        return None
    return Interval(figure["mean"], figure["low"], figure["high"])


def _find(tree: Any, *path: str) -> Any:
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _label(row: str) -> str:
    return row.replace("_", " ")


def _kind(row: str) -> str:
    return "reference" if row == "original" else "tuned" if row in TUNED else "baseline"
