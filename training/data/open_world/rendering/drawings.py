"""Our own drawings of what no emoji shows, on a canvas of 100 × 100 units, in a variation for each art style."""

import random
import re
from collections.abc import Callable

from ...emoji.rendering.artwork import STYLES
from ...emoji.rendering.vector import CANVAS, circle, ellipse, line, rect, shift

STEEL, DARK, WOOD, RED, WHITE, YELLOW = "#8d99a6", "#3b4048", "#9a6434", "#d23b3b", "#f4f6f8", "#f5c542"


def _path(path: str, fill: str = "none", stroke: str = "none", width: float = 0) -> str:
    return (
        f'<path d="{path}" fill="{fill}" stroke="{stroke}" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _gun(steel: str, dark: str) -> str:
    return (
        _path("M6 30 H88 V24 H94 V48 H60 L56 56 H46 L40 88 H16 L24 50 H6 Z", steel)
        + rect(6, 30, 82, 6, dark, 1)
        + _path("M26 54 H42 L36 82 H20 Z", WOOD)
        + _path("M46 50 Q48 64 62 62 Q66 56 64 48", "none", dark, 4)
    )


def _rifle(steel: str, dark: str) -> str:
    return (
        '<g transform="rotate(-24 50 50)">'
        + _path("M2 46 L28 42 V54 L6 66 Z", WOOD)
        + rect(26, 42, 40, 10, steel, 2)
        + rect(62, 44, 36, 4, dark, 1)
        + _path("M40 52 L36 70 H46 L50 52 Z", dark)
        + _path("M56 52 L60 68 H68 L64 52 Z", WOOD)
        + rect(36, 35, 22, 5, dark, 2)
        + "</g>"
    )


def _grenade(steel: str, dark: str) -> str:
    grid = "".join(line(20, y, 76, y, "#38502d", 2) for y in (52, 66, 80)) + "".join(
        line(x, 40, x, 94, "#38502d", 2) for x in (36, 50, 64)
    )
    return (
        ellipse(49, 66, 30, 30, "#5d7f48")
        + grid
        + rect(38, 22, 22, 16, steel, 2)
        + _path("M54 22 Q84 20 82 58", "none", dark, 6)
        + f'<circle cx="30" cy="24" r="11" fill="none" stroke="{YELLOW}" stroke-width="5"/>'
    )


def _mushroom_cloud(steel: str, dark: str) -> str:
    return (
        _path("M40 92 Q48 66 42 48 H58 Q52 66 60 92 Z", "#e8833a")
        + ellipse(50, 90, 36, 8, "#b5603a")
        + "".join(circle(x, y, r, "#c9503a") for x, y, r in ((26, 36, 18), (74, 36, 18), (50, 24, 22)))
        + "".join(circle(x, y, r, "#f2a23c") for x, y, r in ((32, 36, 11), (66, 36, 12), (49, 25, 14)))
        + ellipse(50, 52, 30, 6, "#8f3f33")
    )


def _tank(steel: str, dark: str) -> str:
    return (
        rect(6, 58, 84, 26, dark, 13)
        + "".join(circle(x, 71, 8, steel) for x in (20, 38, 56, 76))
        + _path("M10 58 L18 44 H82 L90 58 Z", "#6d7f4e")
        + rect(32, 28, 34, 18, "#7f9159", 6)
        + rect(62, 32, 36, 6, "#5a6b40", 2)
    )


def _missile(steel: str, dark: str) -> str:
    return (
        '<g transform="rotate(40 50 50)">'
        + _path("M38 84 V30 Q50 4 62 30 V84 Z", WHITE)
        + _path("M38 30 Q50 4 62 30 Z", RED)
        + _path("M38 62 L24 86 H38 Z M62 62 L76 86 H62 Z", RED)
        + rect(38, 44, 24, 5, dark)
        + _path("M42 84 L50 100 L58 84 Z", "#f59a2f")
        + "</g>"
    )


def _bullet(steel: str, dark: str) -> str:
    return (
        _path("M32 46 Q34 14 50 4 Q66 14 68 46 Z", "#b8703a")
        + rect(32, 46, 36, 42, "#e0ad3f", 2)
        + rect(28, 86, 44, 8, "#b9872b", 2)
        + rect(36, 48, 6, 38, "#f3d183", 2)
    )


def _cannon(steel: str, dark: str) -> str:
    return (
        '<g transform="rotate(-22 50 50)">'
        + _path("M14 36 H84 L92 32 V62 L84 58 H14 Q2 47 14 36 Z", dark)
        + "</g>"
        + _path("M18 82 H70 L58 62 H34 Z", WOOD)
        + circle(40, 76, 19, "#6e4526")
        + circle(40, 76, 13, "#b07a42")
        + "".join(line(40, 76, 40 + dx, 76 + dy, "#6e4526", 3) for dx, dy in ((0, -15), (0, 15), (15, 0), (-15, 0)))
    )


def _mace(steel: str, dark: str) -> str:
    spikes = "".join(
        f'<polygon points="68,-1 62,16 74,16" fill="{dark}" transform="rotate({angle} 68 32)"/>'
        for angle in range(0, 360, 45)
    )
    return line(12, 92, 58, 42, WOOD, 9) + spikes + circle(68, 32, 20, steel) + circle(62, 26, 5, WHITE, 0.5)


def _brass_knuckles(steel: str, dark: str) -> str:
    rings = "".join(
        f'<circle cx="{x}" cy="36" r="11" fill="none" stroke="#d9a733" stroke-width="8"/>' for x in (16, 38, 61, 84)
    )
    return rings + _path("M8 50 H92 Q92 82 50 84 Q8 82 8 50 Z", "#d9a733") + rect(24, 58, 52, 12, "#a97b1d", 6)


def _barbed_wire(steel: str, dark: str) -> str:
    def strand(y: float) -> str:
        barbs = "".join(
            line(x - 4, y - 9, x + 4, y + 9, dark, 3) + line(x + 4, y - 9, x - 4, y + 9, dark, 3)
            for x in (14, 38, 62, 86)
        )
        return _path(f"M2 {y} Q14 {y - 7} 26 {y} T50 {y} T74 {y} T98 {y}", "none", steel, 3.4) + barbs

    return rect(6, 4, 7, 92, WOOD, 2) + rect(87, 4, 7, 92, WOOD, 2) + strand(24) + strand(52) + strand(80)


def _noose(steel: str, dark: str) -> str:
    rope = "#c29a5b"
    return (
        rect(46, 0, 8, 46, rope, 2)
        + "".join(rect(40, y, 20, 6, "#a67c3f", 3) for y in (30, 37, 44))
        + f'<ellipse cx="50" cy="72" rx="25" ry="23" fill="none" stroke="{rope}" stroke-width="8"/>'
    )


def _gallows(steel: str, dark: str) -> str:
    return (
        rect(8, 88, 84, 8, WOOD, 1)
        + rect(18, 6, 8, 84, WOOD, 1)
        + rect(18, 6, 62, 8, WOOD, 1)
        + line(26, 34, 46, 12, WOOD, 6)
        + rect(68, 14, 4, 22, "#c29a5b")
        + '<ellipse cx="70" cy="48" rx="11" ry="13" fill="none" stroke="#c29a5b" stroke-width="5"/>'
    )


def _razor_blade(steel: str, dark: str) -> str:
    return (
        _path("M8 28 H92 V36 Q86 38 86 50 Q86 62 92 64 V74 H8 V64 Q14 62 14 50 Q14 38 8 36 Z", "#c3ccd6")
        + rect(8, 28, 84, 5, "#eef2f6")
        + rect(8, 69, 84, 5, "#eef2f6")
        + rect(26, 47, 48, 8, dark, 4)
        + "".join(circle(x, 51, 7, dark) for x in (34, 50, 66))
    )


def _poison(steel: str, dark: str) -> str:
    return (
        rect(40, 4, 20, 14, WOOD, 2)
        + _path("M42 16 H58 V32 Q80 42 80 64 V86 Q80 96 70 96 H30 Q20 96 20 86 V64 Q20 42 42 32 Z", "#6b3fa0")
        + rect(28, 50, 44, 34, WHITE, 3)
        + circle(50, 63, 9, dark)
        + rect(45, 69, 10, 8, dark, 1)
        + circle(46, 62, 2.4, WHITE)
        + circle(54, 62, 2.4, WHITE)
    )


def _reaper(steel: str, dark: str) -> str:
    return (
        line(82, 8, 70, 96, WOOD, 4)
        + _path("M84 10 Q52 -2 30 20 Q58 10 82 18 Z", "#c3ccd6")
        + _path("M42 18 Q66 18 66 44 L80 96 H8 L20 44 Q22 18 42 18 Z", "#2c2d38")
        + ellipse(42, 42, 13, 16, "#0f1016")
        + ellipse(42, 44, 9, 11, WHITE)
        + circle(38, 42, 2.6, "#0f1016")
        + circle(46, 42, 2.6, "#0f1016")
    )


def _keyhole(steel: str, dark: str) -> str:
    return (
        rect(18, 4, 64, 92, "#b98a3c", 10)
        + rect(24, 10, 52, 80, "#d9ab57", 7)
        + circle(50, 40, 22, "#14151b")
        + _path("M42 54 L36 84 H64 L58 54 Z", "#14151b")
        + ellipse(50, 40, 16, 10, WHITE)
        + circle(50, 40, 7, "#3f8fc9")
        + circle(50, 40, 3.4, "#14151b")
    )


def _bra(steel: str, dark: str) -> str:
    pink = "#d8417c"
    return (
        _path("M22 40 L16 8 M78 40 L84 8", "none", pink, 5)
        + _path("M4 50 Q14 34 24 38 Q44 44 50 58 Q56 44 76 38 Q86 34 96 50 L92 62 H8 Z", pink)
        + _path("M12 52 Q16 84 34 82 Q48 80 50 58 Q44 44 24 38 Z", "#ef6fa0")
        + _path("M88 52 Q84 84 66 82 Q52 80 50 58 Q56 44 76 38 Z", "#ef6fa0")
        + circle(50, 58, 4, WHITE)
    )


def _cannabis(steel: str, dark: str) -> str:
    leaf = "M50 62 Q38 34 50 2 Q62 34 50 62 Z"
    blades = "".join(
        f'<path d="{leaf}" fill="{color}" transform="rotate({angle} 50 64) scale(1)"/>'
        for angle, color in ((0, "#3f9b4a"), (-44, "#348a40"), (44, "#348a40"), (-84, "#2d7a39"), (84, "#2d7a39"))
    )
    small = "".join(
        f'<path d="M50 64 Q42 50 50 36 Q58 50 50 64 Z" fill="#2d7a39" transform="rotate({angle} 50 64)"/>'
        for angle in (-125, 125)
    )
    return line(50, 62, 50, 96, "#2d7a39", 4) + small + blades


def _powder(steel: str, dark: str) -> str:
    return (
        _path("M22 26 Q50 16 78 26 L86 90 Q50 100 14 90 Z", "#d3e6f2")
        + _path("M19 56 Q34 46 50 54 Q66 60 81 52 L86 90 Q50 100 14 90 Z", WHITE)
        + rect(20, 14, 60, 12, "#3f7fc4", 3)
        + rect(34, 66, 32, 16, RED, 2)
        + line(38, 70, 62, 78, WHITE, 3)
        + line(62, 70, 38, 78, WHITE, 3)
    )


def _handcuffs(steel: str, dark: str) -> str:
    rings = "".join(
        f'<circle cx="{x}" cy="{y}" r="20" fill="none" stroke="{steel}" stroke-width="8"/>'
        for x, y in ((26, 62), (76, 56))
    )
    return (
        rings
        + _path("M32 40 Q50 10 66 36", "none", dark, 5)
        + rect(20, 34, 16, 12, dark, 3)
        + rect(66, 30, 16, 12, dark, 3)
    )


def _crowbar(steel: str, dark: str) -> str:
    return _path("M14 92 L72 24 Q82 12 90 22 Q94 30 86 38", "none", RED, 10) + _path("M6 92 L22 96 L18 84 Z", dark)


def _thief_mask(steel: str, dark: str) -> str:
    return (
        _path("M14 58 Q14 6 50 6 Q86 6 86 58 V84 Q50 104 14 84 Z", "#30323c")
        + rect(22, 38, 56, 18, "#f0c39a", 9)
        + circle(37, 47, 5.4, WHITE)
        + circle(63, 47, 5.4, WHITE)
        + circle(38, 47, 2.8, DARK)
        + circle(62, 47, 2.8, DARK)
        + rect(38, 70, 24, 9, "#c9605a", 4)
        + line(30, 14, 26, 30, "#4a4d59", 3)
    )


def _graffiti(steel: str, dark: str) -> str:
    bricks = "".join(
        rect(x + (row % 2) * 9 - 9, 12 + 14 * row, 17, 12.4, "#b96a4d", 1) for row in range(6) for x in range(2, 96, 18)
    )
    return (
        rect(2, 10, 96, 86, "#8f8279", 2)
        + bricks
        + _path(
            "M12 70 Q18 26 34 46 Q44 62 26 66 M46 34 L42 72 L60 40 L62 74 M72 34 Q96 30 82 52 Q70 70 92 72",
            "none",
            "#e83fb0",
            7,
        )
        + _path("M8 84 Q50 74 92 86", "none", "#3fd0e8", 6)
    )


def _moonshine(steel: str, dark: str) -> str:
    def cross(x: float) -> str:
        return line(x - 5, 62, x + 5, 74, WHITE, 3) + line(x + 5, 62, x - 5, 74, WHITE, 3)

    return (
        rect(42, 2, 14, 12, "#d8b98a", 2)
        + _path("M40 14 H58 V30 Q86 40 86 66 V88 Q86 96 78 96 H22 Q14 96 14 88 V66 Q14 40 40 30 Z", "#8a5a3a")
        + _path("M58 20 Q78 16 74 36", "none", "#6e4526", 6)
        + rect(20, 56, 60, 24, "#5a3a24", 3)
        + cross(32)
        + cross(50)
        + cross(68)
    )


def _tusk(steel: str, dark: str) -> str:
    return (
        _path("M12 26 Q20 92 92 84 Q50 78 36 20 Z", "#f3e6c8")
        + _path("M12 26 Q20 92 92 84 Q34 84 20 24 Z", "#d8c296")
        + ellipse(24, 22, 12.4, 6, "#b8402f")
        + rect(40, 40, 26, 16, WHITE, 2)
        + _path("M53 42 V49 M53 53 V53.4", "none", RED, 3.4)
    )


def _torch(steel: str, dark: str) -> str:
    return (
        _path("M44 96 L38 52 H62 L56 96 Z", WOOD)
        + rect(34, 46, 32, 10, DARK, 3)
        + _path("M30 46 Q18 26 40 4 Q40 18 50 18 Q54 10 52 2 Q82 22 70 46 Z", "#f0662b")
        + _path("M38 46 Q34 32 46 22 Q48 30 54 26 Q66 34 60 46 Z", "#ffd24a")
    )


def _ransom_note(steel: str, dark: str) -> str:
    letters = "".join(
        f'<g transform="rotate({angle} {x} {y})">{rect(x - 7, y - 8, 14, 16, color)}{rect(x - 3, y - 5, 6, 2.6, DARK)}'
        f"{rect(x - 1.4, y - 5, 2.8, 11, DARK)}</g>"
        for x, y, angle, color in (
            (28, 28, -9, "#e8574a"), (47, 30, 7, "#f2d04a"), (67, 27, -5, "#5aa7e0"),
            (34, 52, 8, "#7fc46a"), (56, 53, -8, "#e88ab4"), (74, 50, 5, "#f2d04a"),
        )
    )  # fmt: skip
    return (
        _path("M12 6 H88 V92 L76 86 L64 94 L50 87 L36 94 L24 87 L12 93 Z", "#f0e6cf") + letters + circle(50, 76, 7, RED)
    )


def _whip(steel: str, dark: str) -> str:
    return line(10, 92, 34, 62, "#5a3a24", 11) + _path(
        "M34 62 Q60 20 76 44 Q88 66 64 70 Q46 70 56 50 Q68 26 96 8", "none", "#3a2a20", 5
    )


def _spray_can(steel: str, dark: str) -> str:
    dots = "".join(
        circle(x, y, r, "#3fb0e8", 0.8) for x, y, r in ((18, 14, 4), (8, 22, 3), (10, 8, 3), (22, 25, 3), (4, 13, 2))
    )
    return (
        dots
        + rect(34, 8, 16, 12, WHITE, 3)
        + rect(28, 20, 40, 12, steel, 5)
        + rect(24, 30, 48, 66, "#3f8fd0", 6)
        + rect(24, 48, 48, 24, YELLOW)
    )


def _matches(steel: str, dark: str) -> str:
    return (
        rect(6, 54, 60, 40, RED, 3)
        + rect(6, 54, 60, 12, "#e9dcc0", 2)
        + rect(6, 86, 60, 8, "#5a3a30", 2)
        + line(60, 72, 82, 34, "#e0bd83", 6)
        + _path("M74 34 Q66 18 84 2 Q86 12 94 16 Q100 30 88 38 Z", "#f0662b")
        + _path("M79 34 Q76 24 85 16 Q92 26 88 36 Z", "#ffd24a")
    )


def _gas_can(steel: str, dark: str) -> str:
    return (
        _path("M14 34 Q14 22 26 22 H70 L84 36 V86 Q84 96 74 96 H24 Q14 96 14 86 Z", RED)
        + rect(30, 8, 28, 8, "#a82a2a", 3)
        + rect(30, 8, 6, 18, "#a82a2a", 2)
        + rect(52, 8, 6, 18, "#a82a2a", 2)
        + _path("M72 26 L90 8", "none", DARK, 8)
        + line(28, 46, 70, 84, "#a82a2a", 5)
        + line(70, 46, 28, 84, "#a82a2a", 5)
    )


_DRAWINGS: dict[str, Callable[[str, str], str]] = {
    "gun": _gun,
    "rifle": _rifle,
    "grenade": _grenade,
    "mushroom cloud": _mushroom_cloud,
    "tank": _tank,
    "missile": _missile,
    "bullet": _bullet,
    "cannon": _cannon,
    "mace": _mace,
    "brass knuckles": _brass_knuckles,
    "barbed wire": _barbed_wire,
    "noose": _noose,
    "gallows": _gallows,
    "razor blade": _razor_blade,
    "poison": _poison,
    "reaper": _reaper,
    "keyhole": _keyhole,
    "bra": _bra,
    "cannabis": _cannabis,
    "powder": _powder,
    "handcuffs": _handcuffs,
    "crowbar": _crowbar,
    "thief mask": _thief_mask,
    "graffiti": _graffiti,
    "moonshine": _moonshine,
    "tusk": _tusk,
    "torch": _torch,
    "ransom note": _ransom_note,
    "whip": _whip,
    "spray can": _spray_can,
    "matches": _matches,
    "gas can": _gas_can,
}
NAMES = tuple(_DRAWINGS)


def drawing_svg(name: str, style: str) -> str:
    """The SVG document of one of our drawings; each style has its own hues, and openmoji's has black outlines.

    Raises KeyError for a name that is not in NAMES.
    """
    rng = random.Random(f"{name}/{tuple(STYLES).index(style)}")
    body = re.sub("#[0-9a-f]{6}", lambda color: shift(color[0], rng), _DRAWINGS[name](STEEL, DARK))
    if style == "openmoji":
        body = f'<g stroke="#000000" stroke-width="2.4" stroke-linejoin="round">{body}</g>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}">{body}</svg>'
