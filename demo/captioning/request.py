"""Questions about a picture and what becomes of them: one record for what is asked, one for what is told so far."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from safeclip.errors import QueryError, SafeClipError

from ..common.blur_policy import thumbnail
from ..common.zero_gpu import borrows, lend, token_seconds
from ..retrieval.service import plain

if TYPE_CHECKING:
    from PIL import Image

    from safeclip import Lab
    from safeclip.captioning.results import CaptionComparison
    from safeclip.retrieval.gallery import Item

    from .precomputed import PrecomputedCaptions

log = logging.getLogger(__name__)

_UPLOAD_SIZE = 480  # pixels of the copy of an upload that the page shows


@dataclass(frozen=True)
class CaptioningRequest:
    """A question about exactly one of `item` (a gallery id) and `upload` (a content id), and how to answer it.

    `seats` are the keys of the columns to the right of the reference. `temperature` 0 is greedy, and `seed` and
    `top_p` then mean nothing.
    """

    item: str = ""
    upload: str = ""
    question: str = ""
    seats: tuple[str, ...] = ()
    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is no picture yet."""
        return not (self.item or self.upload)


@dataclass(frozen=True)
class CaptioningState:
    """All that the page shows of one question at one moment. `error` alone is set when nobody could answer.

    `comparison` is None while the language model is loaded. `shipped` answers were given before, by the same models.
    """

    ask: CaptioningRequest
    comparison: "CaptionComparison | None" = None
    item: "Item | None" = None
    thumbnail: str = ""  # of an uploaded picture
    shipped: bool = False
    stopped: bool = False
    seconds: float = 0.0
    error: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return bool(self.error) or (self.comparison is not None and self.comparison.done)


class CaptioningService:
    """Asks the lab about pictures. Safe to call from several threads."""

    def __init__(self, lab: "Lab", shipped: "PrecomputedCaptions") -> None:
        self.lab = lab
        self.shipped = shipped
        self._lent = lend(token_seconds)(self._compare)

    def tell(
        self, ask: CaptioningRequest, picture: "Image.Image | None" = None, stop: threading.Event | None = None
    ) -> Iterator[CaptioningState]:
        """The answer as it is written; `picture` is the upload that `ask.upload` names. Never raises.

        Setting `stop` ends it at the next token; on a borrowed GPU it comes as a whole.
        """
        try:
            yield from self.tell_or_raise(ask, picture, stop)
        except SafeClipError as error:
            yield CaptioningState(ask, error=plain(str(error)))
        except Exception:
            log.exception("a question failed: %s", ask)
            yield CaptioningState(
                ask, error="Something went wrong on the server, and its log says what. Ask something else."
            )

    def tell_or_raise(
        self, ask: CaptioningRequest, picture: "Image.Image | None" = None, stop: threading.Event | None = None
    ) -> Iterator[CaptioningState]:
        """As `tell`, but raises SafeClipError."""
        stop = stop or threading.Event()
        captioning = self.lab.captioning
        item, image = self._picture(ask, picture)
        told = CaptioningState(
            replace(ask, question=" ".join(ask.question.split()) or captioning.questions[0]),
            item=item,
            thumbnail=thumbnail(image, _UPLOAD_SIZE) if ask.upload else "",
        )
        if (found := self.shipped.find(told.ask)) is not None:
            yield replace(told, comparison=found, shipped=True)
            return
        started = time.perf_counter()
        asked = {
            "image": image,
            "question": told.ask.question,
            "seats": [key for i, key in enumerate(captioning.seats) if not i or key in ask.seats],
            "max_new_tokens": ask.max_new_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "seed": ask.seed,
        }
        lent = borrows(captioning.spec)
        if lent or not captioning.loaded:
            yield told
        states = captioning.stream(**asked, stop=stop)
        for comparison in self._borrowed(asked) if lent else states:
            seconds = time.perf_counter() - started
            yield replace(told, comparison=comparison, seconds=seconds, stopped=stop.is_set())

    def _borrowed(self, asked: dict[str, Any]) -> "Iterator[CaptionComparison]":
        """The finished answer alone."""
        self.lab.captioning.load(asked["seats"])
        yield self._lent(**asked)

    def _compare(self, **asked: Any) -> "CaptionComparison":
        return self.lab.captioning.compare(**asked)

    def _picture(self, ask: CaptioningRequest, picture: "Image.Image | None") -> "tuple[Item | None, Image.Image]":
        """The gallery's item, if it is one, and the picture that is asked about."""
        gallery = self.lab.gallery
        if unknown := [key for key in ask.seats if key not in self.lab.captioning.seats]:
            known = ", ".join(self.lab.captioning.seats)
            raise QueryError(f"There is no seat “{unknown[0]}” in this profile. Its seats are {known}.")
        if ask.item and ask.upload:
            raise QueryError("Ask about one picture at a time: one of yours, or one of the gallery.")
        if ask.upload:
            if picture is None:
                raise QueryError("The uploaded picture did not arrive. Upload it again.")
            return None, picture
        if not ask.item:
            raise QueryError("There is no picture yet. Pick one from the gallery, or add one of yours.")
        if ask.item not in gallery:
            raise QueryError(
                f"The gallery has no picture “{ask.item}”: the link may come from another gallery. "
                "Pick a picture from this one."
            )
        return gallery.item(ask.item), gallery.image(ask.item)
