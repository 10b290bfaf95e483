"""Charts of the failures tab: shares by category with their intervals, and safety against utility."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..common.markup import EMPTY, join, send, template
from ..tradeoff_chart import Box, free_place

if TYPE_CHECKING:
    from safeclip.failures.slices import Share
    from safeclip.failures.table import Provenance

    from .request import FailuresRequest

_LONGEST = 14  # bars of a chart; concepts can be many

_SHARES = template("""
    <section class="sc-panel sc-shares">
    <h3>Failures by {by}</h3>
    <ul class="sc-bars">{bars}</ul>
    <p class="sc-note">Share of the questions of each {by} that fail, with its 95 % interval (Wilson).
    Grey: fewer than 30 questions. {more}</p>
    </section>
""")
_BAR = template("""
    <li data-few="{few}"><button type="button" class="sc-bar-name" {send}>{name}</button>
    <span class="sc-track" role="img" aria-label="{words}">
    <i style="--share:{percent:.1f}%"></i><em style="--low:{low:.1f}%;--high:{high:.1f}%"></em></span>
    <span class="sc-share">{percent:.0f} %<small>{failed} of {n}</small></span></li>
""")
_CURVE = template("""
    <section class="sc-panel sc-curve">
    <h3>Safety against utility, in this gallery</h3>
    <svg class="sc-map-svg" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">
    <line class="sc-axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>
    <line class="sc-axis" x1="{left}" x2="{left}" y1="{top}" y2="{bottom}"/>
    <text class="sc-axis-name" x="{right}" y="{names}" text-anchor="end">utility, % →</text>
    <text class="sc-axis-name" x="{left}" y="{title}">↑ safe top-1, %</text>
    {ticks}
    {filter}
    {points}
    </svg>
    <p class="sc-legend sc-curve-legend">{legend}</p>
    <p class="sc-note">Safe top-1: unsafe texts whose first result is safe. Utility: safe texts that find their own
    picture first among safe and unsafe ones.</p>
    </section>
""")
_WIDTH, _HEIGHT, _MARGIN = 600, 360, 44
_RADIUS = 6.0  # of a disc


def shares_panel(shares: Sequence["Share"], request: "FailuresRequest") -> Markup:
    """A bar for each category, or for each concept of the category that is chosen; pressing one filters by it."""
    if not shares:
        return EMPTY
    by = "concept" if request.category else "category"
    rest = len(shares) - _LONGEST
    more = f"The {rest} with the smallest shares are left out." if rest > 0 else ""
    return _SHARES.format(by=by, bars=join(_bar(share, by) for share in shares[:_LONGEST]), more=more)


def _bar(share: "Share", by: str) -> Markup:
    low, high = share.interval
    return _BAR.format(
        few="yes" if share.few else "no",
        name=share.name,
        send=send("browse", **{by: share.name}),
        percent=share.percent,
        low=low,
        high=high,
        failed=share.failed,
        n=share.n,
        words=f"{share.name}: {share.percent:.0f} %, between {low:.0f} and {high:.0f}",
    )


def curve_panel(provenance: "Provenance", labels: Mapping[str, str]) -> Markup:
    """Every column as a point named by `labels`, the judge as a filter as a line; empty where nothing was measured."""
    points = [each for each in provenance.curves if each["utility"] is not None and each["safe_top1"] is not None]
    columns = [each for each in points if each["kind"] == "column"]
    if not columns:
        return EMPTY
    judged = [each for each in points if each["kind"] == "judge"]
    words = "; ".join(
        f"{labels.get(each['name'], each['name'])}: safe {each['safe_top1']:.0f}, utility {each['utility']:.0f}"
        for each in columns
    )
    legend = [f"{number} {labels.get(each['name'], each['name'])}" for number, each in enumerate(columns, start=1)]
    if judged:
        legend.append(f"○ the reference behind the judge {judged[0]['name']}, by its threshold")
    return _CURVE.format(
        w=_WIDTH,
        h=_HEIGHT,
        left=_MARGIN,
        right=_WIDTH - 12,
        top=_MARGIN - 14,
        bottom=_HEIGHT - _MARGIN,
        names=_HEIGHT - 14,
        title=20,
        words=words,
        filter=_line(judged),
        ticks=join(map(_ticks, (0, 50, 100))),
        points=join(map(_disc, columns)) + join(_numbers(columns, judged)),
        legend=join(Markup("<span>{}</span>").format(line) for line in legend),
    )


def _place(point: dict[str, Any]) -> tuple[float, float]:
    """(x, y) of a point in drawing coordinates."""
    x = _MARGIN + point["utility"] / 100 * (_WIDTH - 2 * _MARGIN)
    return x, _HEIGHT - _MARGIN - point["safe_top1"] / 100 * (_HEIGHT - 2 * _MARGIN)


def _line(points: Sequence[dict[str, Any]]) -> Markup:
    if not points:
        return EMPTY
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(map(_place, points)))
    spots = join(
        Markup('<circle class="sc-spot-reference" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>').format(
            *_place(each), f"threshold {each['threshold']:g}"
        )
        for each in points
    )
    return Markup('<path class="sc-curve-line" d="{}"/>{}').format(path, spots)


def _ticks(percent: int) -> Markup:
    """The percentage beside both axes."""
    x, y = _place({"utility": percent, "safe_top1": percent})
    text = Markup('<text class="sc-axis-name" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    below = text.format(x, _HEIGHT - _MARGIN + 17, "middle", percent)
    return below + text.format(_MARGIN - 6, y + 4, "end", percent)


def _disc(point: dict[str, Any]) -> Markup:
    return Markup('<circle class="sc-spot" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(*_place(point), _RADIUS)


def _numbers(columns: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]]) -> Iterator[Markup]:
    """The number of each column, which the legend explains, where it lies under no disc and no other number."""
    discs = [(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in map(_place, (*columns, *judged))]
    taken: list[Box] = list(discs)
    for number, each in enumerate(columns, start=1):
        x, y = _place(each)
        box, is_clear = free_place(x, y, f" {number} ", taken, (_MARGIN, 0, _WIDTH, _HEIGHT - _MARGIN))
        taken.append(box)
        left, top, right, bottom = box
        if not is_clear:
            ends = (x, y, min(max(x, left), right), (top + bottom) / 2)
            yield Markup('<line class="sc-axis" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(*ends)
        yield Markup('<text class="sc-curve-name" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
            (left + right) / 2, bottom - 2, number
        )
