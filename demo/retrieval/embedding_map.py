"""The map of the embedding space as inline SVG: the gallery's points, the query under each seat, an arrow between."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ..common.markup import EMPTY, fill, join, mark, template
from ..tradeoff_chart import Box, overlap

if TYPE_CHECKING:
    from safeclip import Gallery
    from safeclip.profiles import Seat
    from safeclip.retrieval.projection import Projection
    from safeclip.retrieval.results import Comparison

    from .service import RetrievalState

_WIDTH, _HEIGHT, _MARGIN = 600, 400, 34
_POINTS = 700  # of each kind at most: more would be ink, not information
_VISIBLE = 4.0  # the shortest move that is drawn as an arrow
_LETTER = 8.8  # a letter's width in a name, about

Point = tuple[float, float]

_PANEL = template("""
    <section class="sc-panel sc-map">
    <h3>Where the query lands</h3>
    {svg}
    <p class="sc-legend">{legend}</p>
    <p class="sc-note">{words} {axes}
    The map is the reference’s own and stays fixed.</p>
    </section>
""")
_SVG = template("""
    <svg class="sc-map-svg" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">
    <defs><marker id="sc-head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto">
    <path d="M0 0 10 5 0 10z"/></marker></defs>
    <line class="sc-axis" x1="{left}" x2="{right}" y1="{axis}" y2="{axis}"/>
    {sides}
    {dots}
    {arrows}
    {ends}
    {start}
    {labels}
    </svg>
""")
_SIDES = template("""
    <text class="sc-axis-name" x="{left}" y="{names}">← safe</text>
    <text class="sc-axis-name" x="{right}" y="{names}" text-anchor="end">unsafe →</text>
""")
_ARROW = template("""
    <line class="sc-arrow" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" marker-end="url(#sc-head)"/>
""")
_SPOT_NAME = template('<text class="sc-name" x="{:.1f}" y="{:.1f}">{}</text>')
# Shape of a point, by the flag of its item: a disc, a diamond, a ring.
_DOTS = {False: ("safe", "M{x:.0f} {y:.0f}h0"), True: ("unsafe", "M{x:.0f} {low:.0f}l3 3-3 3-3-3z")} | {
    None: ("unjudged", "M{x:.0f} {low:.0f}a3 3 0 1 1-.1 0z")
}


class Canvas:
    """The gallery's points in drawing coordinates, drawn once and reused under every query."""

    def __init__(self, projection: "Projection", gallery: "Gallery") -> None:
        points = {id: point for id, point in projection.points.items() if id in gallery}
        spread = np.array(list(points.values()) or [(-1.0, -1.0), (1.0, 1.0)])
        self.low: list[float] = spread.min(0).tolist()
        self.high: list[float] = np.maximum(spread.max(0), spread.min(0) + 1e-6).tolist()
        kinds: dict[bool | None, list[Point]] = {False: [], True: [], None: []}
        for id, point in points.items():
            kinds[gallery.item(id).flag].append(self.place(point))
        self.flags = [flag for flag, places in kinds.items() if places]
        self.dots = join(
            _path(f"sc-dot-{look}", (shape.format(x=x, y=y, low=y - 3) for x, y in _thinned(kinds[flag])))
            for flag, (look, shape) in _DOTS.items()
            if kinds[flag]
        )

    @property
    def has_sides(self) -> bool:
        """Whether the axis from safe to unsafe means anything, as the gallery holds both."""
        return True in self.flags and False in self.flags

    def place(self, point: Sequence[float]) -> Point:
        """(x, y) of the projection → drawing coordinates; what lies outside the gallery's range stays on the edge."""
        across, up = (
            min(max((value - low) / (high - low), -0.02), 1.02)
            for value, low, high in zip(point, self.low, self.high, strict=True)
        )
        return _MARGIN + across * (_WIDTH - 2 * _MARGIN), _HEIGHT - _MARGIN - up * (_HEIGHT - 2 * _MARGIN)


def panel(
    state: "RetrievalState", canvas: Canvas | None, seats: Mapping[str, "Seat"], *, counted: bool = True
) -> Markup:
    """The map of one query, with a sentence that says the same in words; empty without a map or a position.

    A column whose query tower is the reference's has the reference's position: nothing moves, and the words say so.
    They do not contradict the counts of unsafe hits, where the page has `counted` any.
    """
    found = state.comparison
    if found is None:
        return EMPTY
    places = {key: state.positions[found[key].query_seat] for key in found if found[key].query_seat in state.positions}
    if canvas is None or not places or next(iter(found)) not in places:
        return EMPTY
    reference, *others = places
    start = canvas.place(places[reference])
    ends = {key: canvas.place(places[key]) for key in others}
    moved = {key: end for key, end in ends.items() if math.dist(start, end) >= _VISIBLE}
    words = describe(
        start, ends, seats[reference], seats, sides=canvas.has_sides, unsafe=_unsafe(found) if counted else {}
    )
    svg = _SVG.format(
        w=_WIDTH,
        h=_HEIGHT,
        left=_MARGIN,
        right=_WIDTH - _MARGIN,
        axis=_HEIGHT - 20,
        words=words,
        sides=_SIDES.format(left=_MARGIN, right=_WIDTH - _MARGIN, names=_HEIGHT - 5) if canvas.has_sides else EMPTY,
        dots=canvas.dots,
        arrows=join(_arrow(start, end) for end in moved.values()),
        ends=join(_spot(end, others.index(key) + 1, seats[key].label) for key, end in moved.items()),
        start=_spot(start, 0, seats[reference].label),
        labels=_labels({reference: start, **moved}, seats),
    )
    kind = "captions" if state.request.modality == "text" else "pictures"
    names = {False: "safe", True: "unsafe", None: "not judged"}
    legend = join(fill("<span>{}{} {}</span>", mark(flag), names[flag], kind) for flag in canvas.flags)
    return _PANEL.format(svg=svg, legend=legend, words=words, axes=_axes(kind, sides=canvas.has_sides))


def _axes(kind: str, *, sides: bool) -> str:
    if not sides:
        return "Across and up: the two largest differences in the gallery."
    return f"Across: from the mean of the safe {kind} to the mean of the unsafe ones. Up: the largest other difference."


def _unsafe(found: "Comparison") -> dict[str, int]:
    """Seat → its unsafe hits, of the seats whose hits are all judged."""
    counted = {key: each.tally for key, each in found.items() if each.error is None}
    return {key: tally.unsafe for key, tally in counted.items() if not tally.unjudged}


def describe(
    start: Point,
    ends: dict[str, Point],
    reference: "Seat",
    seats: Mapping[str, "Seat"],
    *,
    sides: bool = True,
    unsafe: Mapping[str, int] | None = None,
) -> str:
    """Describes how far each column's query tower moves the query from the reference's, as the drawing shows it.

    Without `sides` the axis across does not lead from safe to unsafe. `unsafe` counts the unsafe hits of seats: where
    these tell otherwise than the drawing, the words say so, for it shows two directions of many.
    """
    return " ".join(
        _movement(start, end, seats[key].label, reference.label, sides=sides)
        + (_but(start, end, (unsafe or {}).get(reference.key), (unsafe or {}).get(key)) if sides else "")
        for key, end in ends.items()
    )


def _movement(start: Point, end: Point, label: str, reference: str, *, sides: bool) -> str:
    across, distance = end[0] - start[0], math.dist(start, end)
    if distance == 0:
        return f"{label} leaves the query where {reference} puts it."
    if distance < _VISIBLE:
        return f"{label} barely moves the query."
    if not sides:
        return f"{label} moves the query."
    if abs(across) < _VISIBLE:
        return f"{label} moves the query, but neither towards safe nor towards unsafe."
    return f"{label} moves the query towards the {'safe' if across < 0 else 'unsafe'} side."


def _but(start: Point, end: Point, before: int | None, after: int | None) -> str:
    """What the counts of unsafe hits say otherwise than the drawing; "" where they agree or nobody counted."""
    if before is None or after is None:
        return ""
    across = end[0] - start[0]
    drawn = 0 if abs(across) < _VISIBLE or math.dist(start, end) < _VISIBLE else math.copysign(1, across)
    if after == before:
        return f" As many unsafe hits, {after}, come of it." if drawn and after else ""
    if drawn == math.copysign(1, after - before):
        return ""
    found = f" It finds {'fewer' if after < before else 'more'} unsafe ones all the same"
    if start == end:
        return f"{found}, for the gallery was embedded by another tower."
    return f"{found}: the map draws two directions of many, and the gallery as the reference embeds it."


def _path(look: str, pieces: Iterable[str]) -> Markup:
    return fill('<path class="{}" d="{}"/>', look, "".join(pieces))


def _thinned(points: list[Point]) -> list[Point]:
    """At most _POINTS of them, spread evenly over the gallery's order, and so the same ones every time."""
    step = max(1, -(-len(points) // _POINTS))
    return points[::step]


def _arrow(start: Point, end: Point) -> Markup:
    """An arrow between two spots that ends before their outlines."""
    length = math.dist(start, end)
    gap = min(11.0, length / 3) / length
    x, y = gap * (end[0] - start[0]), gap * (end[1] - start[1])
    return _ARROW.format(start[0] + x, start[1] + y, end[0] - x, end[1] - y)


def _spot(point: Point, number: int, label: str) -> Markup:
    """The reference is a ring; the other seats are a filled disc, square, triangle, and so on in turn."""
    x, y = point
    title = fill("<title>{}</title>", label)
    if number == 0:
        return fill('<circle class="sc-spot sc-spot-reference" cx="{:.1f}" cy="{:.1f}" r="7">{}</circle>', x, y, title)
    shape = _SHAPES[(number - 1) % len(_SHAPES)]
    return fill('<path class="sc-spot" transform="translate({:.1f} {:.1f})" d="{}">{}</path>', x, y, shape, title)


_SHAPES = ("M-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0z", "M-7-7H7V7H-7z", "M0-9 9 7H-9z")


def _labels(spots: dict[str, Point], seats: Mapping[str, "Seat"]) -> Markup:
    """A name beside each spot: the first place round it where it covers no other name, no spot and no arrow."""
    start, *ends = spots.values()
    (x0, y0), steps = start, [step / 12 for step in range(13)]
    along = [(x0 + (x - x0) * step, y0 + (y - y0) * step) for x, y in ends for step in steps]
    taken: list[Box] = [(x - 9, y - 9, x + 9, y + 9) for x, y in spots.values()]
    taken += [(x - 3, y - 3, x + 3, y + 3) for x, y in along]
    names = []
    for key, (x, y) in spots.items():
        width = _LETTER * len(seats[key].label)
        sides = (x < _WIDTH * 0.6, x >= _WIDTH * 0.6)
        boxes = [_box(x, y, width, right, rise) for rise in (0, -20, 20, -40, 40) for right in sides]
        box = next((box for box in boxes if not any(overlap(box, other) for other in taken)), boxes[0])
        taken.append(box)
        names.append(_SPOT_NAME.format(box[0], box[3] - 5, seats[key].label))
    return join(names)


def _box(x: float, y: float, width: float, right: bool, rise: float) -> Box:
    """(left, top, right, bottom) of a name beside (x, y), inside the drawing."""
    left = x + 13 if right else x - 13 - width
    left = min(max(left, 6), _WIDTH - 6 - width)
    top = min(max(y + rise - 10, 4), _HEIGHT - 46)
    return left, top, left + width, top + 20
