"""Rooms at home, workrooms and an alley, drawn as SVG on a canvas of 100 × 100 units.

A variant moves furniture and shifts hues.
"""

import random

from ...emoji.rendering.vector import circle, ellipse, gradient, line, polygon, rect, shift

WOOD, DARK_WOOD, STEEL, WHITE, GLASS = "#a9713f", "#6e4526", "#b9c0c7", "#ffffff", "#a9dcf5"


def room(wall: tuple[str, str], floor: tuple[str, str], horizon: float = 66) -> str:
    """Wall and floor with a skirting board between them."""
    return (
        f"<defs>{gradient('wall', *wall)}{gradient('floor', *floor)}</defs>"
        + rect(0, 0, 100, horizon, "url(#wall)")
        + rect(0, horizon, 100, 100 - horizon, "url(#floor)")
        + rect(0, horizon - 1.5, 100, 1.5, WHITE, 0, 0.7)
    )


def boards(color: str, horizon: float = 66) -> str:
    """Floor boards that run towards the horizon."""
    return "".join(line(50 + (x - 50) * 0.6, horizon, x, 100, color, 0.5, 0.5) for x in range(-80, 190, 18))


def tiles(x: float, y: float, columns: int, rows: int, size: float, fill: str, opacity: float = 0.6) -> str:
    """A grid of square tiles with joints."""
    return "".join(
        rect(x + size * column, y + size * row, size * 0.92, size * 0.92, fill, 0.4, opacity)
        for column in range(columns)
        for row in range(rows)
    )


def window(x: float, y: float, width: float, height: float, frame: str, sky: str) -> str:
    """A window with a cross bar; (x, y) is its upper left corner."""
    return (
        rect(x - 1.5, y - 1.5, width + 3, height + 3, frame, 1)
        + rect(x, y, width, height, sky)
        + line(x + width / 2, y, x + width / 2, y + height, frame, 1)
        + line(x, y + height / 2, x + width, y + height / 2, frame, 1)
    )


def shelf_of_books(rng: random.Random, x: float, y: float, width: float, height: float = 9) -> str:
    """A row of upright books on a board."""
    spines, at = [rect(x - 1, y, width + 2, 1.6, DARK_WOOD)], x
    while at < x + width - 2.5:
        thick = rng.uniform(1.6, 3.2)
        tall = height * rng.uniform(0.72, 0.95)
        color = rng.choice(("#b8443c", "#3f6fae", "#4c9460", "#d2a23c", "#7d5aa6", "#c9794b"))
        spines.append(rect(at, y - tall, thick, tall, color, 0.2))
        at += thick + 0.2
    return "".join(spines)


def living_room(rng: random.Random) -> str:
    sofa, fire = rng.choice(((4, 76), (46, 14)))
    cover = shift("#c8694f", rng)
    return (
        room((shift("#f0e0c0", rng), "#f7ecd6"), (shift("#b5814f", rng), "#94663b"))
        + boards("#7c5430")
        + rect(fire - 12, 26, 24, 40, shift("#b0604c", rng), 1)
        + rect(fire - 7, 42, 14, 24, "#3a2a28", 1)
        + rect(fire - 14, 24, 28, 4, DARK_WOOD)
        + polygon([(fire - 4, 65), (fire, 48), (fire + 4, 65)], "#f6a23a")
        + polygon([(fire - 2, 65), (fire, 55), (fire + 2, 65)], "#ffe27a")
        + rect(sofa, 40, 46, 22, cover, 5)
        + rect(sofa - 3, 48, 9, 20, shift("#b35a42", rng), 4)
        + rect(sofa + 40, 48, 9, 20, shift("#b35a42", rng), 4)
        + rect(sofa + 5, 52, 18, 10, "#e0937a", 3)
        + rect(sofa + 23, 52, 18, 10, "#e0937a", 3)
        + rect(sofa + 12, 10, 24, 18, DARK_WOOD, 1)
        + rect(sofa + 14, 12, 20, 14, shift("#9cc7b1", rng))
        + polygon([(sofa + 14, 26), (sofa + 22, 17), (sofa + 34, 26)], "#5d8f6a")
        + ellipse(50, 88, 46, 9, shift("#7c6fb0", rng), 0.7)
    )


def bathroom(rng: random.Random) -> str:
    tub, basin = rng.choice(((2, 80), (52, 20)))
    return (
        room((shift("#cfe8f2", rng), "#e6f4f9"), (shift("#8fb6c6", rng), "#6f98aa"))
        + tiles(0, 4, 13, 7, 8, WHITE, 0.55)
        + tiles(0, 68, 13, 4, 8, WHITE, 0.16)
        + rect(basin - 9, 10, 18, 22, "#dbe9ef", 8)
        + rect(basin - 7.5, 11.5, 15, 19, shift("#b8dcec", rng), 7)
        + rect(basin - 11, 42, 22, 7, WHITE, 3)
        + rect(basin - 3, 49, 6, 19, "#eef3f5", 1)
        + rect(basin - 0.8, 36, 1.6, 6, STEEL)
        + line(tub + 6, 14, tub + 6, 44, STEEL, 1.2)
        + ellipse(tub + 10, 14, 5, 1.6, STEEL)
        + "".join(line(tub + 7 + d, 17, tub + 6 + d * 1.3, 42, "#8fd0ee", 0.4, 0.8) for d in (0, 2, 4, 6))
        + rect(tub, 46, 46, 6, WHITE, 3)
        + rect(tub + 2, 50, 42, 18, "#f2f7f9", 8)
        + circle(tub + 30, 45, 3, WHITE, 0.9)
        + circle(tub + 35, 44, 4, WHITE, 0.9)
        + circle(tub + 40, 46, 3, WHITE, 0.9)
    )


def nursery(rng: random.Random) -> str:
    crib = rng.choice((4, 56))
    bars = "".join(rect(crib + x, 42, 1.6, 26, WHITE) for x in range(1, 40, 5))
    dots = "".join(circle(x + (y % 2) * 6, y, 1.3, WHITE, 0.65) for x in range(4, 100, 12) for y in range(5, 62, 9))
    mobile = "".join(
        line(crib + 20, 4, crib + 20 + d, 14, "#8d7a6a", 0.5) + circle(crib + 20 + d, 17, 2.6, color)
        for d, color in ((-12, "#f2b84b"), (-4, "#6fb4e4"), (4, "#ef8f8f"), (12, "#84c98a"))
    )
    blocks = "".join(
        rect(x, 58, 8, 8, color, 1)
        for x, color in zip(
            ((crib + 48) % 100, (crib + 57) % 100), (shift("#e86a5c", rng), shift("#58a8e0", rng)), strict=True
        )
    )
    return (
        room((shift("#fbd7e2", rng), "#fdeaf0"), (shift("#e3c79a", rng), "#cfae7c"))
        + dots
        + mobile
        + rect(crib, 52, 42, 14, shift("#a9d4f2", rng), 1)
        + rect(crib - 1, 40, 44, 3, WHITE, 1)
        + rect(crib - 1, 66, 44, 3, WHITE, 1)
        + bars
        + blocks
        + ellipse(50, 88, 40, 9, shift("#b8e0c4", rng), 0.8)
    )


def workshop(rng: random.Random) -> str:
    pegs = "".join(circle(x, y, 0.5, "#8a6a45", 0.8) for x in range(6, 98, 6) for y in range(8, 40, 6))
    at = rng.choice((0, 6, 12))
    tools = (
        rect(14 + at, 12, 2, 18, WOOD)
        + rect(10 + at, 10, 10, 5, "#5a6067", 1)
        + polygon([(34 + at, 12), (50 + at, 16), (50 + at, 20), (34 + at, 20)], STEEL)
        + rect(28 + at, 11, 8, 9, shift("#c9573e", rng), 2)
        + rect(62 + at, 10, 3, 20, STEEL, 1)
        + circle(63.5 + at, 10, 3.4, STEEL)
        + rect(76 + at, 12, 2, 9, STEEL)
        + rect(74.5 + at, 20, 5, 11, shift("#e0b23c", rng), 2)
    )
    return (
        room((shift("#d8b98a", rng), "#c9a673"), (shift("#8f8a83", rng), "#6f6b66"))
        + pegs
        + tools
        + rect(0, 46, 100, 5, shift("#9c6a38", rng))
        + rect(4, 51, 5, 20, DARK_WOOD)
        + rect(91, 51, 5, 20, DARK_WOOD)
        + rect(10, 56, 80, 3, DARK_WOOD)
        + rect(70, 40, 12, 6, "#6b7078", 1)
        + rect(73, 36, 6, 5, "#8a9099", 1)
        + "".join(ellipse(rng.uniform(4, 96), rng.uniform(74, 97), 3, 0.8, "#d8b98a", 0.6) for _ in range(10))
    )


def garage(rng: random.Random) -> str:
    tyre = rng.choice((12, 88))
    stack = "".join(ellipse(tyre, y, 11, 4.4, "#2b2e33") + ellipse(tyre, y, 5, 1.8, "#5a6067") for y in (62, 55, 48))
    slats = "".join(rect(22, y, 56, 4.2, shift("#c3c9d1", rng), 0.4) for y in range(8, 56, 5))
    return (
        room((shift("#8f9aa6", rng), "#a8b2bd"), (shift("#62676e", rng), "#4c5056"), 64)
        + rect(19, 5, 62, 56, "#5a6067", 1)
        + slats
        + stack
        + rect(100 - tyre - 9, 34, 18, 30, shift("#c8413a", rng), 1)
        + "".join(rect(100 - tyre - 7, y, 14, 5, "#e06a60", 0.6) for y in (37, 44, 51, 58))
        + ellipse(50, 86, 26, 5, "#33363b", 0.6)
        + line(0, 78, 100, 78, "#e9c94a", 1, 0.7)
    )


def alley(rng: random.Random) -> str:
    bricks = "".join(
        rect(x + (row % 2) * 4, 3 + 5 * row, 7.2, 4.2, "#4b3a44", 0.3, 0.8)
        for row in range(12)
        for x in (*range(-6, 26, 8), *range(74, 102, 8))
    )
    lit = "".join(
        rect(x, y, 5, 7, rng.choice(("#f2cf6a", "#2a2836", "#2a2836")), 0.3) for x in (6, 16, 80, 90) for y in (10, 28)
    )
    lamp = rng.choice((30, 70))
    return (
        room((shift("#1b1f3a", rng), "#2f3157"), (shift("#34343f", rng), "#24242d"), 64)
        + circle(50, 14, 6, "#f4eec2")
        + "".join(circle(rng.uniform(30, 70), rng.uniform(3, 40), 0.4, WHITE) for _ in range(12))
        + rect(0, 0, 28, 64, shift("#3a2c36", rng))
        + rect(72, 0, 28, 64, shift("#3a2c36", rng))
        + bricks
        + lit
        + rect(lamp - 0.8, 26, 1.6, 38, "#15161c")
        + polygon([(lamp - 4, 28), (lamp + 4, 28), (lamp + 16, 74), (lamp - 16, 74)], "#f8dd7c", 0.22)
        + ellipse(lamp, 27, 4, 2.4, "#f8dd7c")
        + rect(4, 50, 14, 16, "#3f5c50", 1)
        + ellipse(50, 84, 24, 4, "#4b4d63", 0.7)
    )
