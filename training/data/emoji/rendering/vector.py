"""A few SVG shapes, for drawing backdrops on a canvas of 100 × 100 units."""

import colorsys
import random

CANVAS = 100


def shift(color: str, rng: random.Random) -> str:
    """The colour, moved a little in hue and lightness, so that no two variants share a palette."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    hue = (hue + rng.uniform(-0.015, 0.015)) % 1
    light = min(1.0, max(0.0, light + rng.uniform(-0.035, 0.035)))
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colorsys.hls_to_rgb(hue, light, saturation))


def gradient(name: str, top: str, bottom: str) -> str:
    """A vertical gradient to refer to as `url(#name)`."""
    return (
        f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{top}"/><stop offset="1" stop-color="{bottom}"/></linearGradient>'
    )


def rect(x: float, y: float, width: float, height: float, fill: str, radius: float = 0, opacity: float = 1) -> str:
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" rx="{radius}" '
        f'fill="{fill}" opacity="{opacity}"/>'
    )


def circle(x: float, y: float, radius: float, fill: str, opacity: float = 1) -> str:
    return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}" fill="{fill}" opacity="{opacity}"/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, opacity: float = 1) -> str:
    return f'<ellipse cx="{x:.2f}" cy="{y:.2f}" rx="{rx:.2f}" ry="{ry:.2f}" fill="{fill}" opacity="{opacity}"/>'


def polygon(points: list[tuple[float, float]], fill: str, opacity: float = 1) -> str:
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polygon points="{path}" fill="{fill}" opacity="{opacity}"/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float, opacity: float = 1) -> str:
    return (
        f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" stroke="{stroke}" '
        f'stroke-width="{width}" stroke-linecap="round" opacity="{opacity}"/>'
    )


def sky_and_ground(sky: tuple[str, str], ground: tuple[str, str], horizon: float) -> str:
    """The two gradients every outdoor scene stands on; `horizon` is the height of their border."""
    return (
        f"<defs>{gradient('sky', *sky)}{gradient('ground', *ground)}</defs>"
        + rect(0, 0, CANVAS, horizon + 1, "url(#sky)")
        + rect(0, horizon, CANVAS, CANVAS - horizon, "url(#ground)")
    )


def ridge(rng: random.Random, base: float, height: float, fill: str, bumps: int = 3, opacity: float = 1) -> str:
    """A soft line of hills standing on `base`."""
    step = CANVAS / bumps
    path = f"M-5 {base:.1f}"
    for bump in range(bumps):
        left, right = bump * step - 5, (bump + 1) * step + 5
        peak = base - height * rng.uniform(0.6, 1.3) * 2
        path += f" Q{(left + right) / 2 + rng.uniform(-6, 6):.1f} {peak:.1f} {right:.1f} {base:.1f}"
    return f'<path d="{path} L105 {base + 3:.1f} L-5 {base + 3:.1f} Z" fill="{fill}" opacity="{opacity}"/>'


def cloud(x: float, y: float, size: float, fill: str = "#ffffff", opacity: float = 0.9) -> str:
    return (
        f'<g opacity="{opacity}">'
        + ellipse(x, y, size, size * 0.38, fill)
        + circle(x - size * 0.35, y - size * 0.18, size * 0.38, fill)
        + circle(x + size * 0.22, y - size * 0.3, size * 0.48, fill)
        + "</g>"
    )


def clouds(rng: random.Random, low: float, high: float, count: int = 2) -> str:
    return "".join(cloud(rng.uniform(8, 92), rng.uniform(low, high), rng.uniform(6, 11)) for _ in range(count))


def fir(x: float, foot: float, height: float, fill: str, trunk: str = "#6b4a2f") -> str:
    """A conifer of three tiers."""
    tiers = "".join(
        polygon(
            [
                (x, foot - height * top),
                (x - height * width, foot - height * low),
                (x + height * width, foot - height * low),
            ],
            fill,
        )
        for top, low, width in ((0.72, 0.16, 0.30), (0.88, 0.42, 0.24), (1.0, 0.66, 0.17))
    )
    return rect(x - height * 0.04, foot - height * 0.18, height * 0.08, height * 0.18, trunk) + tiers
