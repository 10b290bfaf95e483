"""Outdoor places of the open world, drawn as SVG on a canvas of 100 × 100 units."""

import random

from ...emoji.rendering.vector import (
    circle,
    clouds,
    ellipse,
    fir,
    line,
    polygon,
    rect,
    ridge,
    shift,
    sky_and_ground,
)

WHITE, STEEL, DARK, TRUNK = "#ffffff", "#b9c0c7", "#2b2e33", "#6b4a2f"


def tree(rng: random.Random, x: float, foot: float, height: float, fill: str = "#4f9a4a") -> str:
    """A round leafy tree."""
    crown, color = height * 0.34, shift(fill, rng)
    return (
        rect(x - height * 0.05, foot - height * 0.45, height * 0.1, height * 0.45, TRUNK)
        + circle(x, foot - height * 0.66, crown, color)
        + circle(x - crown * 0.7, foot - height * 0.5, crown * 0.7, color)
        + circle(x + crown * 0.7, foot - height * 0.5, crown * 0.7, color)
    )


def tufts(rng: random.Random, color: str, top: float, count: int = 14) -> str:
    """Blades of grass on the ground below `top`."""
    places = [(rng.uniform(0, 98), rng.uniform(top, 98)) for _ in range(count)]
    return "".join(polygon([(x, y), (x + 1, y - 3), (x + 2, y)], color, 0.7) for x, y in places)


def playground(rng: random.Random) -> str:
    swing, slide = rng.choice(((4, 62), (58, 6)))
    return (
        sky_and_ground((shift("#8ed0f2", rng), "#e6f6ff"), (shift("#8fca5f", rng), "#6aa843"), 56)
        + clouds(rng, 8, 20)
        + "".join(tree(rng, x, 58, 26) for x in (rng.uniform(36, 42), rng.uniform(50, 58)))
        + polygon([(swing, 66), (swing + 4, 22), (swing + 6, 22), (swing + 2, 66)], "#d8413a")
        + polygon([(swing + 36, 66), (swing + 32, 22), (swing + 30, 22), (swing + 34, 66)], "#d8413a")
        + rect(swing + 4, 20, 28, 2.6, "#d8413a", 1)
        + "".join(line(swing + x, 22, swing + x, 52, "#55606b", 0.7) for x in (9, 15, 21, 27))
        + rect(swing + 8, 52, 8, 2, shift("#3f7fc4", rng), 1)
        + rect(swing + 20, 52, 8, 2, shift("#3f7fc4", rng), 1)
        + polygon([(slide, 30), (slide + 6, 30), (slide + 34, 64), (slide + 26, 64)], shift("#f2c230", rng))
        + "".join(rect(slide - 1, y, 7, 1.4, "#8a5fb0") for y in range(32, 66, 6))
        + rect(slide - 2, 28, 1.6, 38, "#8a5fb0")
        + rect(slide + 5, 28, 1.6, 38, "#8a5fb0")
        + ellipse(50, 88, 46, 9, shift("#e8cf95", rng), 0.9)
    )


def campsite(rng: random.Random) -> str:
    tents = "".join(
        polygon([(x - 17, 64), (x, 36), (x + 17, 64)], shift(color, rng))
        + polygon([(x - 5, 64), (x, 46), (x + 5, 64)], "#3a3532")
        + polygon([(x, 36), (x + 17, 64), (x + 9, 64)], "#000000", 0.12)
        for x, color in ((18, "#e2762f"), (82, "#3f84c4"))
    )
    return (
        sky_and_ground((shift("#f5c48a", rng), "#fde8c8"), (shift("#8fae5c", rng), "#6d8a42"), 58)
        + "".join(fir(x + rng.uniform(-2, 2), 60, rng.uniform(28, 40), "#58835a") for x in range(0, 104, 10))
        + tents
        + "".join(line(50 - d, 66, 50 + d, 62, TRUNK, 2.2) for d in (6, -6))
        + tufts(rng, "#55702f", 70)
    )


def park(rng: random.Random) -> str:
    bench = rng.choice((4, 66))
    return (
        sky_and_ground((shift("#9ad4f5", rng), "#eaf7ff"), (shift("#83c455", rng), "#5d9c38"), 54)
        + clouds(rng, 8, 18)
        + "".join(tree(rng, x + rng.uniform(-3, 3), 58, rng.uniform(34, 44)) for x in (8, 30, 70, 94))
        + '<path d="M44 54 Q50 70 30 100 H74 Q62 74 56 54 Z" fill="#e2cfa0"/>'
        + "".join(rect(bench, y, 30, 2, "#9a5f30", 0.6) for y in (50, 54, 59))
        + rect(bench + 3, 50, 2, 16, DARK)
        + rect(bench + 25, 50, 2, 16, DARK)
        + rect(98 - bench - 20, 30, 1.6, 34, DARK)
        + circle(98 - bench - 19.2, 28, 3.4, "#fdf0b4")
        + "".join(
            circle(rng.uniform(0, 100), rng.uniform(66, 98), 0.9, rng.choice(("#f2c230", "#ef8fb0"))) for _ in range(14)
        )
    )


def road(rng: random.Random) -> str:
    return (
        sky_and_ground((shift("#86c5f0", rng), "#e2f3ff"), (shift("#a9b85a", rng), "#8a9a42"), 50)
        + clouds(rng, 6, 20)
        + ridge(rng, 52, 8, shift("#7fa86a", rng), 2)
        + polygon([(46, 50), (54, 50), (104, 100), (-4, 100)], shift("#5c6068", rng))
        + "".join(
            polygon([(50 - w / 2, y), (50 + w / 2, y), (50 + w * 0.7, y + h), (50 - w * 0.7, y + h)], WHITE, 0.9)
            for y, w, h in ((53, 0.8, 4), (61, 1.4, 7), (74, 2.4, 10), (90, 3.6, 10))
        )
        + line(46, 50, -4, 100, "#f2d35a", 0.9)
        + line(54, 50, 104, 100, "#f2d35a", 0.9)
        + "".join(
            rect(x, y, 1.4 * s, 9 * s, WHITE) + rect(x, y + 2, 1.4 * s, 2 * s, "#d8413a")
            for x, y, s in ((30, 50, 0.7), (68, 50, 0.7), (14, 54, 1.0), (84, 54, 1.0))
        )
        + rect(rng.choice((10, 82)), 22, 12, 8, shift("#2f6fb8", rng), 1)
    )


def gas_station(rng: random.Random) -> str:
    color = shift("#d23c35", rng)
    pumps = "".join(
        rect(x - 6, 36, 12, 28, WHITE, 1.5)
        + rect(x - 6, 36, 12, 5, color, 1.5)
        + rect(x - 4, 43, 8, 6, DARK, 0.6)
        + f'<path d="M{x + 6} 42 q6 2 4 12 t-4 6" stroke="{DARK}" stroke-width="1" fill="none"/>'
        for x in (14, 50, 86)
    )
    return (
        sky_and_ground((shift("#8fc8ef", rng), "#e4f3fd"), (shift("#8b8f95", rng), "#6b6f75"), 58)
        + clouds(rng, 3, 7, 1)
        + rect(8, 22, 3, 42, STEEL)
        + rect(89, 22, 3, 42, STEEL)
        + rect(0, 12, 100, 11, color)
        + rect(0, 20, 100, 2.4, WHITE)
        + rect(28, 28, 44, 30, shift("#dfe5ea", rng))
        + "".join(rect(x, 32, 12, 16, "#8fc4e4") for x in (31, 45, 59))
        + pumps
        + rect(0, 62, 100, 4, "#c6c9cd")
        + "".join(line(x, 74, x - 8, 98, "#f2d35a", 1, 0.8) for x in (20, 50, 80))
    )


def mountains(rng: random.Random) -> str:
    def peak(x: float, top: float, width: float, color: str) -> str:
        return (
            polygon([(x - width, 60), (x, top), (x + width, 60)], color)
            + polygon([(x, top), (x + width, 60), (x + width * 0.2, 60)], "#000000", 0.10)
            + polygon(
                [
                    (x - width * 0.3, top + (60 - top) * 0.3),
                    (x, top),
                    (x + width * 0.3, top + (60 - top) * 0.3),
                    (x + width * 0.1, top + (60 - top) * 0.24),
                    (x - width * 0.08, top + (60 - top) * 0.36),
                ],
                WHITE,
            )
        )

    return (
        sky_and_ground((shift("#5fa8e6", rng), "#d9eefc"), (shift("#7fb35c", rng), "#588c3c"), 58)
        + clouds(rng, 10, 20, 1)
        + peak(rng.uniform(14, 28), 20, 32, shift("#8b93a6", rng))
        + peak(rng.uniform(74, 88), 16, 34, shift("#7d879c", rng))
        + peak(rng.uniform(44, 56), 8, 36, shift("#6f7a92", rng))
        + ridge(rng, 61, 4, shift("#6da04c", rng), 3)
        + "".join(
            ellipse(rng.uniform(0, 100), rng.uniform(64, 97), rng.uniform(2, 4), 1.4, "#8f948f") for _ in range(7)
        )
        + "".join(
            circle(rng.uniform(0, 100), rng.uniform(64, 98), 0.8, rng.choice((WHITE, "#f2c230"))) for _ in range(12)
        )
    )


def harbor(rng: random.Random) -> str:
    crane, mast = rng.choice(((12, 78), (86, 22)))
    planks = "".join(line(0, y, 100, y, "#6e5137", 0.8, 0.7) for y in range(68, 100, 6))
    return (
        sky_and_ground((shift("#9cc9ea", rng), "#e8f3fb"), (shift("#a77d52", rng), "#86603c"), 62)
        + clouds(rng, 8, 18)
        + rect(0, 42, 100, 21, shift("#2f7fae", rng))
        + rect(crane - 1.5, 10, 3, 38, "#d99a2b")
        + rect(crane - 14 if crane < 50 else crane - 22, 10, 36, 3, "#d99a2b")
        + line(crane + (14 if crane < 50 else -14), 13, crane + (14 if crane < 50 else -14), 28, DARK, 0.7)
        + rect(crane + (9 if crane < 50 else -19), 28, 10, 7, shift("#b8443c", rng))
        + polygon([(mast - 20, 46), (mast + 20, 46), (mast + 15, 55), (mast - 15, 55)], shift("#b03a3a", rng))
        + rect(mast - 12, 38, 20, 8, WHITE, 1)
        + rect(mast - 1, 18, 1.6, 22, DARK)
        + polygon([(mast + 1, 19), (mast + 12, 24), (mast + 1, 29)], shift("#f2c230", rng))
        + "".join(
            line(x, y, x + 8, y, WHITE, 0.6, 0.6)
            for x, y in ((rng.uniform(0, 92), rng.uniform(49, 60)) for _ in range(8))
        )
        + planks
        + "".join(rect(x, 56, 5, 10, TRUNK, 1) for x in (4, 34, 62, 92))
    )


def zoo(rng: random.Random) -> str:
    bars = "".join(rect(x, 16, 1.4, 48, "#5b6068") for x in range(3, 100, 7))
    return (
        sky_and_ground((shift("#9fd6ef", rng), "#e8f6fb"), (shift("#d9c08a", rng), "#bfa36a"), 62)
        + rect(0, 12, 100, 50, shift("#a9c78a", rng))
        + "".join(tree(rng, x, 60, 34, "#5f9a58") for x in (16, 84))
        + ellipse(50, 58, 22, 4, "#8a8f86")
        + f'<path d="M28 58 q6 -18 22 -16 t22 16 z" fill="{shift("#9b9b94", rng)}"/>'
        + bars
        + rect(0, 14, 100, 2.6, "#4a4f56")
        + rect(0, 60, 100, 3, "#4a4f56")
        + rect(34, 3, 32, 9, TRUNK, 1)
        + "".join(circle(x, 7.5, 1.8, "#f2d9a0") for x in (42, 50, 58))
    )


def garden(rng: random.Random) -> str:
    flowers = "".join(
        line(x, y, x, y + 5, "#3f7f3a", 0.7) + circle(x, y, 2, shift(color, rng)) + circle(x, y, 0.8, "#f8e07a")
        for x, y, color in (
            (rng.uniform(2, 98), rng.uniform(50, 64), rng.choice(("#e24f6a", "#f08ab8", "#8f62c8", "#f2c230")))
            for _ in range(34)
        )
    )
    hedge = "".join(circle(x, 40 + rng.uniform(-2, 2), 8, shift("#3f8a45", rng)) for x in range(0, 104, 7))
    return (
        sky_and_ground((shift("#a6daf3", rng), "#edf8fd"), (shift("#86c35c", rng), "#66a340"), 52)
        + hedge
        + rect(0, 42, 100, 12, "#3f8a45")
        + '<path d="M30 48 V16 Q50 2 70 16 V48 H65 V18 Q50 8 35 18 V48 Z" fill="#f4f1e8"/>'
        + "".join(circle(rng.uniform(30, 70), rng.uniform(9, 18), 1.5, "#e24f6a") for _ in range(14))
        + flowers
        + "".join(ellipse(50 + rng.uniform(-8, 8), y, 10, 2.4, "#c9c4b8") for y in (70, 79, 88, 97))
    )


def cave(rng: random.Random) -> str:
    spikes = "".join(
        polygon([(x - 4, 0), (x + 4, 0), (x, rng.uniform(10, 26))], shift("#4a4246", rng)) for x in range(4, 100, 8)
    )
    stumps = "".join(
        polygon([(x - 4, 66), (x + 4, 66), (x, rng.uniform(48, 58))], shift("#5c5256", rng)) for x in (6, 15, 84, 94)
    )
    return (
        sky_and_ground((shift("#2b2530", rng), "#4f4650"), (shift("#6b5f60", rng), "#453c3e"), 62)
        + f'<path d="M28 62 Q30 24 52 24 Q74 24 74 62 Z" fill="{shift("#cfe4ee", rng)}" opacity="0.9"/>'
        + '<path d="M36 62 Q38 36 52 36 Q66 36 66 62 Z" fill="#ffffff" opacity="0.5"/>'
        + spikes
        + stumps
        + "".join(polygon([(x, 66), (x + 2, 58), (x + 4, 66)], shift("#7fc8d8", rng), 0.9) for x in (22, 78))
        + "".join(
            ellipse(rng.uniform(0, 100), rng.uniform(68, 98), rng.uniform(2, 6), 1.6, "#3a3234", 0.8) for _ in range(9)
        )
    )


def bridge(rng: random.Random) -> str:
    color = shift("#c2452f", rng)
    cables = "".join(line(x, 16 + ((x - 50) / 22) ** 2 * 8, x, 60, color, 0.6) for x in range(22, 80, 5))
    return (
        sky_and_ground((shift("#f3c9a0", rng), "#fbe7cf"), (shift("#7a7f88", rng), "#5d626a"), 62)
        + rect(0, 44, 100, 18, shift("#4f8fb8", rng))
        + ridge(rng, 46, 5, shift("#6f8f86", rng), 3)
        + rect(18, 6, 4.6, 56, color)
        + rect(78, 6, 4.6, 56, color)
        + rect(16, 18, 8.6, 2, color)
        + rect(76, 18, 8.6, 2, color)
        + f'<path d="M-10 40 Q8 34 20 8 Q50 60 80 8 Q92 34 110 40" stroke="{color}" stroke-width="1.8" fill="none"/>'
        + cables
        + rect(0, 58, 100, 1.6, color)
        + "".join(rect(x, 58, 1, 7, color) for x in range(2, 100, 6))
        + rect(0, 64, 100, 2, "#c9c6bf")
        + "".join(rect(x, 84, 10, 2, WHITE, 0, 0.8) for x in range(-2, 100, 20))
    )


def airport(rng: random.Random) -> str:
    tower = rng.choice((14, 84))
    lights = "".join(circle(x, y, 0.9, "#f8e07a") for y, step in ((66, 8), (80, 12)) for x in range(2, 100, step))
    return (
        sky_and_ground((shift("#a9cdec", rng), "#eef6fc"), (shift("#74797f", rng), "#585c62"), 58)
        + clouds(rng, 6, 16, 2)
        + rect(0, 48, 100, 10, shift("#8fae6a", rng))
        + rect(100 - tower - 24, 38, 48, 14, shift("#dfe4e8", rng), 1)
        + rect(100 - tower - 22, 41, 44, 5, "#7fb0d0")
        + rect(tower - 4, 20, 8, 36, "#cfd4d9")
        + polygon([(tower - 10, 12), (tower + 10, 12), (tower + 7, 21), (tower - 7, 21)], "#5f8fae")
        + rect(tower - 9, 9.5, 18, 3, "#8a9099", 1)
        + f'<path d="M40 26 l20 -5 q5 -1 5 2 l-8 3 -9 9 -3 0 4 -8 -9 2 z" fill="{WHITE}"/>'
        + "".join(
            polygon([(50 - w, y), (50 + w, y), (50 + w * 1.2, y + 6), (50 - w * 1.2, y + 6)], WHITE, 0.9)
            for y, w in ((62, 1), (73, 1.8), (88, 3))
        )
        + lights
    )


def castle_yard(rng: random.Random) -> str:
    stone, dark = shift("#a9a298", rng), shift("#8a8379", rng)
    flag = shift("#c2333a", rng)

    def tower(x: float, top: float) -> str:
        return (
            rect(x, top, 20, 64 - top, dark)
            + "".join(rect(x + d, top - 4, 4, 5, dark) for d in (0, 8, 16))
            + rect(x + 8, top + 10, 4, 9, "#4a4640", 2)
            + line(x + 10, top - 4, x + 10, top - 14, TRUNK, 0.8)
            + polygon([(x + 10, top - 14), (x + 19, top - 11.5), (x + 10, top - 9)], flag)
        )

    return (
        sky_and_ground((shift("#8fc0e6", rng), "#e0effa"), (shift("#c9b98f", rng), "#a8976c"), 62)
        + clouds(rng, 5, 12, 1)
        + rect(0, 32, 100, 32, stone)
        + "".join(rect(x, 28, 5, 5, stone) for x in range(0, 100, 9))
        + "".join(rect(rng.uniform(0, 94), y, 6, 2.6, dark, 0.4, 0.6) for y in (38, 44, 50, 56) for _ in range(4))
        + '<path d="M40 64 V46 Q50 34 60 46 V64 Z" fill="#5a3f28"/>'
        + tower(2, 20)
        + tower(78, 20)
        + "".join(ellipse(rng.uniform(0, 100), rng.uniform(68, 98), 5, 1.6, dark, 0.5) for _ in range(10))
    )


def market(rng: random.Random) -> str:
    def stall(x: float, color: str) -> str:
        stripes = "".join(
            polygon([(x + 5 * i, 26), (x + 5 * i + 2.5, 26), (x + 5 * i + 2.5, 36), (x + 5 * i, 36)], WHITE)
            for i in range(6)
        )
        fruit = "".join(
            circle(x + 3 + 4.6 * i, 49 - (i % 2), 2.4, rng.choice(("#e2574a", "#f2a63a", "#7fb84a", "#f2d23a")))
            for i in range(6)
        )
        return (
            rect(x + 1, 34, 1.6, 30, TRUNK)
            + rect(x + 27.4, 34, 1.6, 30, TRUNK)
            + rect(x, 26, 30, 10, shift(color, rng), 1)
            + stripes
            + fruit
            + rect(x, 50, 30, 5, "#9a6a3c", 0.6)
            + rect(x + 1, 55, 28, 10, "#c08a52", 0.6)
        )

    return (
        sky_and_ground((shift("#a3d2ef", rng), "#eaf5fc"), (shift("#c9b59a", rng), "#a8947a"), 60)
        + "".join(
            rect(x, 10 + rng.uniform(-4, 4), 20, 52, shift(c, rng))
            for x, c in ((0, "#d9a07a"), (20, "#c98f86"), (40, "#d8c08a"), (60, "#a9b3a0"), (80, "#d0a890"))
        )
        + "".join(rect(x, 16, 5, 7, "#6f7f8c") for x in range(4, 100, 13))
        + stall(2, "#d23c35")
        + stall(35, "#3f8a4a")
        + stall(68, "#3f6fb8")
        + "".join(ellipse(rng.uniform(0, 100), rng.uniform(68, 98), 4, 1.4, "#8f7d66", 0.5) for _ in range(16))
    )


def jungle(rng: random.Random) -> str:
    def frond(x: float, y: float, dx: float, dy: float, color: str) -> str:
        there = f"q{dx * 0.3:.1f} {-abs(dy) - 6:.1f} {dx:.1f} {dy:.1f}"
        back = f"q{-dx * 0.6:.1f} {-dy * 0.3:.1f} {-dx:.1f} {-dy:.1f}"
        return f'<path d="M{x:.1f} {y:.1f} {there} {back}z" fill="{color}"/>'

    fronds = "".join(
        frond(x, y, dx, dy, shift(rng.choice(("#1f7a45", "#2f9a55", "#176038")), rng))
        for x, y in ((0, 20), (100, 16), (0, 46), (100, 48), (2, 66), (98, 66))
        for dx, dy in ((26 if x < 50 else -26, 8), (20 if x < 50 else -20, 20), (16 if x < 50 else -16, -8))
    )
    lianas = "".join(
        f'<path d="M{x:.0f} 0 Q{x + 8:.0f} {deep:.0f} {x + 22:.0f} 0" stroke="#3f6a2f" stroke-width="1.4" fill="none"/>'
        for x, deep in ((rng.uniform(10, 60), rng.uniform(30, 50)) for _ in range(4))
    )
    return (
        sky_and_ground((shift("#8fc98a", rng), "#cfe8b4"), (shift("#4f7f3a", rng), "#35602a"), 60)
        + "".join(
            rect(x, 0, 5, 62, shift("#5a4a32", rng))
            for x in (rng.uniform(12, 20), rng.uniform(40, 56), rng.uniform(76, 86))
        )
        + "".join(circle(x, rng.uniform(2, 12), 12, shift("#2f7f45", rng)) for x in range(0, 104, 12))
        + lianas
        + fronds
        + tufts(rng, "#234f1f", 66, 18)
    )


def station(rng: random.Random) -> str:
    train = shift("#2f6fb8", rng)
    return (
        sky_and_ground((shift("#c3d3df", rng), "#e6edf2"), (shift("#b0a695", rng), "#8f8674"), 64)
        + rect(0, 2, 100, 8, "#5a6470")
        + "".join(polygon([(x, 10), (x + 12, 2), (x + 24, 10)], "#6f7a86") for x in (0, 25, 50, 75))
        + "".join(rect(x, 10, 2.4, 54, "#6f7a86") for x in (6, 92))
        + rect(14, 24, 86, 30, train, 5)
        + "".join(rect(x, 29, 12, 11, "#d4ebf7", 1.5) for x in (20, 36, 52, 68, 84))
        + rect(14, 44, 86, 2.6, WHITE)
        + "".join(circle(x, 54, 3.2, DARK) for x in (24, 34, 60, 70, 90))
        + rect(0, 57, 100, 2, STEEL)
        + "".join(rect(x, 59, 3, 5, TRUNK) for x in range(0, 100, 7))
        + rect(0, 66, 100, 2.4, "#f2d35a")
        + circle(50, 17, 4.6, WHITE)
        + line(50, 17, 50, 14, DARK, 0.7)
        + line(50, 17, 52, 18, DARK, 0.7)
        + "".join(line(0, y, 100, y, "#7d7565", 0.5, 0.6) for y in (76, 86, 96))
    )
