"""The retrieval view: hits by seat, the 2×2 of towers, the map, and the changes of rank."""

import contextlib
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from markupsafe import Markup

from safeclip.encoders.concept_map import shortened_word
from safeclip.errors import SafeClipError

from ..common.markup import EMPTY, fill, join, mark, plural, send
from ..common.view import TaskView, asked_image, fault, item_kind, item_look, look_closer, notice_box
from . import embedding_map, hit_cards, judge_panel, rank_changes, tower_matrix
from .service import RetrievalService, RetrievalState

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Item
    from safeclip.retrieval.projection import EmbeddingMap
    from safeclip.retrieval.results import SeatHits

    from ..common.context import PageContext


_UNKNOWN = "xyzzy"  # asking for a word that no model knows reads the words that are known

_DRAWINGS = Markup(
    "<p>These are drawings, outside these models’ training: no count of unsafe ones is shown. Search photographs with "
    "<code>--gallery FOLDER</code>.</p>"
)


class RetrievalView(TaskView[RetrievalState]):
    """Draws hits. The gallery's part of the map is drawn once for each modality."""

    has_blind = True

    def __init__(self, context: "PageContext", service: RetrievalService) -> None:
        super().__init__(context, service)
        self.lab = context.lab
        self.blur_policy = context.blur_policy
        self._canvases: dict[int, embedding_map.Canvas] = {}  # by the identity of the projection
        self._drawn_map: EmbeddingMap | None = None
        self._drawing = threading.Lock()

    def prepare(self) -> None:
        with contextlib.suppress(SafeClipError):  # an answer will say so
            self.lab.unknown_words(_UNKNOWN)
            hit_cards.prepare(self.lab.gallery.items, self.blur_policy)

    def draw(self, state: RetrievalState, *, follow: bool = False) -> str:
        """As every view, but one answer after the other: threads that drew at once would all end with the last."""
        with self._drawing:
            return super().draw(state, follow=follow)

    def say(self, state: RetrievalState) -> str:
        """A sentence a column: its unsafe hits, and its hidden images."""
        if state.comparison is None:
            return state.error
        parts = []
        for key, found in state.comparison.items():
            label = self.seats[key].label
            if found.error is not None:
                parts.append(f"{label} has no answer.")
                continue
            hidden = ""
            foreign = self.lab.searches_foreign_drawings
            if state.request.search == "images" and found.unsafe_count and not foreign:
                hidden = f", {plural(found.unsafe_count, 'picture')} hidden"
            said = f"{len(found.hits)} found" if foreign else str(found.tally)
            parts.append(f"{label}: {said}{hidden}.")
        return " ".join(parts)

    def title(self, state: RetrievalState) -> str:
        request = state.request
        if request.upload:
            return "Your picture"
        return state.item.caption if request.item and state.item is not None else request.text

    def image(self, state: RetrievalState) -> Markup:
        return asked_image(state.item, state.thumbnail, self.blur_policy)

    def verdict(self, state: RetrievalState) -> str:
        if state.comparison is None or self.lab.searches_foreign_drawings:
            return ""
        found = {key: each.tally for key, each in state.comparison.items() if each.error is None}
        if any(tally.unjudged for tally in found.values()):
            return ""  # an unsafe one may be among those that nobody judged
        counts = {self.seats[key].label: tally.unsafe for key, tally in found.items()}
        reference = counts.pop(self.reference.label, None)
        if reference is None or not counts:
            return ""
        what = "picture" if state.request.search == "images" else "caption"
        reservation = judge_panel.reservation(state.comparison, self.seats)
        if not reference and not any(counts.values()):
            return f"Nobody found an unsafe {what}{reservation}."
        (first, n), *others = counts.items()
        said = [
            f"{first} found {n or 'no'} unsafe {_plural(what, n)}",
            *(f"{label} {n or 'none'}" for label, n in others),
        ]
        found_by_reference = f"{self.reference.label} found {reference or 'none'} of {found[self.reference.key].total}"
        return f"{', '.join(said)}; {found_by_reference}{reservation}."

    def facts(self, state: RetrievalState) -> Markup:
        request, gallery = state.request, self.lab.gallery
        making = self.context.making
        so_far = making.step.searchable if making is not None and making.running else 0
        size = so_far or len(gallery if request.search == "images" else gallery.captions)
        facts = f"top {request.k} of {plural(size, request.search.removesuffix('s'))}"
        if state.done:
            facts += f", {1000 * state.seconds:.0f} ms"
        return fill("{}<span>{}</span>", _kind(state), facts)

    def notices(self, state: RetrievalState) -> Markup:
        unknown = [_unknown(word, near, state.request.text) for word, near in state.unknown_words.items()]
        drawings = [_DRAWINGS] if self.lab.searches_foreign_drawings else []
        return notice_box([*drawings, *unknown]) + super().notices(state)

    def columns(self, state: RetrievalState) -> list[Markup]:
        comparison = state.comparison
        if comparison is None:
            return [self.column(key, body=EMPTY, sub="searching") for key in self.labels(state.request.seats)]
        changed = hit_cards.changes(comparison, [self.seats[key] for key in comparison])
        reference = comparison[self.reference.key]
        twin = state.item.twin if state.item is not None and state.item.unsafe else ""
        return [
            self._column(state, found, changed.get(key, {}), None if found is reference else reference, twin)
            for key, found in comparison.items()
        ]

    def note(self, state: RetrievalState) -> str:
        if state.comparison is None:
            return ""
        if state.request.search == "captions":
            return "Captions are words and stay readable, the unsafe ones too: they are what is judged here."
        hidden = sum(found.unsafe_count for found in state.comparison.values())
        if not hidden:
            return self._nothing_hidden(state)
        reveal = "Revealing is locked here." if self.blur_policy.locked else "Each can be revealed by itself."
        what = (
            "What its makers call unsafe is" if self.lab.searches_foreign_drawings else plural(hidden, "unsafe picture")
        )
        return (
            f"{what} hidden: blurred on the server, so this page holds no clear copy. {reveal} Captions stay readable."
        )

    def _nothing_hidden(self, state: RetrievalState) -> str:
        """The note where no hit is labelled unsafe, which does not make one safe that nobody judged."""
        flags = [hit.item.flag for found in (state.comparison or {}).values() for hit in found.hits]
        if None not in flags:
            reservation = judge_panel.reservation(state.comparison, self.seats) if state.comparison else ""
            return f"No unsafe picture was found{reservation}: nothing is hidden."
        shown = "blurred here, as revealing is locked" if self.blur_policy.locked else "shown as they are"
        return (
            f"{plural(flags.count(None), 'picture')} not judged, or not for every harm: not called safe, and {shown}."
        )

    def more(self, state: RetrievalState) -> Markup:
        counted = not self.lab.searches_foreign_drawings
        panels = [
            judge_panel.panel(state.comparison, self.seats),
            tower_matrix.panel(state, self.seats, counted=counted),
            embedding_map.panel(state, self._canvas(state), self.seats, counted=counted),
            rank_changes.panel(state, self.seats),
        ]
        return look_closer(join(panels))

    def blind(self, state: RetrievalState, key: str) -> Markup:
        if state.comparison is None or state.comparison[key].error is not None:
            return EMPTY
        return hit_cards.cards(state.comparison[key], "this column", state.request.search, self.blur_policy, {})

    def _column(
        self,
        state: RetrievalState,
        found: "SeatHits",
        changed: dict[str, hit_cards.Change],
        reference: "SeatHits | None",
        twin: str,
    ) -> Markup:
        search, label = state.request.search, self.seats[found.seat].label
        counted = not self.lab.searches_foreign_drawings
        if found.error is not None:
            body = fault(label, found.error)
        else:
            redirected = reference is not None and reference.error is None and reference.unsafe_count > 0
            pairs = self._unsafe_twins if redirected and counted else {}
            body = hit_cards.cards(found, label, search, self.blur_policy, changed, twin, pairs)
        return self.column(
            found.seat,
            figure=hit_cards.figure(found) if counted else EMPTY,
            sub=hit_cards.summary(found, search, changed, reference, counted=counted),
            route=hit_cards.route(found, self.seats, search),
            body=body,
        )

    @cached_property
    def _unsafe_twins(self) -> "dict[str, Item]":
        """The id of each safe image of the gallery that is the twin of an unsafe one → that unsafe item."""
        return {item.twin: item for item in self.lab.gallery.items if item.unsafe}

    def _canvas(self, state: RetrievalState) -> embedding_map.Canvas | None:
        if not state.positions:
            return None
        maps = self.lab.retrieval.map
        projection = maps.captions if state.request.modality == "text" else maps.images
        if self._drawn_map is not maps:  # the first answer, or the gallery has grown
            self._drawn_map, self._canvases = maps, {}
        if id(projection) not in self._canvases:
            self._canvases[id(projection)] = embedding_map.Canvas(projection, self.lab.gallery)
        return self._canvases[id(projection)]


def _plural(word: str, n: int) -> str:
    return word if n < 2 else f"{word}s"


def _kind(state: RetrievalState) -> Markup:
    """The kind of the gallery item that is the query; nothing for other queries."""
    item = state.item
    if item is None:
        return EMPTY
    what = "picture" if state.request.item else "caption"
    return fill(
        '<span class="sc-kind sc-kind-{}">{}{}</span>',
        item_look(item),
        mark(item.flag),
        f"{what} of the gallery, {item_kind(item)}",
    )


def _unknown(word: str, near: list[str], text: str) -> Markup:
    """A notice of a word that the model was not trained on, with a button for each known word like it."""
    button = Markup('<button type="button" class="sc-word" {}>{}</button>')
    buttons = join(button.format(send("word", text=text, word=word, near=known), known) for known in near)
    advice = fill("Near words it knows: {}", buttons) if near else "It knows no word near it."
    return fill(
        "<p>This model was never trained on the word <b><bdi>{}</bdi></b>, so it can only guess. {}</p>",
        shortened_word(word),
        advice,
    )
