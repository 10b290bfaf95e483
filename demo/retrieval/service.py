"""The retrieval service: searches the gallery, and adds the towers' counts, the map and unknown words."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.errors import QueryError, SafeClipError
from safeclip.hashing import content_id
from safeclip.retrieval.towers import TOWERS

from ..common.blur_policy import thumbnail_uri
from ..common.service import TaskService, TaskState
from .request import RetrievalRequest

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Item
    from safeclip.retrieval.results import Comparison

    from ..common.context import PageContext

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetrievalState(TaskState[RetrievalRequest]):
    """State of one query.

    `item` is the gallery item whose image or caption is the query, `thumbnail` the `data:` URI of an uploaded one.
    `unsafe_by_towers` has for each seat and choice of towers how many of the top k are unsafe, and `tower_faults` why a
    seat's towers cannot be mixed with the reference's. `positions` are those of the query on the map, by seat, and
    `unknown_words` those of its words that the reference was not trained on.
    """

    comparison: "Comparison | None" = None
    item: "Item | None" = None
    thumbnail: str = ""
    unsafe_by_towers: dict[str, dict[str, int]] = field(default_factory=dict)
    tower_faults: dict[str, str] = field(default_factory=dict)
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)
    unknown_words: dict[str, list[str]] = field(default_factory=dict)


class RetrievalService(TaskService[RetrievalRequest, RetrievalState]):
    """Searches the lab's gallery."""

    name = "retrieval"
    request_type = RetrievalRequest
    state_type = RetrievalState

    def __init__(self, context: "PageContext") -> None:
        super().__init__(context)
        self._making = context.making

    def warm_up(self) -> None:
        """Loads the models and the index, so that the time shown for the first query is that of a query."""
        if self._making is not None and self._making.obstacle:
            return
        with contextlib.suppress(SafeClipError):  # a query will say so
            self.lab.retrieval.compare("a picture", k=1)

    def begin(self, request: RetrievalRequest, upload: Image.Image | None) -> tuple[RetrievalState, Image.Image | None]:
        if self._making is not None and self._making.obstacle:
            raise QueryError(self._making.obstacle)
        item, image = self.requested_image(request, upload)
        gallery = self.lab.gallery
        if image is None and content_id(request.text) in gallery:
            item = gallery.item(content_id(request.text))
        thumbnail = thumbnail_uri(image) if image is not None and item is None else ""
        return RetrievalState(request, item=item, thumbnail=thumbnail), image

    def described(self, request: RetrievalRequest) -> str:
        return request.text

    def compute(
        self, state: RetrievalState, image: Image.Image | None, stop: threading.Event
    ) -> Iterator[RetrievalState]:
        started = time.perf_counter()
        request, retrieval = state.request, self.lab.retrieval
        query = request.text if image is None else image
        options: dict[str, Any] = {
            "k": request.k,
            "search": request.search,
            "seats": (retrieval.encoders.reference, *request.seats),
        }
        comparison = retrieval.compare(query, towers=request.towers, **options)
        seconds = time.perf_counter() - started
        mixed = self._mixed(query, comparison, request.towers, options) if request.seats else {}
        yield replace(
            state,
            comparison=comparison,
            unsafe_by_towers=_counts(comparison, mixed),
            tower_faults=_faults(comparison, mixed),
            positions=self._positions(query),
            unknown_words=retrieval.unknown_words(request.text),
            seconds=seconds,
        )

    def _mixed(
        self, query: Any, comparison: "Comparison", towers: str, options: dict[str, Any]
    ) -> dict[str, "Comparison"]:
        """The comparison for each choice of towers."""
        return {
            name: comparison if name == towers else self.lab.retrieval.compare(query, towers=name, **options)
            for name in TOWERS
        }

    def _positions(self, query: Any) -> dict[str, tuple[float, float]]:
        """The query's positions on the map, or none without a map that fits."""
        try:
            return self.lab.retrieval.position(query)
        except SafeClipError as error:
            log.warning("no map: %s", error)
            return {}


def _counts(comparison: "Comparison", mixed: Mapping[str, "Comparison"]) -> dict[str, dict[str, int]]:
    return {
        seat: {name: other[seat].unsafe_count for name, other in mixed.items() if other[seat].error is None}
        for seat in (comparison if mixed else ())
    }


def _faults(comparison: "Comparison", mixed: Mapping[str, "Comparison"]) -> dict[str, str]:
    """Seat → why it has no answer with one of the reference's towers, where it has one with its own."""
    found = {}
    for seat in comparison:
        errors = [mixed[name][seat].error for name in ("text", "image") if name in mixed]
        if any(errors) and mixed["both"][seat].error is None:
            found[seat] = next(error for error in errors if error)
    return found
