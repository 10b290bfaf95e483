"""Every place of the open world with its drawing and its light: twelve of the old world, thirty-four new ones."""

import random
from collections.abc import Callable

from ...emoji.rendering import backdrops as old
from ...emoji.rendering.backdrops import Light
from ...emoji.rendering.vector import CANVAS
from . import halls, indoors, outdoors

_INDOOR = Light((1.0, 0.99, 0.97), 0.30, 0.08)
_OUTDOOR = Light((1.0, 1.0, 0.98), 0.36, 0.22)
_DIM = Light((0.94, 0.92, 0.94), 0.42, 0.10)
_NIGHT = Light((0.86, 0.87, 0.97), 0.50, 0.14)

_NEW: dict[str, tuple[Callable[[random.Random], str], Light]] = {
    "hospital": (halls.hospital, _INDOOR),
    "playground": (outdoors.playground, _OUTDOOR),
    "living room": (indoors.living_room, _INDOOR),
    "bathroom": (indoors.bathroom, _INDOOR),
    "nursery": (indoors.nursery, _INDOOR),
    "workshop": (indoors.workshop, _INDOOR),
    "campsite": (outdoors.campsite, _OUTDOOR),
    "laboratory": (halls.laboratory, _INDOOR),
    "office": (halls.office, _INDOOR),
    "bar": (halls.bar, _DIM),
    "restaurant": (halls.restaurant, _INDOOR),
    "church nave": (halls.church, _INDOOR),
    "museum hall": (halls.museum, _INDOOR),
    "theatre stage": (halls.stage, _DIM),
    "park": (outdoors.park, _OUTDOOR),
    "road": (outdoors.road, _OUTDOOR),
    "garage": (indoors.garage, _INDOOR),
    "gas station": (outdoors.gas_station, _OUTDOOR),
    "mountains": (outdoors.mountains, _OUTDOOR),
    "harbor": (outdoors.harbor, _OUTDOOR),
    "swimming pool": (halls.swimming_pool, _INDOOR),
    "bank": (halls.bank, _INDOOR),
    "gym": (halls.gym, _INDOOR),
    "zoo": (outdoors.zoo, _OUTDOOR),
    "alley": (indoors.alley, _NIGHT),
    "library": (halls.library, _INDOOR),
    "garden": (outdoors.garden, _OUTDOOR),
    "cave": (outdoors.cave, _DIM),
    "bridge": (outdoors.bridge, _OUTDOOR),
    "airport": (outdoors.airport, _OUTDOOR),
    "castle yard": (outdoors.castle_yard, _OUTDOOR),
    "market": (outdoors.market, _OUTDOOR),
    "jungle": (outdoors.jungle, _DIM),
    "station": (outdoors.station, _OUTDOOR),
}
_OLD = {name: name for name in old.DRAWINGS if name != "stadium"} | {"sports field": "stadium"}


def light_of(place: str) -> Light:
    """How a place lights what stands in it. Raises KeyError for a place that has no drawing."""
    return _NEW[place][1] if place in _NEW else old.LIGHTS[_OLD[place]]


def place_svg(place: str, variant: int) -> str:
    """The SVG document of a place. The same name and variant give the same document, whatever was drawn before."""
    if place in _OLD:
        return old.backdrop_svg(_OLD[place], variant)
    drawing = _NEW[place][0](random.Random(f"{place}/{variant}"))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}">{drawing}</svg>'
