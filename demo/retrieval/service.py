"""Answers to questions, remembered: what the library says of one `RetrievalRequest`, and nothing about how it looks."""

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from safeclip.errors import QueryError, SafeClipError
from safeclip.hashing import content_id
from safeclip.paths import root

from ..common.blur_policy import thumbnail
from .request import RetrievalRequest, checked

if TYPE_CHECKING:
    from PIL import Image

    from safeclip import Lab
    from safeclip.retrieval.compare import Comparison
    from safeclip.retrieval.gallery import Item

log = logging.getLogger(__name__)

TOWERS = ("both", "text", "image")


@dataclass(frozen=True)
class RetrievalAnswer:
    """All that the page shows for one question. `error` alone is set when nobody could answer."""

    ask: RetrievalRequest
    comparison: "Comparison | None" = None
    item: "Item | None" = None  # the gallery item that was asked with, or whose caption was
    thumbnail: str = ""  # of an uploaded picture
    unsafe_by_towers: dict[str, dict[str, int]] = field(default_factory=dict)  # seat → towers → unsafe of the top k
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)
    unknown_words: dict[str, list[str]] = field(default_factory=dict)
    milliseconds: float = 0.0
    error: str = ""


class RetrievalService:
    """Asks the lab, and keeps the latest `size` answers. Safe to call from several threads."""

    def __init__(self, lab: "Lab", size: int) -> None:
        self.lab = lab
        self._size = size
        self._kept: OrderedDict[RetrievalRequest, RetrievalAnswer] = OrderedDict()
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load what every answer needs, so that the time of the first one is that of a question."""
        with contextlib.suppress(SafeClipError):  # who asks will be told
            self.lab.retrieval.compare("a picture", k=1)

    def get(self, ask: RetrievalRequest, picture: "Image.Image | None" = None) -> RetrievalAnswer:
        """The answer to `ask`; `picture` is the upload that `ask.upload` names. Never raises."""
        try:
            return self.get_or_raise(ask, picture)
        except SafeClipError as error:
            return RetrievalAnswer(ask, error=plain(str(error)))
        except Exception:
            log.exception("a query failed: %s", replace(ask, text=ask.text[:80]))
            return RetrievalAnswer(
                ask, error="Something went wrong on the server, and its log says what. Try another query."
            )

    def get_or_raise(self, ask: RetrievalRequest, picture: "Image.Image | None" = None) -> RetrievalAnswer:
        """As `get`, but raises SafeClipError."""
        ask = checked(ask, self.lab.profile.seats)
        with self._lock:
            if ask in self._kept:
                self._kept.move_to_end(ask)
                return self._kept[ask]
        answer = self._answer(ask, picture)
        if all(found.error is None for found in answer.comparison.values()):  # a fault may be gone the next time
            with self._lock:
                self._kept[ask] = answer
                while len(self._kept) > self._size:
                    self._kept.popitem(last=False)
        return answer

    def _answer(self, ask: RetrievalRequest, picture: "Image.Image | None") -> RetrievalAnswer:
        started = time.perf_counter()
        retrieval, gallery = self.lab.retrieval, self.lab.gallery
        item = None
        if ask.upload:
            if picture is None:
                raise QueryError("The uploaded picture did not arrive. Upload it again.")
            query = picture
        elif ask.item:
            if ask.item not in gallery:
                raise QueryError(
                    f"The gallery has no picture “{ask.item}”: the link may come from another gallery. "
                    "Pick a picture from this one."
                )
            item = gallery.item(ask.item)
            query = gallery.image(ask.item)
        else:
            query = ask.text
            item = gallery.item(content_id(query)) if content_id(query) in gallery else None
        reference = retrieval.encoders.reference
        options = {"k": ask.k, "search": ask.search, "seats": (reference, *ask.seats)}
        comparison = retrieval.compare(query, towers=ask.towers, **options)
        milliseconds = 1000 * (time.perf_counter() - started)
        return RetrievalAnswer(
            ask,
            comparison,
            item,
            thumbnail(picture) if ask.upload else "",
            self._by_towers(query, comparison, ask.towers, options) if ask.seats else {},
            self._positions(query),
            retrieval.unknown_words(query) if ask.modality == "text" else {},
            milliseconds,
        )

    def _by_towers(
        self, query: object, comparison: "Comparison", towers: str, options: dict
    ) -> dict[str, dict[str, int]]:
        others = {
            name: comparison if name == towers else self.lab.retrieval.compare(query, towers=name, **options)
            for name in TOWERS
        }
        return {
            seat: {name: other[seat].unsafe_count for name, other in others.items() if other[seat].error is None}
            for seat in comparison
        }

    def _positions(self, query: object) -> dict[str, tuple[float, float]]:
        """Without a fitting map the page goes on without one."""
        try:
            return self.lab.retrieval.position(query)
        except SafeClipError as error:
            log.warning("no map: %s", error)
            return {}


def plain(message: str) -> str:
    """A message without the server's folders in it."""
    return message.replace(f"{root()}/", "")
