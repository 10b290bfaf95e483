"""The retrieval service: searches the gallery, and adds the towers' counts, the map and unknown words."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from safeclip.errors import QueryError, SafeClipError
from safeclip.hashing import content_id
from safeclip.retrieval.compare import EmbeddedQuery, Question
from safeclip.retrieval.towers import TOWERS, Towers
from safeclip.runtime.batching import Batching
from safeclip.runtime.checkpoint_names import locate

from ..common.blur_policy import thumbnail_uri
from ..common.service import TaskService, TaskState
from .request import RetrievalRequest

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Item
    from safeclip.retrieval.results import Comparison, SeatHits

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
    unsafe_by_towers: dict[str, dict[str, int | None]] = field(default_factory=dict)
    tower_faults: dict[str, str] = field(default_factory=dict)
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)
    unknown_words: dict[str, list[str]] = field(default_factory=dict)


# Bytes of weights below which an encoder answers in milliseconds; larger ones are shown to be at work.
LARGE = 100 * 10**6


class RetrievalService(TaskService[RetrievalRequest, RetrievalState]):
    """Searches the lab's gallery; queries that wait at the same time are embedded and searched for together."""

    name = "retrieval"
    request_type = RetrievalRequest
    state_type = RetrievalState
    batch_size = 64

    def __init__(self, context: "PageContext") -> None:
        super().__init__(context)
        self.stepwise = not all(_is_small(seat.checkpoint) for seat in self.lab.profile.seats)
        self._making = context.making
        self._search = Batching(self._search_all, limit=self.batch_size)

    @property
    def searches_waiting(self) -> int:
        """Number of queries that wait to be searched for together."""
        return self._search.waiting

    @property
    def can_search(self) -> bool:
        """Whether there is an index, or a part of it, or none that the page makes."""
        return self._making is None or not self._making.obstacle

    def warm_up(self) -> None:
        """Loads all that an answer needs, so that the time shown for the first query is that of a query."""
        if not self.can_search:
            return
        with contextlib.suppress(SafeClipError):  # a query will say so
            list(self.compute(self.waiting(replace(self.default, text="a picture")), None, threading.Event()))

    def begin(self, request: RetrievalRequest, upload: Image.Image | None) -> tuple[RetrievalState, Image.Image | None]:
        if self._making is not None and self._making.obstacle:
            raise QueryError(self._making.obstacle)
        item, image = self.requested_image(request, upload)
        gallery = self.lab.gallery
        if image is None and content_id(request.text) in gallery:
            item = gallery.item(content_id(request.text))
        thumbnail = thumbnail_uri(image) if image is not None and item is None else ""
        return RetrievalState(request, item=item, thumbnail=thumbnail), image

    def compute(
        self, state: RetrievalState, image: Image.Image | None, stop: threading.Event
    ) -> Iterator[RetrievalState]:
        started = time.perf_counter()
        request = state.request
        query = request.text if image is None else image
        if self.stepwise:
            self.lab.retrieval.check(query)  # an error stands beside the answer before it, which a search replaces
            yield state
        found = self._search((request, query))
        yield replace(
            state,
            comparison=found.comparison,
            unsafe_by_towers=_counts(found.comparison, found.mixed),
            tower_faults=_faults(found.comparison, found.mixed),
            positions=found.positions,
            unknown_words=self.lab.unknown_words(request.text),
            seconds=time.perf_counter() - started,
        )

    def _search_all(self, asked: Sequence[tuple[RetrievalRequest, str | Image.Image]]) -> "list[_Found]":
        """Answers n requests at once. Raises what the library raises for any of them."""
        retrieval = self.lab.retrieval
        seats = [(retrieval.encoders.reference, *request.seats) for request, _ in asked]
        wanted = dict.fromkeys(seat for each in seats for seat in each)
        queries = retrieval.embed([query for _, query in asked], list(wanted))
        towers = [_towers(request) for request, _ in asked]
        questions = [
            Question(query, request.k, request.search, shown, each)
            for (request, _), query, shown, several in zip(asked, queries, seats, towers, strict=True)
            for each in several
        ]
        comparisons = iter(retrieval.compare_all(questions))
        found = []
        for (request, _), query, several in zip(asked, queries, towers, strict=True):
            mixed: dict[str, Comparison] = {each: next(comparisons) for each in several}
            comparison = mixed[request.towers]
            found.append(_Found(comparison, mixed if request.seats else {}, self._positions(query)))
        return found

    def _positions(self, query: EmbeddedQuery) -> dict[str, tuple[float, float]]:
        """The query's positions on the map, or none without a map that fits."""
        try:
            return self.lab.retrieval.position(query)
        except SafeClipError as error:
            log.warning("no map: %s", error)
            return {}


@dataclass(frozen=True)
class _Found:
    """The comparison that a request asks for, that for each choice of towers, and the query's positions on the map."""

    comparison: "Comparison"
    mixed: "Mapping[str, Comparison]"
    positions: dict[str, tuple[float, float]]


def _towers(request: RetrievalRequest) -> tuple[Towers, ...]:
    """The choices of towers that an answer needs: all of them where there is another seat than the reference."""
    return TOWERS if request.seats else (request.towers,)


def _counts(comparison: "Comparison", mixed: Mapping[str, "Comparison"]) -> dict[str, dict[str, int | None]]:
    """Seat → choice of towers → how many unsafe ones it finds; None where it finds none but not all were judged."""
    return {
        seat: {name: _count(other[seat]) for name, other in mixed.items() if other[seat].error is None}
        for seat in (comparison if mixed else ())
    }


def _count(found: "SeatHits") -> int | None:
    return None if found.tally.unjudged and not found.unsafe_count else found.unsafe_count


def _faults(comparison: "Comparison", mixed: Mapping[str, "Comparison"]) -> dict[str, str]:
    """Seat → why it has no answer with one of the reference's towers, where it has one with its own."""
    found = {}
    for seat in comparison:
        errors = [mixed[name][seat].error for name in ("text", "image") if name in mixed]
        if any(errors) and mixed["both"][seat].error is None:
            found[seat] = next(error for error in errors if error)
    return found


def _is_small(checkpoint: str) -> bool:
    """Whether a checkpoint is a file or folder of few bytes on this machine."""
    place = locate(checkpoint)
    if not isinstance(place, Path):
        return False
    return sum(file.stat().st_size for file in (place, *place.rglob("*")) if file.is_file()) < LARGE
