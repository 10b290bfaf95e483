"""Public rooms, drawn as SVG on a canvas of 100 × 100 units."""

import random

from ...emoji.rendering.vector import circle, ellipse, line, polygon, rect, shift
from .indoors import DARK_WOOD, GLASS, STEEL, WHITE, WOOD, boards, room, shelf_of_books, tiles, window


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
