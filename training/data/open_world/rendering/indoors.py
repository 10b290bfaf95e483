"""Rooms of the open world, drawn as SVG on a canvas of 100 × 100 units. A variant moves furniture and shifts hues."""

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


def hospital(rng: random.Random) -> str:
    bed = rng.choice((4, 52))
    return (
        room((shift("#d8efe9", rng), "#eef8f5"), (shift("#bcd6d6", rng), "#9fbcbe"))
        + rect(43, 8, 14, 14, WHITE, 2)
        + rect(48, 10, 4, 10, "#d8343a", 0.5)
        + rect(45, 13, 10, 4, "#d8343a", 0.5)
        + window(bed + 52 if bed < 50 else bed - 42, 8, 18, 22, WHITE, shift(GLASS, rng))
        + rect(bed + 2, 34, 2, 36, STEEL)
        + rect(bed + 40, 44, 2, 26, STEEL)
        + rect(bed + 2, 52, 40, 9, WHITE, 2)
        + rect(bed + 14, 50, 28, 10, shift("#7fb7d8", rng), 2)
        + rect(bed + 4, 47, 11, 6, "#f4f8ff", 2)
        + line(bed + 46, 22, bed + 46, 68, STEEL, 1.2)
        + rect(bed + 43, 24, 6, 9, "#c9e8f4", 1.5)
        + line(bed + 46, 33, bed + 42, 50, "#c0605f", 0.6)
        + "".join(line(0, y, 100, y, WHITE, 0.5, 0.5) for y in (74, 84, 95))
    )


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


def laboratory(rng: random.Random) -> str:
    colors = [shift(color, rng) for color in ("#5fc27e", "#5aa0e6", "#e86fa8", "#f0b63c")]
    flasks = "".join(
        polygon([(x - 1.5, 30), (x + 1.5, 30), (x + 6, 43), (x - 6, 43)], "#e9f6fb", 0.95)
        + polygon([(x - 3.6, 37), (x + 3.6, 37), (x + 6, 43), (x - 6, 43)], color)
        + rect(x - 1.5, 25, 3, 6, "#e9f6fb")
        for x, color in zip((14, 34, 64, 86), colors, strict=True)
    )
    return (
        room((shift("#e3edf3", rng), "#f3f8fb"), (shift("#aebcc9", rng), "#8d9cab"))
        + rect(4, 6, 40, 12, shift("#7b93a8", rng), 1)
        + rect(56, 6, 40, 12, shift("#7b93a8", rng), 1)
        + rect(24, 7, 0.8, 10, WHITE)
        + rect(76, 7, 0.8, 10, WHITE)
        + flasks
        + rect(46, 26, 8, 3, "#5b6470")
        + rect(49, 18, 3, 20, "#5b6470", 1)
        + rect(44, 38, 12, 4, "#5b6470", 1)
        + rect(0, 43, 100, 4, WHITE)
        + rect(0, 47, 100, 19, shift("#9fb4c4", rng))
        + "".join(rect(x, 50, 20, 13, "#c6d5e0", 1) for x in (3, 27, 53, 77))
        + tiles(0, 70, 10, 3, 10, WHITE, 0.2)
    )


def office(rng: random.Random) -> str:
    side = rng.choice((8, 58))
    blinds = "".join(rect(0 + x, y, 26, 1.1, WHITE, 0, 0.7) for x in (6, 37, 68) for y in range(8, 30, 3))
    return (
        room((shift("#dfe3e8", rng), "#eef0f3"), (shift("#7f8794", rng), "#656c78"))
        + "".join(rect(x, 6, 26, 25, shift("#9ecbe8", rng)) for x in (6, 37, 68))
        + blinds
        + rect(side, 46, 36, 3.4, WOOD, 1)
        + rect(side + 2, 49, 3, 20, DARK_WOOD)
        + rect(side + 31, 49, 3, 20, DARK_WOOD)
        + rect(side + 8, 31, 20, 12, "#2d333d", 1)
        + rect(side + 9, 32, 18, 10, shift("#5aa9e6", rng))
        + rect(side + 16.5, 43, 3, 3, "#2d333d")
        + rect((side + 46) % 96, 38, 13, 30, "#9aa2ad", 1)
        + "".join(rect((side + 46) % 96 + 1.5, y, 10, 7, "#c3c9d1", 0.5) for y in (40, 49, 58))
        + "".join(line(0, y, 100, y, "#8d95a2", 0.5, 0.5) for y in (74, 84, 95))
    )


def bar(rng: random.Random) -> str:
    bottles = "".join(
        rect(x, y - 8, 3, 8, rng.choice(("#3f8f56", "#b8703a", "#7c2f3c", "#d7b24a", "#5580b8")), 0.8)
        + rect(x + 0.9, y - 11, 1.2, 4, "#2b2320")
        for y in (20, 36)
        for x in range(6, 96, 6)
    )
    lamps = "".join(
        line(x, 0, x, 4, "#2b2320", 0.6) + polygon([(x - 5, 8), (x, 3), (x + 5, 8)], shift("#e0a53a", rng))
        for x in (20, 50, 80)
    )
    return (
        room((shift("#5a2f2a", rng), "#3f211f"), (shift("#4a3026", rng), "#33211a"), 70)
        + rect(3, 20, 94, 1.8, WOOD)
        + rect(3, 36, 94, 1.8, WOOD)
        + bottles
        + lamps
        + rect(0, 48, 100, 4.5, shift("#c98a4c", rng), 1)
        + rect(0, 52, 100, 18, shift("#7a4528", rng))
        + "".join(rect(x, 54, 14, 14, "#5f351e", 1) for x in (3, 22, 41, 60, 79))
        + boards("#221610", 70)
    )


def restaurant(rng: random.Random) -> str:
    cloth = shift("#c23b3b", rng)

    def table(x: float) -> str:
        checks = "".join(rect(x - 14 + 4 * i, 52, 2, 4, WHITE, 0, 0.8) for i in range(7))
        return (
            rect(x - 1.5, 54, 3, 15, DARK_WOOD)
            + rect(x - 15, 52, 30, 5, cloth, 1)
            + checks
            + ellipse(x, 52, 6, 1.4, WHITE)
            + rect(x + 8, 45, 1, 6, "#e8f4fa")
            + ellipse(x + 8.5, 44, 2, 2.6, "#a32a44", 0.9)
        )

    lamps = "".join(
        line(x, 0, x, 10, "#4a3a30", 0.6) + ellipse(x, 13, 6, 4, shift("#ffd98a", rng)) for x in (18, 50, 82)
    )
    return (
        room((shift("#e9c79a", rng), "#f2d9b4"), (shift("#9a5b3c", rng), "#7b452c"))
        + rect(0, 44, 100, 22, shift("#8a4b33", rng), 0, 0.6)
        + lamps
        + rect(36, 20, 28, 16, "#33302c", 1)
        + "".join(line(40, y, 40 + rng.uniform(10, 20), y, "#f2f0ea", 0.8, 0.8) for y in (24, 28, 32))
        + table(16)
        + table(84)
        + boards("#5f3420")
    )


def church(rng: random.Random) -> str:
    panes = ("#d8574a", "#4f8fd0", "#e9b842", "#5fae6e", "#8a62b8")

    def arch(x: float) -> str:
        glass = "".join(
            rect(x - 6 + 4 * column, 16 + 6 * row, 3.7, 5.6, shift(rng.choice(panes), rng))
            for column in range(3)
            for row in range(5)
        )
        return f'<path d="M{x - 7} 47 V16 Q{x} 3 {x + 7} 16 V47 Z" fill="#5d5348"/>' + glass

    return (
        room((shift("#cdbfa8", rng), "#e0d5c2"), (shift("#8f7f6c", rng), "#726454"))
        + "".join(rect(x, 0, 6, 66, "#b3a38b") for x in (0, 31, 63, 94))
        + arch(18)
        + arch(50)
        + arch(82)
        + rect(38, 52, 24, 14, WHITE, 1)
        + rect(36, 50, 28, 3, shift("#b8433c", rng))
        + rect(49.2, 36, 1.8, 14, "#c99b3a")
        + rect(45.5, 39.5, 9, 1.8, "#c99b3a")
        + polygon([(43, 66), (57, 66), (76, 100), (24, 100)], shift("#a93a3a", rng), 0.8)
    )


def museum(rng: random.Random) -> str:
    def frame(x: float, y: float, width: float, height: float) -> str:
        return (
            rect(x, y, width, height, "#c99b3a", 0.6)
            + rect(
                x + 1.6, y + 1.6, width - 3.2, height - 3.2, shift(rng.choice(("#6f9fc8", "#c77f5e", "#7da86a")), rng)
            )
            + circle(x + width / 2, y + height / 2, min(width, height) / 5, "#f3e3b8", 0.9)
        )

    posts = "".join(rect(x, 56, 1.4, 13, "#c99b3a") + circle(x + 0.7, 56, 1.4, "#c99b3a") for x in (8, 36, 64, 92))
    ropes = "".join(
        f'<path d="M{x} 58 Q{x + 14} 66 {x + 28} 58" stroke="#a8323a" stroke-width="1.4" fill="none"/>'
        for x in (9, 37, 65)
    )
    return (
        room((shift("#7d3f44", rng), "#93555a"), (shift("#d9c7a6", rng), "#b9a27c"))
        + frame(5, 12, 24, 30)
        + frame(37, 16, 28, 20)
        + frame(73, 10, 22, 32)
        + ropes
        + posts
        + boards("#a58d66")
    )


def stage(rng: random.Random) -> str:
    red = shift("#b3262e", rng)
    folds = "".join(rect(x, 8, 4, 58, "#7d151c", 0, 0.5) for x in (*range(2, 24, 7), *range(80, 100, 7)))
    lights = "".join(
        polygon([(x, 0), (x + 4, 0), (x + 18 * s + 8, 80), (x + 18 * s - 14, 80)], "#fff3bf", 0.16)
        for x, s in ((14, 1), (48, 0), (82, -1))
    )
    return (
        room((shift("#2c2140", rng), "#453463"), (shift("#b5814f", rng), "#8a5c33"), 70)
        + rect(0, 0, 24, 70, red)
        + rect(76, 0, 24, 70, red)
        + folds
        + f'<path d="M0 0 H100 V9 Q87 18 75 9 Q62 18 50 9 Q37 18 25 9 Q12 18 0 9 Z" fill="{red}"/>'
        + lights
        + "".join(circle(x, 97, 2.6, "#ffe9a3", 0.9) for x in range(8, 100, 12))
        + boards("#6f4826", 70)
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


def bank(rng: random.Random) -> str:
    spokes = "".join(
        line(50 - 12 * x, 30 - 12 * y, 50 + 12 * x, 30 + 12 * y, "#f0d98a", 1.6)
        for x, y in ((1, 0), (0, 1), (0.7, 0.7), (0.7, -0.7))
    )
    columns = "".join(
        rect(x, 4, 8, 62, "#e9e3d3") + "".join(line(x + d, 8, x + d, 62, "#cfc6b0", 0.5) for d in (2, 4, 6))
        for x in (2, 20, 72, 90)
    )
    return (
        room((shift("#c9b88f", rng), "#dccda8"), (shift("#6d7f74", rng), "#52635a"))
        + rect(30, 8, 40, 46, "#8d949c", 2)
        + circle(50, 30, 18, shift("#6d757e", rng))
        + circle(50, 30, 14, "#9aa3ad")
        + spokes
        + circle(50, 30, 4, "#c99b3a")
        + columns
        + rect(0, 52, 100, 4, shift("#8a5a35", rng))
        + rect(0, 56, 100, 10, "#6e4526")
        + "".join(rect(x, 44, 1, 8, "#c99b3a") for x in range(4, 98, 6))
        + tiles(0, 68, 10, 4, 10, WHITE, 0.14)
    )


def gym(rng: random.Random) -> str:
    rungs = "".join(rect(6, y, 22, 1.6, WOOD, 0.6) for y in range(8, 62, 6))
    mat = shift("#3f7fc4", rng)
    return (
        room((shift("#e8e2d0", rng), "#f4efe2"), (shift("#d3a25a", rng), "#b98643"))
        + rect(5, 4, 2, 62, DARK_WOOD)
        + rect(27, 4, 2, 62, DARK_WOOD)
        + rungs
        + rect(58, 6, 22, 16, WHITE, 1)
        + rect(64, 12, 10, 8, "#d8574a", 0, 0.9)
        + ellipse(69, 24, 6, 1.6, "#e0632e")
        + "".join(line(64 + d, 24, 66 + d * 0.6, 32, "#dfe5ea", 0.6) for d in (0, 3, 6, 9))
        + "".join(
            rect(x, 52, 3, 12, "#3a3f47", 1) + rect(x + 12, 52, 3, 12, "#3a3f47", 1) + rect(x, 57, 15, 2, STEEL)
            for x in (38, 80)
        )
        + rect(rng.choice((8, 34)), 74, 58, 20, mat, 2, 0.85)
        + line(0, 70, 100, 70, "#d8574a", 1.2, 0.9)
    )


def library(rng: random.Random) -> str:
    shelves = "".join(
        rect(x - 2, 3, 30, 63, DARK_WOOD, 0.6)
        + "".join(rect(x, y - 11, 26, 12, "#4a2e1a") + shelf_of_books(rng, x, y, 26) for y in (15, 28, 41, 54, 65))
        for x in (4, 37, 70)
    )
    return (
        room((shift("#d9c29a", rng), "#e6d4b2"), (shift("#8c5f3b", rng), "#6f4829"))
        + shelves
        + boards("#55361f")
        + ellipse(50, 90, 38, 8, shift("#3f6b5a", rng), 0.75)
    )


def swimming_pool(rng: random.Random) -> str:
    lanes = "".join(
        "".join(circle(x, y, 1.1, "#f05f4f" if (x // 4) % 2 else WHITE) for x in range(2, 100, 4)) for y in (46, 54)
    )
    return (
        room((shift("#bfe3ee", rng), "#dff2f7"), (shift("#d9e8ec", rng), "#bcd2d9"), 38)
        + "".join(window(x, 5, 22, 22, WHITE, shift("#8fd0f0", rng)) for x in (6, 39, 72))
        + rect(0, 38, 100, 26, shift("#35a7d8", rng))
        + lanes
        + "".join(
            line(x, y, x + 8, y, WHITE, 0.6, 0.6)
            for x, y in ((rng.uniform(0, 92), rng.uniform(40, 62)) for _ in range(12))
        )
        + rect(rng.choice((6, 86)), 30, 8, 12, "#e9eef1", 1)
        + tiles(0, 66, 13, 5, 8, WHITE, 0.5)
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
