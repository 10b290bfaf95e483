"""The request of the retrieval task: a query to the gallery, and how to answer it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from safeclip.retrieval.towers import SEARCHES, TOWERS, Search, Towers

from ..common.request_codec import Choice, GalleryId, Request, Text, Upload, Whole, declare, declare_seats

MAX_K = 48
MAX_CHARACTERS = 1000

# The API's documentation of the fields.
_TEXT = "the text to search with."
_IMAGE = 'a picture to search with: gradio_client.handle_file("path or address").'
_ITEM = "the id of a gallery item whose picture to search with, as hits give it."
_SEARCH = 'what to search, the gallery\'s "images" or its "captions".'
_K = f"how many hits each seat returns, from 1 to {MAX_K}."
_TOWERS = "which towers of the seats are their own; the other tower is the reference's."


@dataclass(frozen=True)
class RetrievalRequest(Request):
    """A query — exactly one of `text`, `upload` and `item` — and how to answer it.

    `upload` is the content id of an image that travels beside the request. `seats` are the columns to the right of the
    reference, in the profile's order.
    """

    nothing_given: ClassVar[str] = (
        "Nothing is asked yet. Type a few words, add a picture, or pick one from the gallery."
    )
    several_given: ClassVar[str] = "Ask with one thing at a time: a text, a picture, or an item of the gallery."

    text: str = declare(
        Text("text", _TEXT, link="q", api="query", subject=True, unless="item", longest=MAX_CHARACTERS), ""
    )
    upload: str = declare(Upload("image", _IMAGE, api="image", subject=True), "")
    item: str = declare(GalleryId("gallery item", _ITEM, link="item", api="gallery_item", subject=True), "")
    search: Search = declare(Choice("search", _SEARCH, link="search", choices=SEARCHES), "images")
    k: int = declare(Whole("number of results", _K, link="k", low=1, high=MAX_K), 8)
    towers: Towers = declare(Choice("choice of towers", _TOWERS, link="towers", choices=TOWERS), "both")
    seats: tuple[str, ...] = declare_seats()

    @property
    def modality(self) -> Literal["text", "image"]:
        """The tower that embeds the query."""
        return "image" if self.item or self.upload else "text"
