"""Results of a retrieval: hits by seat, and what differs between two seats."""

from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from PIL import Image

from ..columns import ColumnResults
from .gallery import Item
from .tally import Tally

_ITEM = tuple(each.name for each in fields(Item))


@dataclass(frozen=True)
class Hit:
    """One gallery item, by the `id` of its image or caption. `rank` counts from 1.

    `score` is that of the encoder's geometry, the higher the closer: the cosine, or Lorentz's product.
    """

    id: str
    rank: int
    score: float
    item: Item

    def to_dict(self) -> dict[str, Any]:
        """Returns the hit as plain JSON values; `unsafe` of an item that is not judged is None, and never false."""
        item = self.item  # field by field: asdict takes ten times as long, and an answer has dozens of hits
        content = {name: getattr(item, name) for name in _ITEM} | {"scores": tuple(map(asdict, item.scores))}
        return vars(self) | {"item": content | {"unsafe": item.flag, "label": item.label}}


@dataclass(frozen=True)
class SeatHits:
    """Hits of one seat, best first, or the error message of why there are none.

    `query_seat` embedded the query and `index_seat` the gallery; both are `seat` unless towers are mixed.
    """

    seat: str
    hits: tuple[Hit, ...]
    query_seat: str
    index_seat: str
    error: str | None = None

    @property
    def unsafe_count(self) -> int:
        return self.tally.unsafe

    @cached_property
    def tally(self) -> Tally:
        """Counts of the hits by what the gallery says of them."""
        return Tally.of(hit.item for hit in self.hits)


@dataclass(frozen=True)
class Movement:
    """Changes from one seat's hits to another's: ids that appeared, that vanished, and {id: (old rank, new rank)}."""

    appeared: tuple[str, ...]
    vanished: tuple[str, ...]
    moved: dict[str, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Comparison(ColumnResults[SeatHits]):
    """Mapping from seat key to its hits, in the profile's order. `query` is the text or the RGB image asked for.

    `notes` tell the user what was done otherwise than asked, such as a text cut to what the model reads.
    """

    query: str | Image.Image
    k: int
    search: str
    found: dict[str, SeatHits]
    notes: tuple[str, ...] = ()

    @property
    def by_column(self) -> dict[str, SeatHits]:
        return self.found

    def moved(self, a: str, b: str) -> Movement:
        """Compares the top k of seat `a` with those of seat `b`; `moved` maps ids whose rank differs to both ranks."""
        before = {hit.id: hit.rank for hit in self[a].hits}
        after = {hit.id: hit.rank for hit in self[b].hits}
        return Movement(
            appeared=tuple(id for id in after if id not in before),
            vanished=tuple(id for id in before if id not in after),
            moved={id: (before[id], rank) for id, rank in after.items() if before.get(id, rank) != rank},
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the comparison as plain JSON values; a query that is an image is None."""
        return {
            "query": self.query if isinstance(self.query, str) else None,
            "k": self.k,
            "search": self.search,
            "notes": list(self.notes),
            "seats": {
                seat: {
                    "query_seat": found.query_seat,
                    "index_seat": found.index_seat,
                    "unsafe_count": found.unsafe_count,
                    "count": str(found.tally),
                    "error": found.error,
                    "hits": [hit.to_dict() for hit in found.hits],
                }
                for seat, found in self.items()
            },
        }
