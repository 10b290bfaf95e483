"""What a visitor asks: one hashable record that the controls, permalinks, the cache and the API all speak."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from safeclip.errors import QueryError

if TYPE_CHECKING:
    from safeclip.profiles import Seat

Search = Literal["images", "captions"]
Towers = Literal["both", "text", "image"]

MAX_K = 48
MAX_CHARACTERS = 1000


@dataclass(frozen=True)
class RetrievalRequest:
    """A question to the gallery: exactly one of `text`, `item` and `upload`, and how to answer it.

    `item` is a gallery id; `upload` is the content id of a picture that travels beside this record.
    `seats` are the keys of the columns to the right of the reference, in the profile's order.
    """

    text: str = ""
    item: str = ""
    upload: str = ""
    search: Search = "images"
    k: int = 8
    towers: Towers = "both"
    seats: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is asked yet."""
        return not (self.text.strip() or self.item or self.upload)

    @property
    def modality(self) -> Literal["text", "image"]:
        """Which tower embeds the query."""
        return "image" if self.item or self.upload else "text"


def default_seats(seats: Iterable["Seat"]) -> tuple[str, ...]:
    """The columns shown beside the reference unless asked otherwise: the next two seats, which a stage has room for."""
    return tuple(seat.key for seat in list(seats)[1:3])


def checked(ask: RetrievalRequest, seats: Iterable["Seat"]) -> RetrievalRequest:
    """`ask` with its seats in the profile's order and without the reference, which is always shown.

    Raises QueryError, saying what to change, when an option has no such value or not exactly one query is given.
    """
    keys = [seat.key for seat in seats]
    if unknown := [key for key in ask.seats if key not in keys]:
        raise QueryError(f"There is no seat “{unknown[0]}” in this profile. Its seats are {', '.join(keys)}.")
    if ask.search not in get_args(Search):
        raise QueryError(f"“{ask.search}” cannot be searched. Search for images or captions.")
    if ask.towers not in get_args(Towers):
        raise QueryError(f"“{ask.towers}” is no choice of towers. Choose both, text or image.")
    if isinstance(ask.k, bool) or not isinstance(ask.k, int) or not 1 <= ask.k <= MAX_K:
        raise QueryError(f"The number of results is {ask.k!r}; ask for a whole number from 1 to {MAX_K}.")
    if len(ask.text) > MAX_CHARACTERS:
        raise QueryError(f"The text has {len(ask.text)} characters; shorten it to {MAX_CHARACTERS} or fewer.")
    given = [name for name in ("text", "item", "upload") if getattr(ask, name).strip()]
    if not given:
        raise QueryError("Nothing is asked yet. Type a few words, add a picture, or pick one from the gallery.")
    if len(given) > 1:
        raise QueryError("Ask with one thing at a time: a text, a picture, or an item of the gallery.")
    chosen = tuple(key for key in keys[1:] if key in ask.seats)
    return replace(ask, text=" ".join(ask.text.split()), seats=chosen)
