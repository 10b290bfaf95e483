"""The twelve places, drawn as SVG: far things first, then the ground that subject and object stand on.

A variant of a place changes its hues a little and moves its furniture; its number is the seed.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from .vector import CANVAS, circle, clouds, ellipse, fir, gradient, line, polygon, rect, ridge, shift, sky_and_ground

VARIANTS = 24


@dataclass(frozen=True)
class Light:
    """How a place lights what stands in it: multiplies the sprites' colours, darkens the ground under them."""

    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shadow: float = 0.38  # opacity
    slant: float = 0.18  # sideways reach of the shadow, in heights of the thing that throws it


LIGHTS = {
    "kitchen": Light((1.0, 0.98, 0.95), 0.30, 0.08),
    "beach": Light((1.0, 1.0, 0.97), 0.36, 0.28),
    "forest": Light((0.90, 0.97, 0.90), 0.42, 0.12),
    "city": Light((0.97, 0.97, 1.0), 0.40, 0.20),
    "desert": Light((1.0, 0.96, 0.88), 0.40, 0.34),
    "snow": Light((0.96, 0.98, 1.0), 0.26, 0.22),
    "underwater": Light((0.88, 0.96, 1.0), 0.30, 0.04),
    "space": Light((0.92, 0.92, 1.0), 0.55, 0.40),
    "farm": Light((1.0, 1.0, 0.95), 0.36, 0.22),
    "bedroom": Light((1.0, 0.95, 0.93), 0.30, 0.08),
    "classroom": Light((1.0, 1.0, 0.98), 0.30, 0.08),
    "stadium": Light((1.0, 1.0, 1.0), 0.34, 0.14),
}


def _kitchen(rng: random.Random) -> str:
    wall, floor, front = shift("#f7dfae", rng), shift("#c98b5b", rng), shift("#5f9ea0", rng)
    tiles = "".join(rect(x, 24 + 6 * row, 7.2, 5.2, "#ffffff", 0.6, 0.55) for row in range(4) for x in range(0, 100, 8))
    window = rng.choice((18, 50, 80))
    hood = (window + 38) % 84 + 6
    doors = "".join(
        rect(x + 1, 53, 18, 13, "#ffffff", 1, 0.22) + circle(x + 16.5, 59, 0.9, "#f4e3b2") for x in range(0, 100, 20)
    )
    boards = "".join(line(50 + (x - 50) * 0.7, 68, x, 100, "#8a5a35", 0.5, 0.5) for x in range(-60, 170, 16))
    return (
        f"<defs>{gradient('wall', wall, shift('#ecc98a', rng))}{gradient('floor', floor, '#a86c41')}</defs>"
        + rect(0, 0, 100, 68, "url(#wall)")
        + tiles
        + rect(window - 11, 4, 22, 19, "#8a5a35", 1)
        + rect(window - 9.5, 5.5, 19, 16, shift("#a9dcf5", rng))
        + line(window, 5.5, window, 21.5, "#8a5a35", 1)
        + polygon([(hood - 6, 4), (hood + 6, 4), (hood + 11, 18), (hood - 11, 18)], "#b9c0c7")
        + rect(hood - 9, 43, 18, 5, "#4a4f57", 1)
        + ellipse(hood, 43, 6, 1.6, "#7d8793")
        + rect(0, 47, 100, 4, "#f3efe6")
        + rect(0, 51, 100, 17, front)
        + doors
        + rect(0, 68, 100, 32, "url(#floor)")
        + boards
    )


def _beach(rng: random.Random) -> str:
    sun = rng.uniform(15, 85)
    palm = rng.choice((7, 93))
    lean = 4 if palm < 50 else -4
    leaves = "".join(
        f'<path d="M{palm + lean:.1f} 22 q{dx * 0.6:.1f} {-9 + abs(dx) * 0.1:.1f} {dx:.1f} {dy:.1f} '
        f'q{-dx * 0.4:.1f} {-3 - dy * 0.2:.1f} {-dx:.1f} {-dy:.1f}z" fill="#2f9e58"/>'
        for dx, dy in ((16, 4), (-16, 4), (12, 12), (-12, 12), (5, -9), (-6, -9))
    )
    waves = "".join(
        line(x, y, x + rng.uniform(8, 18), y, "#ffffff", 0.6, 0.6)
        for y in (44, 48, 52)
        for x in (rng.uniform(0, 40), rng.uniform(45, 90))
    )
    return (
        sky_and_ground((shift("#6cc7f2", rng), "#d8f3ff"), (shift("#f6dfa2", rng), "#e2b86b"), 40)
        + circle(sun, 14, 7, "#ffe27a")
        + circle(sun, 14, 10, "#ffe27a", 0.35)
        + clouds(rng, 12, 28, 2)
        + rect(0, 40, 100, 16, shift("#2aa7c9", rng))
        + waves
        + f'<path d="M0 55 Q25 {52 + rng.uniform(-1, 2):.1f} 50 56 T100 55 L100 59 Q75 62 50 59 T0 59Z" fill="#ffffff" opacity="0.75"/>'
        + f'<path d="M{palm} 62 Q{palm - lean * 0.4} 40 {palm + lean} 22" stroke="#9a6a3a" stroke-width="3" fill="none"/>'
        + leaves
        + "".join(
            ellipse(rng.uniform(0, 100), rng.uniform(66, 98), rng.uniform(1, 3), 0.5, "#c9994f", 0.5) for _ in range(9)
        )
    )


def _forest(rng: random.Random) -> str:
    far = "".join(fir(x + rng.uniform(-3, 3), 56, rng.uniform(30, 42), "#7fb38a") for x in range(-2, 104, 9))
    near = "".join(
        fir(x + rng.uniform(-3, 3), 63, rng.uniform(44, 58), shift("#2f7d4f", rng)) for x in (2, 15, 30, 70, 86, 99)
    )
    tufts = "".join(
        polygon([(x, y), (x + 1, y - 3), (x + 2, y)], "#2d6e3c", 0.8)
        for x, y in ((rng.uniform(0, 98), rng.uniform(66, 98)) for _ in range(16))
    )
    return (
        sky_and_ground((shift("#bfe6dc", rng), "#eef8df"), (shift("#6fae5c", rng), "#3f7f3e"), 55) + far + near + tufts
    )


def _city(rng: random.Random) -> str:
    towers, x = [], -3.0
    while x < 100:
        width, height = rng.uniform(11, 18), rng.uniform(24, 50)
        color = shift(rng.choice(("#7c8aa5", "#a0725e", "#5f7186", "#b89b7a", "#8d6f8f")), rng)
        towers.append(rect(x, 62 - height, width, height, color))
        for row in range(int((height - 6) // 6)):
            for column in range(int(width // 4)):
                lit = "#ffe9a3" if rng.random() < 0.55 else "#3d4a5c"
                towers.append(rect(x + 1.2 + column * 4, 65 - height + row * 6, 2.2, 3.4, lit, 0.3, 0.85))
        x += width + rng.uniform(0, 1.5)
    dashes = "".join(rect(x, 89, 9, 1.8, "#f6e27a") for x in range(-4, 104, 18))
    return (
        sky_and_ground((shift("#8fb7e8", rng), "#e6eefb"), (shift("#6d727b", rng), "#4b4f57"), 62)
        + clouds(rng, 6, 16, 2)
        + "".join(towers)
        + rect(0, 62, 100, 8, "#c9c6bf")
        + rect(0, 69, 100, 1.4, "#8e8a83")
        + dashes
    )


def _desert(rng: random.Random) -> str:
    def cactus(x: float, foot: float, size: float) -> str:
        body = "#4f8a4c"
        return (
            rect(x - size * 0.1, foot - size, size * 0.2, size, body, size * 0.1)
            + rect(x - size * 0.38, foot - size * 0.75, size * 0.15, size * 0.35, body, size * 0.07)
            + rect(x - size * 0.38, foot - size * 0.5, size * 0.3, size * 0.13, body, size * 0.06)
            + rect(x + size * 0.23, foot - size * 0.85, size * 0.15, size * 0.35, body, size * 0.07)
            + rect(x + size * 0.05, foot - size * 0.62, size * 0.33, size * 0.13, body, size * 0.06)
        )

    return (
        sky_and_ground((shift("#f7b267", rng), "#fde4b0"), (shift("#e3a857", rng), "#c17f35"), 56)
        + circle(rng.uniform(20, 80), 20, 8, "#fff1c4")
        + ridge(rng, 57, 9, shift("#d98e4a", rng), 2)
        + ridge(rng, 60, 5, shift("#e0a157", rng), 3)
        + polygon([(70, 57), (82, 38), (94, 57)], "#c27f45", rng.choice((0, 1)))
        + polygon([(82, 38), (94, 57), (85, 57)], "#9b5f2f", 0.0)
        + cactus(rng.choice((9, 91)), 66, rng.uniform(20, 27))
        + "".join(
            f'<path d="M{x:.1f} {y:.1f} q8 -2 16 0" stroke="#b5752f" stroke-width="0.7" fill="none" opacity="0.6"/>'
            for x, y in ((rng.uniform(-5, 90), rng.uniform(67, 97)) for _ in range(10))
        )
    )


def _snow(rng: random.Random) -> str:
    flakes = "".join(
        circle(rng.uniform(0, 100), rng.uniform(0, 80), rng.uniform(0.4, 1.0), "#ffffff", 0.9) for _ in range(46)
    )
    peaks = "".join(
        polygon([(x - 24, 58), (x, top), (x + 24, 58)], "#9db4cf")
        + polygon([(x - 8, top + (58 - top) / 3), (x, top), (x + 8, top + (58 - top) / 3)], "#ffffff")
        for x, top in ((rng.uniform(10, 40), rng.uniform(20, 30)), (rng.uniform(60, 92), rng.uniform(16, 28)))
    )
    firs = "".join(
        fir(x, 62, rng.uniform(18, 24), shift("#5d8f86", rng)) for x in (rng.uniform(2, 12), rng.uniform(88, 98))
    )
    return (
        sky_and_ground((shift("#a9c6e6", rng), "#e9f2fb"), ("#f8fbff", shift("#cfdfee", rng)), 57)
        + peaks
        + ridge(rng, 61, 4, "#eef5fc", 2)
        + firs
        + flakes
    )


def _underwater(rng: random.Random) -> str:
    rays = "".join(
        polygon([(x, 0), (x + 6, 0), (x + 22, 72), (x + 4, 72)], "#ffffff", 0.10)
        for x in (rng.uniform(0, 20), rng.uniform(30, 50), rng.uniform(60, 80))
    )
    weeds = "".join(
        f'<path d="M{x:.1f} 76 q{rng.uniform(-6, 6):.1f} -10 0 -18 t0 -{rng.uniform(8, 16):.1f}" stroke="#2e9e76" stroke-width="2.4" fill="none" stroke-linecap="round"/>'
        for x in (rng.uniform(2, 8), rng.uniform(9, 16), rng.uniform(84, 90), rng.uniform(91, 98))
    )
    bubbles = "".join(
        f'<circle cx="{rng.uniform(4, 96):.1f}" cy="{rng.uniform(4, 60):.1f}" r="{rng.uniform(0.8, 2.2):.1f}" fill="#ffffff" fill-opacity="0.2" stroke="#ffffff" stroke-width="0.4" opacity="0.8"/>'
        for _ in range(14)
    )
    coral = rng.choice((12, 88))
    return (
        sky_and_ground((shift("#2f9fd0", rng), "#0d4f86"), (shift("#d3bf8a", rng), "#8f8559"), 70)
        + rays
        + ridge(rng, 71, 7, "#0c4573", 3, 0.7)
        + weeds
        + "".join(
            line(coral, 76, coral + dx, 76 - dy, "#ef7f73", 2.4)
            for dx, dy in ((-5, 9), (0, 12), (5, 10), (8, 6), (-8, 5))
        )
        + bubbles
    )


def _space(rng: random.Random) -> str:
    stars = "".join(
        circle(rng.uniform(0, 100), rng.uniform(0, 60), rng.uniform(0.25, 0.7), "#ffffff", rng.choice((0.6, 1.0)))
        for _ in range(52)
    )
    planet = rng.uniform(16, 84)
    craters = "".join(
        ellipse(x, y, size, size * 0.34, "#8b8f9c") + ellipse(x, y + size * 0.08, size * 0.8, size * 0.24, "#777b88")
        for x, y, size in ((rng.uniform(2, 98), rng.uniform(66, 97), rng.uniform(3, 8)) for _ in range(8))
    )
    return (
        sky_and_ground(("#0a0d24", shift("#2b2559", rng)), (shift("#b6b9c4", rng), "#8d919e"), 61)
        + stars
        + circle(planet, 20, 9.5, shift("#4f8fe0", rng))
        + ellipse(planet - 2, 18, 4, 2.2, "#6cc08b")
        + ellipse(planet + 3.5, 23, 3, 1.6, "#6cc08b")
        + ridge(rng, 62, 3, "#a6aab6", 3)
        + craters
    )


def _farm(rng: random.Random) -> str:
    barn = rng.choice((17, 83))
    fence = "".join(rect(x, 55, 1.6, 11, "#f4efe2") for x in range(1, 100, 9)) + "".join(
        rect(0, y, 100, 1.5, "#f4efe2") for y in (57.5, 61.5)
    )
    rows = "".join(line(50 + (x - 50) * 0.35, 66, x, 100, "#7fae3f", 1.4, 0.7) for x in range(-60, 170, 14))
    return (
        sky_and_ground((shift("#7cc4f0", rng), "#e6f6ff"), (shift("#a5cf5a", rng), "#6f9f35"), 55)
        + clouds(rng, 8, 24, 2)
        + ridge(rng, 57, 6, shift("#8cc36a", rng), 3)
        + rect(barn - 13, 34, 26, 25, shift("#b8392f", rng))
        + polygon([(barn - 16, 36), (barn - 9, 23), (barn + 9, 23), (barn + 16, 36)], "#6e2a25")
        + rect(barn - 5, 45, 10, 14, "#f4efe2")
        + line(barn - 5, 45, barn + 5, 59, "#b8392f", 1)
        + line(barn + 5, 45, barn - 5, 59, "#b8392f", 1)
        + fence
        + rows
    )


def _bedroom(rng: random.Random) -> str:
    wall, cover = shift("#d9b8dc", rng), shift("#6f86d6", rng)
    side = rng.choice((0, 1))
    bed = 2 if side else 40
    lamp = 80 if side else 18
    stripes = "".join(rect(x, 0, 5, 62, "#ffffff", 0, 0.16) for x in range(0, 100, 12))
    return (
        f"<defs>{gradient('wall', wall, '#efd9ee')}{gradient('floor', shift('#b98a63', rng), '#8d6444')}</defs>"
        + rect(0, 0, 100, 64, "url(#wall)")
        + stripes
        + rect(lamp - 9, 8, 18, 20, "#ffffff", 1)
        + rect(lamp - 7.5, 9.5, 15, 17, shift("#27335f", rng))
        + circle(lamp + 2, 15, 3, "#fff3bf")
        + rect(0, 62, 100, 2, "#f6ebf5")
        + rect(0, 64, 100, 36, "url(#floor)")
        + rect(bed, 24, 58, 30, "#7a5136", 3)
        + rect(bed + 2, 42, 54, 26, "#ffffff", 3)
        + rect(bed + 6, 38, 20, 9, "#fdf6ff", 3)
        + rect(bed + 32, 38, 20, 9, "#fdf6ff", 3)
        + rect(bed + 1, 49, 56, 20, cover, 3)
        + rect(lamp - 6, 46, 12, 19, "#8a5e3f", 1)
        + polygon([(lamp - 5, 38), (lamp + 5, 38), (lamp + 3, 31), (lamp - 3, 31)], "#ffe08a")
        + rect(lamp - 0.7, 38, 1.4, 8, "#5d4630")
        + ellipse(50, 88, 44, 9, shift("#c9707f", rng), 0.65)
    )


def _classroom(rng: random.Random) -> str:
    chalk = "".join(
        line(x, y, x + rng.uniform(6, 15), y + rng.uniform(-1, 1), "#f2f5ee", 0.8, 0.8)
        for y in (16, 23, 30, 37)
        for x in (rng.uniform(18, 30), rng.uniform(44, 52), rng.uniform(64, 70))
    )
    desks = "".join(
        rect(x, 58, 20, 3.2, "#d59b52", 1) + rect(x + 2, 61, 1.6, 9, "#6b7078") + rect(x + 16.4, 61, 1.6, 9, "#6b7078")
        for x in (rng.uniform(0, 5), rng.uniform(38, 42), rng.uniform(75, 79))
    )
    boards = "".join(line(0, y, 100, y, "#a97b45", 0.4, 0.5) for y in (72, 78, 86, 95))
    clock = rng.choice((6, 94))
    return (
        f"<defs>{gradient('wall', shift('#e9ecd6', rng), '#f5f3e4')}{gradient('floor', shift('#d3a566', rng), '#b58445')}</defs>"
        + rect(0, 0, 100, 66, "url(#wall)")
        + rect(13, 8, 74, 40, "#8a5a35", 1)
        + rect(15, 10, 70, 36, shift("#2f6b52", rng))
        + chalk
        + rect(20, 46, 60, 2.4, "#a9713f")
        + circle(clock, 9, 4.6, "#ffffff")
        + line(clock, 9, clock, 6, "#333333", 0.7)
        + line(clock, 9, clock + 2, 10, "#333333", 0.7)
        + rect(0, 66, 100, 34, "url(#floor)")
        + boards
        + desks
    )


def _stadium(rng: random.Random) -> str:
    crowd = "".join(
        circle(
            column * 3.4 + (row % 2) * 1.7,
            15 + row * 4.4,
            1.35,
            rng.choice(("#e4574f", "#f2c14e", "#4f8fe0", "#f7f7f7", "#7ac27a")),
        )
        for row in range(7)
        for column in range(31)
    )
    stripes = "".join(
        polygon([(50 + (x - 50) * 0.45, 52), (50 + (x + 14 - 50) * 0.45, 52), (x + 14, 100), (x, 100)], "#ffffff", 0.12)
        for x in range(-90, 190, 28)
    )
    lamps = "".join(
        rect(x, 2, 1.2, 14, "#8a93a0") + rect(x - 5, 1, 11, 5, "#eef3f8", 0.6)
        for x in (rng.uniform(6, 12), rng.uniform(86, 92))
    )
    return (
        sky_and_ground((shift("#5a9be0", rng), "#cfe5fb"), (shift("#58b04a", rng), "#3a8a35"), 52)
        + rect(0, 12, 100, 34, shift("#5b6675", rng))
        + crowd
        + lamps
        + rect(0, 45, 100, 7, shift("#2c4c8c", rng))
        + "".join(rect(x, 46.5, 12, 4, "#ffffff", 0.6, 0.8) for x in (6, 30, 54, 78))
        + stripes
        + line(0, 58, 100, 58, "#ffffff", 0.9, 0.9)
        + '<ellipse cx="50" cy="80" rx="34" ry="11" fill="none" stroke="#ffffff" stroke-width="1" opacity="0.85"/>'
    )


DRAWINGS: dict[str, Callable[[random.Random], str]] = {
    "kitchen": _kitchen,
    "beach": _beach,
    "forest": _forest,
    "city": _city,
    "desert": _desert,
    "snow": _snow,
    "underwater": _underwater,
    "space": _space,
    "farm": _farm,
    "bedroom": _bedroom,
    "classroom": _classroom,
    "stadium": _stadium,
}


def backdrop_svg(name: str, variant: int) -> str:
    """The SVG document of a place. The same name and variant give the same document, whatever was drawn before."""
    rng = random.Random(f"{name}/{variant}")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}">{DRAWINGS[name](rng)}</svg>'
