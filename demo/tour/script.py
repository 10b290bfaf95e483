"""A tour as the browser knows it: the data that static/stage.js reads."""

import os
from typing import Any

from ..about import PAPER
from .stops import Tour

_SPACES = "https://huggingface.co/spaces/"


def tour_data(tour: Tour, address: str) -> dict[str, Any]:
    """The tour as plain JSON values, with the code of its last stop, an SVG of `address`, and what it is for."""
    stops = [
        {name: getattr(stop, name) for name in ("title", "link", "point", "notes", "seconds")} for stop in tour.stops
    ]
    scan = "Scan for the paper:" if address == PAPER else "Scan to ask:"
    code = code_of(address) if stops else ""
    return {"stops": stops, "seconds": tour.seconds, "address": address, "scan": scan, "code": code}


def address_to_scan(chosen: str) -> str:
    """Where the code leads: the address that was `chosen`, else this Space, else the paper."""
    space = os.environ.get("SPACE_ID", "")
    return chosen or (_SPACES + space if space else PAPER)


def code_of(address: str) -> str:
    """A QR code as inline SVG, black on white whatever the page's colours; a camera reads it from the last row."""
    import segno  # here: a page that is not presented needs no code

    return segno.make(address, error="m", micro=False).svg_inline(
        dark="#16181d", light="#ffffff", border=2, omitsize=True
    )
