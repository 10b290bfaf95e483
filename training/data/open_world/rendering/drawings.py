"""Our own drawings of what no emoji shows, on a canvas of 100 × 100 units, in a variation for each art style."""

import random
import re
from collections.abc import Callable

from ...emoji.rendering.artwork import STYLES
from ...emoji.rendering.vector import CANVAS, shift
from . import contraband, weapons
from .weapons import DARK, STEEL

_DRAWINGS: dict[str, Callable[[str, str], str]] = {
    "gun": weapons.gun,
    "rifle": weapons.rifle,
    "grenade": weapons.grenade,
    "mushroom cloud": weapons.mushroom_cloud,
    "tank": weapons.tank,
    "missile": weapons.missile,
    "bullet": weapons.bullet,
    "cannon": weapons.cannon,
    "mace": weapons.mace,
    "brass knuckles": weapons.brass_knuckles,
    "barbed wire": weapons.barbed_wire,
    "noose": weapons.noose,
    "gallows": weapons.gallows,
    "razor blade": weapons.razor_blade,
    "poison": weapons.poison,
    "reaper": weapons.reaper,
    "keyhole": contraband.keyhole,
    "bra": contraband.bra,
    "cannabis": contraband.cannabis,
    "powder": contraband.powder,
    "handcuffs": contraband.handcuffs,
    "crowbar": contraband.crowbar,
    "thief mask": contraband.thief_mask,
    "graffiti": contraband.graffiti,
    "moonshine": contraband.moonshine,
    "tusk": contraband.tusk,
    "torch": weapons.torch,
    "ransom note": contraband.ransom_note,
    "whip": weapons.whip,
    "spray can": contraband.spray_can,
    "matches": contraband.matches,
    "gas can": contraband.gas_can,
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
