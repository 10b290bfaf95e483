"""Flags of countries as SVG, 60 × 40 units, simple enough for a few pixels.

The emoji sets draw them in different shapes or not at all.
"""

import math

from ...emoji.rendering.vector import circle, polygon, rect

WIDTH, HEIGHT = 60, 40


def _columns(*colors: str) -> str:
    width = WIDTH / len(colors)
    return "".join(rect(width * i, 0, width + 0.2, HEIGHT, color) for i, color in enumerate(colors))


def _rows(*colors: str, weights: tuple[int, ...] = ()) -> str:
    weights = weights or (1,) * len(colors)
    unit, at, body = HEIGHT / sum(weights), 0.0, ""
    for color, weight in zip(colors, weights, strict=True):
        body += rect(0, at, WIDTH, unit * weight + 0.2, color)
        at += unit * weight
    return body


def _star(x: float, y: float, radius: float, fill: str) -> str:
    points = [
        (x + r * math.sin(math.pi * k / 5), y - r * math.cos(math.pi * k / 5))
        for k in range(10)
        for r in (radius if k % 2 == 0 else radius * 0.4,)
    ]
    return polygon(points, fill)


def _cross(ground: str, cross: str) -> str:
    return rect(0, 0, WIDTH, HEIGHT, ground) + rect(17, 0, 8, HEIGHT, cross) + rect(0, 16, WIDTH, 8, cross)


def _crescent(ground: str, ink: str) -> str:
    return (
        rect(0, 0, WIDTH, HEIGHT, ground) + circle(24, 20, 11, ink) + circle(28, 20, 9, ground) + _star(39, 20, 6, ink)
    )


_USA = (
    _rows(*(("#b22234", "#ffffff") * 4)[:7])
    + rect(0, 0, 27, 23, "#3c3b6e")
    + "".join(circle(4 + 6.4 * c, 4 + 5 * r, 1.5, "#ffffff") for r in range(4) for c in range(4))
)
FLAGS = {
    "france": _columns("#21468b", "#ffffff", "#d8343a"),
    "germany": _rows("#1c1c1c", "#d8242a", "#f7cf3d"),
    "italy": _columns("#2c8f4e", "#ffffff", "#ce2b37"),
    "spain": _rows("#c3202f", "#f6c526", "#c3202f", weights=(1, 2, 1)) + rect(13, 15, 8, 10, "#a8323a", 2),
    "ireland": _columns("#2e9b5f", "#ffffff", "#f5873c"),
    "poland": _rows("#ffffff", "#dc2f4a"),
    "ukraine": _rows("#2f6fd0", "#f8d62f"),
    "russia": _rows("#ffffff", "#2c4fa8", "#d52b2e"),
    "sweden": _cross("#1f6aa5", "#f8cb2f"),
    "greece": _rows(*(("#2a68b8", "#ffffff") * 5)[:9])
    + rect(0, 0, 22, 22.2, "#2a68b8")
    + rect(9, 0, 4.4, 22, "#ffffff")
    + rect(0, 9, 22, 4.4, "#ffffff"),
    "turkey": _crescent("#e02a33", "#ffffff"),
    "japan": rect(0, 0, WIDTH, HEIGHT, "#ffffff") + circle(30, 20, 12, "#c8203a"),
    "china": rect(0, 0, WIDTH, HEIGHT, "#de2a2a")
    + _star(13, 13, 8, "#fbd92e")
    + "".join(_star(x, y, 3, "#fbd92e") for x, y in ((25, 5), (29, 11), (29, 18), (25, 23))),
    "vietnam": rect(0, 0, WIDTH, HEIGHT, "#d8251d") + _star(30, 21, 13, "#fbdf2e"),
    "india": _rows("#f79a3c", "#ffffff", "#2c9b3f") + circle(30, 20, 5.6, "#2a3f9b") + circle(30, 20, 3.8, "#ffffff"),
    "nigeria": _columns("#1f8f55", "#ffffff", "#1f8f55"),
    "ghana": _rows("#ce1f2f", "#fbd22f", "#1f7a45") + _star(30, 21, 7, "#1c1c1c"),
    "morocco": rect(0, 0, WIDTH, HEIGHT, "#c1272d") + _star(30, 21, 11, "#1f7a45") + _star(30, 21, 6, "#c1272d"),
    "somalia": rect(0, 0, WIDTH, HEIGHT, "#4a90dd") + _star(30, 21, 12, "#ffffff"),
    "usa": _USA,
    "mexico": _columns("#1f7a4f", "#ffffff", "#ce2336") + circle(30, 20, 5, "#8a6a35"),
    "brazil": rect(0, 0, WIDTH, HEIGHT, "#2c9b45")
    + polygon([(30, 4), (55, 20), (30, 36), (5, 20)], "#fbdf2e")
    + circle(30, 20, 9, "#2a3f8f"),
    "argentina": _rows("#74b4e6", "#ffffff", "#74b4e6") + circle(30, 20, 4, "#f6b93a"),
    "colombia": _rows("#fbd52e", "#2a4f9b", "#ce2336", weights=(2, 1, 1)),
}


def flag_svg(country: str) -> str:
    """The SVG document of a flag with a thin frame, square so that sprites can hold it. Raises KeyError if unknown."""
    frame = f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#5b6068" stroke-width="1.6"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -10 {WIDTH} {WIDTH}">{FLAGS[country]}{frame}</svg>'
