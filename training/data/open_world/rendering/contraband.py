"""Contraband, tools of crime and a few everyday things, as SVG bodies on a canvas of 100 × 100 units."""

from ...emoji.rendering.vector import circle, ellipse, line, rect
from .weapons import DARK, RED, WHITE, YELLOW, path


def keyhole(steel: str, dark: str) -> str:
    return (
        rect(18, 4, 64, 92, "#b98a3c", 10)
        + rect(24, 10, 52, 80, "#d9ab57", 7)
        + circle(50, 40, 22, "#14151b")
        + path("M42 54 L36 84 H64 L58 54 Z", "#14151b")
        + ellipse(50, 40, 16, 10, WHITE)
        + circle(50, 40, 7, "#3f8fc9")
        + circle(50, 40, 3.4, "#14151b")
    )


def bra(steel: str, dark: str) -> str:
    pink = "#d8417c"
    return (
        path("M22 40 L16 8 M78 40 L84 8", "none", pink, 5)
        + path("M4 50 Q14 34 24 38 Q44 44 50 58 Q56 44 76 38 Q86 34 96 50 L92 62 H8 Z", pink)
        + path("M12 52 Q16 84 34 82 Q48 80 50 58 Q44 44 24 38 Z", "#ef6fa0")
        + path("M88 52 Q84 84 66 82 Q52 80 50 58 Q56 44 76 38 Z", "#ef6fa0")
        + circle(50, 58, 4, WHITE)
    )


def cannabis(steel: str, dark: str) -> str:
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


def powder(steel: str, dark: str) -> str:
    return (
        path("M22 26 Q50 16 78 26 L86 90 Q50 100 14 90 Z", "#d3e6f2")
        + path("M19 56 Q34 46 50 54 Q66 60 81 52 L86 90 Q50 100 14 90 Z", WHITE)
        + rect(20, 14, 60, 12, "#3f7fc4", 3)
        + rect(34, 66, 32, 16, RED, 2)
        + line(38, 70, 62, 78, WHITE, 3)
        + line(62, 70, 38, 78, WHITE, 3)
    )


def handcuffs(steel: str, dark: str) -> str:
    rings = "".join(
        f'<circle cx="{x}" cy="{y}" r="20" fill="none" stroke="{steel}" stroke-width="8"/>'
        for x, y in ((26, 62), (76, 56))
    )
    return (
        rings
        + path("M32 40 Q50 10 66 36", "none", dark, 5)
        + rect(20, 34, 16, 12, dark, 3)
        + rect(66, 30, 16, 12, dark, 3)
    )


def crowbar(steel: str, dark: str) -> str:
    return path("M14 92 L72 24 Q82 12 90 22 Q94 30 86 38", "none", RED, 10) + path("M6 92 L22 96 L18 84 Z", dark)


def thief_mask(steel: str, dark: str) -> str:
    return (
        path("M14 58 Q14 6 50 6 Q86 6 86 58 V84 Q50 104 14 84 Z", "#30323c")
        + rect(22, 38, 56, 18, "#f0c39a", 9)
        + circle(37, 47, 5.4, WHITE)
        + circle(63, 47, 5.4, WHITE)
        + circle(38, 47, 2.8, DARK)
        + circle(62, 47, 2.8, DARK)
        + rect(38, 70, 24, 9, "#c9605a", 4)
        + line(30, 14, 26, 30, "#4a4d59", 3)
    )


def graffiti(steel: str, dark: str) -> str:
    bricks = "".join(
        rect(x + (row % 2) * 9 - 9, 12 + 14 * row, 17, 12.4, "#b96a4d", 1) for row in range(6) for x in range(2, 96, 18)
    )
    return (
        rect(2, 10, 96, 86, "#8f8279", 2)
        + bricks
        + path(
            "M12 70 Q18 26 34 46 Q44 62 26 66 M46 34 L42 72 L60 40 L62 74 M72 34 Q96 30 82 52 Q70 70 92 72",
            "none",
            "#e83fb0",
            7,
        )
        + path("M8 84 Q50 74 92 86", "none", "#3fd0e8", 6)
    )


def moonshine(steel: str, dark: str) -> str:
    def cross(x: float) -> str:
        return line(x - 5, 62, x + 5, 74, WHITE, 3) + line(x + 5, 62, x - 5, 74, WHITE, 3)

    return (
        rect(42, 2, 14, 12, "#d8b98a", 2)
        + path("M40 14 H58 V30 Q86 40 86 66 V88 Q86 96 78 96 H22 Q14 96 14 88 V66 Q14 40 40 30 Z", "#8a5a3a")
        + path("M58 20 Q78 16 74 36", "none", "#6e4526", 6)
        + rect(20, 56, 60, 24, "#5a3a24", 3)
        + cross(32)
        + cross(50)
        + cross(68)
    )


def tusk(steel: str, dark: str) -> str:
    return (
        path("M12 26 Q20 92 92 84 Q50 78 36 20 Z", "#f3e6c8")
        + path("M12 26 Q20 92 92 84 Q34 84 20 24 Z", "#d8c296")
        + ellipse(24, 22, 12.4, 6, "#b8402f")
        + rect(40, 40, 26, 16, WHITE, 2)
        + path("M53 42 V49 M53 53 V53.4", "none", RED, 3.4)
    )


def ransom_note(steel: str, dark: str) -> str:
    letters = "".join(
        f'<g transform="rotate({angle} {x} {y})">{rect(x - 7, y - 8, 14, 16, color)}{rect(x - 3, y - 5, 6, 2.6, DARK)}'
        f"{rect(x - 1.4, y - 5, 2.8, 11, DARK)}</g>"
        for x, y, angle, color in (
            (28, 28, -9, "#e8574a"), (47, 30, 7, "#f2d04a"), (67, 27, -5, "#5aa7e0"),
            (34, 52, 8, "#7fc46a"), (56, 53, -8, "#e88ab4"), (74, 50, 5, "#f2d04a"),
        )
    )  # fmt: skip
    return (
        path("M12 6 H88 V92 L76 86 L64 94 L50 87 L36 94 L24 87 L12 93 Z", "#f0e6cf") + letters + circle(50, 76, 7, RED)
    )


def spray_can(steel: str, dark: str) -> str:
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


def matches(steel: str, dark: str) -> str:
    return (
        rect(6, 54, 60, 40, RED, 3)
        + rect(6, 54, 60, 12, "#e9dcc0", 2)
        + rect(6, 86, 60, 8, "#5a3a30", 2)
        + line(60, 72, 82, 34, "#e0bd83", 6)
        + path("M74 34 Q66 18 84 2 Q86 12 94 16 Q100 30 88 38 Z", "#f0662b")
        + path("M79 34 Q76 24 85 16 Q92 26 88 36 Z", "#ffd24a")
    )


def gas_can(steel: str, dark: str) -> str:
    return (
        path("M14 34 Q14 22 26 22 H70 L84 36 V86 Q84 96 74 96 H24 Q14 96 14 86 Z", RED)
        + rect(30, 8, 28, 8, "#a82a2a", 3)
        + rect(30, 8, 6, 18, "#a82a2a", 2)
        + rect(52, 8, 6, 18, "#a82a2a", 2)
        + path("M72 26 L90 8", "none", DARK, 8)
        + line(28, 46, 70, 84, "#a82a2a", 5)
        + line(70, 46, 28, 84, "#a82a2a", 5)
    )
