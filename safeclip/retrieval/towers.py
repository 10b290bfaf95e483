"""Choices of what is searched and of which towers are a seat's own: the 2×2 of text and image tower.

The module imports nothing heavy, so that a page's forms and links can use it.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Search = Literal["images", "captions"]
Towers = Literal["both", "text", "image"]

SEARCHES: tuple[Search, ...] = get_args(Search)
TOWERS: tuple[Towers, ...] = get_args(Towers)

# Tower that embeds what is searched.
TOWER_OF: dict[Search, Literal["text", "image"]] = {"images": "image", "captions": "text"}


@dataclass(frozen=True)
class Route:
    """Seats whose towers answer one query: `query_seat` embeds the query, `index_seat` embedded the gallery."""

    query_seat: str
    index_seat: str


def route(seat: str, reference: str, towers: Towers, query_tower: Literal["text", "image"], search: Search) -> Route:
    """Routes a query through the towers of `seat` that `towers` names, and through `reference` for the others.

    With "text" a text query is embedded by `seat` and searches the images that `reference` embedded: an existing index
    is kept, and only the text encoder is exchanged.
    """

    def owner(tower: str) -> str:
        return seat if towers in ("both", tower) else reference

    return Route(owner(query_tower), owner(TOWER_OF[search]))
