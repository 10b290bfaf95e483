"""Weapons and instruments of death, as SVG bodies on a canvas of 100 × 100 units, in given tones of steel."""

from ...emoji.rendering.vector import circle, ellipse, line, rect

STEEL, DARK, WOOD, RED, WHITE, YELLOW = "#8d99a6", "#3b4048", "#9a6434", "#d23b3b", "#f4f6f8", "#f5c542"


def path(path: str, fill: str = "none", stroke: str = "none", width: float = 0) -> str:
    return (
        f'<path d="{path}" fill="{fill}" stroke="{stroke}" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def gun(steel: str, dark: str) -> str:
    return (
        path("M6 30 H88 V24 H94 V48 H60 L56 56 H46 L40 88 H16 L24 50 H6 Z", steel)
        + rect(6, 30, 82, 6, dark, 1)
        + path("M26 54 H42 L36 82 H20 Z", WOOD)
        + path("M46 50 Q48 64 62 62 Q66 56 64 48", "none", dark, 4)
    )


def rifle(steel: str, dark: str) -> str:
    return (
        '<g transform="rotate(-24 50 50)">'
        + path("M2 46 L28 42 V54 L6 66 Z", WOOD)
        + rect(26, 42, 40, 10, steel, 2)
        + rect(62, 44, 36, 4, dark, 1)
        + path("M40 52 L36 70 H46 L50 52 Z", dark)
        + path("M56 52 L60 68 H68 L64 52 Z", WOOD)
        + rect(36, 35, 22, 5, dark, 2)
        + "</g>"
    )


def grenade(steel: str, dark: str) -> str:
    grid = "".join(line(20, y, 76, y, "#38502d", 2) for y in (52, 66, 80)) + "".join(
        line(x, 40, x, 94, "#38502d", 2) for x in (36, 50, 64)
    )
    return (
        ellipse(49, 66, 30, 30, "#5d7f48")
        + grid
        + rect(38, 22, 22, 16, steel, 2)
        + path("M54 22 Q84 20 82 58", "none", dark, 6)
        + f'<circle cx="30" cy="24" r="11" fill="none" stroke="{YELLOW}" stroke-width="5"/>'
    )


def mushroom_cloud(steel: str, dark: str) -> str:
    return (
        path("M40 92 Q48 66 42 48 H58 Q52 66 60 92 Z", "#e8833a")
        + ellipse(50, 90, 36, 8, "#b5603a")
        + "".join(circle(x, y, r, "#c9503a") for x, y, r in ((26, 36, 18), (74, 36, 18), (50, 24, 22)))
        + "".join(circle(x, y, r, "#f2a23c") for x, y, r in ((32, 36, 11), (66, 36, 12), (49, 25, 14)))
        + ellipse(50, 52, 30, 6, "#8f3f33")
    )


def tank(steel: str, dark: str) -> str:
    return (
        rect(6, 58, 84, 26, dark, 13)
        + "".join(circle(x, 71, 8, steel) for x in (20, 38, 56, 76))
        + path("M10 58 L18 44 H82 L90 58 Z", "#6d7f4e")
        + rect(32, 28, 34, 18, "#7f9159", 6)
        + rect(62, 32, 36, 6, "#5a6b40", 2)
    )


def missile(steel: str, dark: str) -> str:
    return (
        '<g transform="rotate(40 50 50)">'
        + path("M38 84 V30 Q50 4 62 30 V84 Z", WHITE)
        + path("M38 30 Q50 4 62 30 Z", RED)
        + path("M38 62 L24 86 H38 Z M62 62 L76 86 H62 Z", RED)
        + rect(38, 44, 24, 5, dark)
        + path("M42 84 L50 100 L58 84 Z", "#f59a2f")
        + "</g>"
    )


def bullet(steel: str, dark: str) -> str:
    return (
        path("M32 46 Q34 14 50 4 Q66 14 68 46 Z", "#b8703a")
        + rect(32, 46, 36, 42, "#e0ad3f", 2)
        + rect(28, 86, 44, 8, "#b9872b", 2)
        + rect(36, 48, 6, 38, "#f3d183", 2)
    )


def cannon(steel: str, dark: str) -> str:
    return (
        '<g transform="rotate(-22 50 50)">'
        + path("M14 36 H84 L92 32 V62 L84 58 H14 Q2 47 14 36 Z", dark)
        + "</g>"
        + path("M18 82 H70 L58 62 H34 Z", WOOD)
        + circle(40, 76, 19, "#6e4526")
        + circle(40, 76, 13, "#b07a42")
        + "".join(line(40, 76, 40 + dx, 76 + dy, "#6e4526", 3) for dx, dy in ((0, -15), (0, 15), (15, 0), (-15, 0)))
    )


def mace(steel: str, dark: str) -> str:
    spikes = "".join(
        f'<polygon points="68,-1 62,16 74,16" fill="{dark}" transform="rotate({angle} 68 32)"/>'
        for angle in range(0, 360, 45)
    )
    return line(12, 92, 58, 42, WOOD, 9) + spikes + circle(68, 32, 20, steel) + circle(62, 26, 5, WHITE, 0.5)


def brass_knuckles(steel: str, dark: str) -> str:
    rings = "".join(
        f'<circle cx="{x}" cy="36" r="11" fill="none" stroke="#d9a733" stroke-width="8"/>' for x in (16, 38, 61, 84)
    )
    return rings + path("M8 50 H92 Q92 82 50 84 Q8 82 8 50 Z", "#d9a733") + rect(24, 58, 52, 12, "#a97b1d", 6)


def barbed_wire(steel: str, dark: str) -> str:
    def strand(y: float) -> str:
        barbs = "".join(
            line(x - 4, y - 9, x + 4, y + 9, dark, 3) + line(x + 4, y - 9, x - 4, y + 9, dark, 3)
            for x in (14, 38, 62, 86)
        )
        return path(f"M2 {y} Q14 {y - 7} 26 {y} T50 {y} T74 {y} T98 {y}", "none", steel, 3.4) + barbs

    return rect(6, 4, 7, 92, WOOD, 2) + rect(87, 4, 7, 92, WOOD, 2) + strand(24) + strand(52) + strand(80)


def noose(steel: str, dark: str) -> str:
    rope = "#c29a5b"
    return (
        rect(46, 0, 8, 46, rope, 2)
        + "".join(rect(40, y, 20, 6, "#a67c3f", 3) for y in (30, 37, 44))
        + f'<ellipse cx="50" cy="72" rx="25" ry="23" fill="none" stroke="{rope}" stroke-width="8"/>'
    )


def gallows(steel: str, dark: str) -> str:
    return (
        rect(8, 88, 84, 8, WOOD, 1)
        + rect(18, 6, 8, 84, WOOD, 1)
        + rect(18, 6, 62, 8, WOOD, 1)
        + line(26, 34, 46, 12, WOOD, 6)
        + rect(68, 14, 4, 22, "#c29a5b")
        + '<ellipse cx="70" cy="48" rx="11" ry="13" fill="none" stroke="#c29a5b" stroke-width="5"/>'
    )


def razor_blade(steel: str, dark: str) -> str:
    return (
        path("M8 28 H92 V36 Q86 38 86 50 Q86 62 92 64 V74 H8 V64 Q14 62 14 50 Q14 38 8 36 Z", "#c3ccd6")
        + rect(8, 28, 84, 5, "#eef2f6")
        + rect(8, 69, 84, 5, "#eef2f6")
        + rect(26, 47, 48, 8, dark, 4)
        + "".join(circle(x, 51, 7, dark) for x in (34, 50, 66))
    )


def poison(steel: str, dark: str) -> str:
    return (
        rect(40, 4, 20, 14, WOOD, 2)
        + path("M42 16 H58 V32 Q80 42 80 64 V86 Q80 96 70 96 H30 Q20 96 20 86 V64 Q20 42 42 32 Z", "#6b3fa0")
        + rect(28, 50, 44, 34, WHITE, 3)
        + circle(50, 63, 9, dark)
        + rect(45, 69, 10, 8, dark, 1)
        + circle(46, 62, 2.4, WHITE)
        + circle(54, 62, 2.4, WHITE)
    )


def reaper(steel: str, dark: str) -> str:
    return (
        line(82, 8, 70, 96, WOOD, 4)
        + path("M84 10 Q52 -2 30 20 Q58 10 82 18 Z", "#c3ccd6")
        + path("M42 18 Q66 18 66 44 L80 96 H8 L20 44 Q22 18 42 18 Z", "#2c2d38")
        + ellipse(42, 42, 13, 16, "#0f1016")
        + ellipse(42, 44, 9, 11, WHITE)
        + circle(38, 42, 2.6, "#0f1016")
        + circle(46, 42, 2.6, "#0f1016")
    )


def torch(steel: str, dark: str) -> str:
    return (
        path("M44 96 L38 52 H62 L56 96 Z", WOOD)
        + rect(34, 46, 32, 10, DARK, 3)
        + path("M30 46 Q18 26 40 4 Q40 18 50 18 Q54 10 52 2 Q82 22 70 46 Z", "#f0662b")
        + path("M38 46 Q34 32 46 22 Q48 30 54 26 Q66 34 60 46 Z", "#ffd24a")
    )


def whip(steel: str, dark: str) -> str:
    return line(10, 92, 34, 62, "#5a3a24", 11) + path(
        "M34 62 Q60 20 76 44 Q88 66 64 70 Q46 70 56 50 Q68 26 96 8", "none", "#3a2a20", 5
    )
