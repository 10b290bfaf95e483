"""Small charts of the scoreboard, as inline SVG: safety against utility, and rows of dots with their intervals."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .common.markup import EMPTY, join

WIDTH, HEIGHT = 320, 196  # of a chart, in its own units; text is 11 of them high
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 312, 8, 176  # the plot's edges
_NAMES = 84  # width of the names beside rows of dots
_LETTER, _BOLD_LETTER, _LINE = 6.0, 7.5, 12.0  # room that a letter and a line of text take
_RADIUS = 4.5
_CLEARLY = 4.0  # so much nearer to its own mark than to others a label needs no line to it
_NEAR = 3  # rings in which a label looks for a place that is clearly beside its own mark
_RINGS = 40  # distances at which a label looks for a free place

_FRAME = Markup('<svg class="sc-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_TEXT = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>')
_SEGMENT = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
_MUTED = Markup(' class="sc-tick"')


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval, in percent."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.low:.1f}–{self.high:.1f})"


@dataclass(frozen=True)
class Point:
    """A row of the tables: its label, how it is drawn ("reference", "tuned" or "baseline"), utility and safety."""

    label: str
    kind: str
    utility: Interval
    safety: Interval


def tradeoff(points: Sequence[Point], title: str) -> Markup:
    """Safety over utility, both from 0 to 100, each point with its intervals and a label that covers no other."""
    marks = join(_point(point) for point in sorted(points, key=_is_model))  # models cover what one would do instead
    return _FRAME.format(WIDTH, HEIGHT, _spoken(points, title), _axes() + marks + join(_labels(points)))


def dots(rows: Sequence[tuple[str, str, Interval]], title: str, highest: float) -> Markup:
    """A line for each row (label, kind, figure), on a scale from 0 to `highest`; the first row leads a dashed line."""
    step = (_BOTTOM - _TOP) / max(1, len(rows))
    parts = [_tick(value, highest) for value in _ticks(highest)]
    if rows:
        x = _across(rows[0][2].mean, highest)
        parts.append(_SEGMENT.format("sc-led", x, _TOP, x, _BOTTOM))
    for number, (label, kind, figure) in enumerate(rows):
        y = _TOP + step * (number + 0.5)
        low, high = (_across(value, highest) for value in (figure.low, figure.high))
        parts.append(_TEXT.format(_NAMES - 8, y + 4, "end", EMPTY, label))
        parts.append(_SEGMENT.format("sc-reach", low, y, high, y))
        parts.append(_mark(kind, _across(figure.mean, highest), y, f"{label}: {figure}"))
    spoken = f"{title}. " + "; ".join(f"{label} {figure.mean:.1f}" for label, _, figure in rows)
    return _FRAME.format(WIDTH, HEIGHT, spoken, join(parts))


def _is_model(point: Point) -> bool:
    return point.kind != "baseline"


def _spoken(points: Sequence[Point], title: str) -> str:
    return f"{title}. " + "; ".join(
        f"{point.label}: utility {point.utility.mean:.1f}, safety {point.safety.mean:.1f}" for point in points
    )


def _at(point: Point) -> tuple[float, float]:
    return _x(point.utility.mean), _y(point.safety.mean)


def _x(percent: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * percent / 100


def _y(percent: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * percent / 100


def _across(percent: float, highest: float) -> float:
    return _NAMES + (_RIGHT - _NAMES) * min(percent, highest) / highest


def _ticks(highest: float) -> Iterator[float]:
    yield from (0.0, highest / 2, highest)


def _tick(value: float, highest: float) -> Markup:
    x = _across(value, highest)
    return _SEGMENT.format("sc-grid", x, _TOP, x, _BOTTOM) + _TEXT.format(
        x, HEIGHT - 5, "middle", _MUTED, f"{value:.0f}"
    )


def _axes() -> Markup:
    """Lines at 0, 50 and 100 of both axes, and what grows along them."""
    parts = []
    for percent in (0, 50, 100):
        parts.append(_SEGMENT.format("sc-grid", _x(percent), _TOP, _x(percent), _BOTTOM))
        parts.append(_SEGMENT.format("sc-grid", _LEFT, _y(percent), _RIGHT, _y(percent)))
        anchor = "end" if percent == 100 else "middle"
        parts.append(_TEXT.format(_x(percent), HEIGHT - 5, anchor, _MUTED, percent))
        parts.append(_TEXT.format(_LEFT - 5, _y(percent) + 4, "end", _MUTED, percent))
    parts.append(_TEXT.format(_x(75), HEIGHT - 5, "middle", _MUTED, "utility →"))
    up = Markup(' class="sc-tick" transform="rotate(-90 {0:.1f} {1:.1f})"').format(_LEFT - 8, _y(75))
    parts.append(_TEXT.format(_LEFT - 8, _y(75), "middle", up, "safety →"))
    return join(parts)


def _point(point: Point) -> Markup:
    x, y = _at(point)
    reaches = _SEGMENT.format("sc-reach", _x(point.utility.low), y, _x(point.utility.high), y)
    reaches += _SEGMENT.format("sc-reach", x, _y(point.safety.low), x, _y(point.safety.high))
    return reaches + _mark(point.kind, x, y, f"{point.label}: utility {point.utility}, safety {point.safety}")


def _mark(kind: str, x: float, y: float, told: str) -> Markup:
    """A filled disc of the reference, a ring-like disc of a tuned encoder, a square of a baseline."""
    if kind == "baseline":
        side = 2 * _RADIUS - 1.5
        return Markup(
            '<rect class="sc-dot-baseline" x="{:.1f}" y="{:.1f}" width="{}" height="{}"><title>{}</title></rect>'
        ).format(x - side / 2, y - side / 2, side, side, told)
    return Markup('<circle class="sc-dot-{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>').format(
        kind, x, y, _RADIUS, told
    )


Box = tuple[float, float, float, float]  # left, top, right, bottom
_PLOT: Box = (_LEFT, 0, WIDTH, _BOTTOM)  # labels stay inside


def _labels(points: Sequence[Point]) -> Iterator[Markup]:
    """A label beside each point, and a thin line to it where the label is some way off, or as near to another."""
    reach = _RADIUS + 1
    taken: list[Box] = [(x - reach, y - reach, x + reach, y + reach) for x, y in map(_at, points)]
    for point in sorted(points, key=_is_model, reverse=True):
        x, y = _at(point)
        others = [_at(other) for other in points if other is not point]
        letter = _LETTER if point.kind == "baseline" else _BOLD_LETTER
        sides = x - _x(point.utility.low), _x(point.utility.high) - x
        box, is_clear = free_place(x, y, point.label, taken, _PLOT, letter, sides, others)
        taken.append(box)
        left, top, right, bottom = box
        if not is_clear:
            yield _SEGMENT.format("sc-led", x, y, min(max(x, left), right), (top + bottom) / 2)
        style = Markup(' class="sc-label-{}"').format(point.kind)
        yield _TEXT.format(left, bottom - 3, "start", style, point.label)


def free_place(
    x: float,
    y: float,
    label: str,
    taken: Sequence[Box],
    plot: Box,
    letter: float = _LETTER,
    sides: tuple[float, float] = (0, 0),
    others: Sequence[tuple[float, float]] = (),
) -> tuple[Box, bool]:
    """The box inside `plot` for a label that overlaps nothing `taken`, and whether it tells its mark by itself.

    That is the nearest box that is nearer to (x, y) than to the marks at `others`; else, where none of the first few
    is, the nearest; else the first one, though it overlaps. In drawing coordinates, as are the width
    of a `letter` and how far what is drawn at (x, y) reaches to its `sides`, left and right: a label on the same line
    begins beyond.
    """
    width, found, nearest = letter * len(label), None, None
    low_x, low_y, high_x, high_y = plot
    for ring in range(_RINGS):
        away = _RADIUS + 3 + ring * 5
        for dx, dy in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)):
            beyond = 0 if dy else max(0, sides[dx > 0] - _RADIUS)
            middle_x = x + dx * (away + beyond + width / 2)
            middle_y = y + dy * (away + _LINE / 2 - 2)
            box = (middle_x - width / 2, middle_y - _LINE / 2, middle_x + width / 2, middle_y + _LINE / 2)
            inside = box[0] >= low_x and box[2] <= high_x and box[1] >= low_y and box[3] <= high_y
            if inside and not any(overlap(box, other) for other in taken):
                nearest = nearest or box
                if ring <= _NEAR and all(_away(box, other) > _away(box, (x, y)) + _CLEARLY for other in others):
                    return box, ring <= 1
            found = found or (box if inside else None)
        if nearest and ring >= _NEAR:
            return nearest, False
    return found or (x - width - 8, y - _LINE / 2, x - 8, y + _LINE / 2), True


def _away(box: Box, place: tuple[float, float]) -> float:
    """How far a place lies outside of a box."""
    left, top, right, bottom = box
    x, y = place
    return math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have a place in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
