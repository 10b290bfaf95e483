"""Outcomes of searches: a column embeds all questions in batches and searches the index that the page searches."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders.geometry import Modality
from ..errors import QueryError
from ..refusal import is_allowed
from ..retrieval.stores.faiss_store import FaissStore
from .columns import Column
from .kinds import BEYOND, RANKED, SHOWN, Outcome
from .questions import Question

if TYPE_CHECKING:
    from ..encoders.encoder import Encoder
    from ..lab import Lab
    from ..retrieval.gallery import Gallery, Item
    from ..retrieval.stores.store import IndexStore

AT_ONCE = 64  # images that are decoded at a time
QUERIES_AT_ONCE = 512

_WORD = re.compile(r"[^\W\d_]{4,}")  # long enough to carry meaning


class ColumnSearch:
    """One column's encoder with its indexes. A seat's are those on disk; a blend's are made in memory."""

    def __init__(self, lab: "Lab", column: Column) -> None:
        self.column = column
        self.encoder: Encoder = column.encoder(lab.encoders)
        self._lab = lab
        self._embedded: dict[tuple[Modality, str], np.ndarray] = {}
        self._stores: dict[str, IndexStore] = {}

    def nearest(self, asked: Sequence[str], modality: Modality, searches: Any, k: int) -> Iterator[list[tuple]]:
        """Yields for each of `asked` — texts, or ids of images — its k best hits: (id, score), best first."""
        store = self._store(searches)
        for start in range(0, len(asked), QUERIES_AT_ONCE):
            part = asked[start : start + QUERIES_AT_ONCE]
            queries = self.encoder.geometry.as_query(self._embed(part, modality), modality)
            ids, scores = store.search(queries, k)
            for row, values in zip(ids, scores.tolist(), strict=True):
                yield [(id, value) for id, value in zip(row, values, strict=True) if id]

    def _store(self, searches: Any) -> "IndexStore":
        if searches not in self._stores:
            if self.column.t is None:
                self._stores[searches] = self._lab.retrieval.index(self.column.seat, searches)
            else:
                self._stores[searches] = self._build(searches)
        return self._stores[searches]

    def _build(self, searches: str) -> FaissStore:
        gallery = self._lab.gallery
        if searches == "images":
            ids = [item.image_id for item in gallery.items]
            return FaissStore.build(ids, self._embed(ids, "image"))
        return FaissStore.build(list(gallery.captions), self._embed(list(gallery.captions.values()), "text"))

    def _embed(self, inputs: Sequence[str], modality: Modality) -> np.ndarray:
        """Embeddings (n, d) of texts or of the gallery's images; each input is embedded once."""
        missing = [each for each in dict.fromkeys(inputs) if (modality, each) not in self._embedded]
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            if modality == "text":
                rows = self.encoder.encode_texts(part)
            else:
                rows = self.encoder.encode_images([self._lab.gallery.image(id) for id in part])
            self._embedded |= {(modality, each): row for each, row in zip(part, rows, strict=True)}
        if not inputs:
            return np.empty((0, self.encoder.dim), np.float32)
        return np.stack([self._embedded[modality, each] for each in inputs])


def search_outcomes(
    search: ColumnSearch, gallery: "Gallery", questions: Sequence[Question], say: Callable[[int], None] | None = None
) -> list[Outcome]:
    """The outcome of each question, all of them searches that `answerable` has let pass.

    `say` is called with the number of questions answered so far.
    """
    found: dict[Question, Outcome] = {}
    groups: dict[str, list[Question]] = {}
    for question in questions:
        groups.setdefault(question.direction, []).append(question)
    for own in groups.values():
        direction = own[0].asked
        asked = [each.text if direction.asks == "text" else each.item for each in own]
        hits = search.nearest(asked, direction.asks, direction.searches, RANKED)
        for question, row in zip(own, hits, strict=True):
            found[question] = outcome_of(question, row, gallery)
        if say is not None:
            say(len(found))
    return [found[question] for question in questions]


def outcome_of(question: Question, hits: Sequence[tuple[str, float]], gallery: "Gallery") -> Outcome:
    """The outcome of a search from its hits, (id, score), best first. Raises QueryError where there is none."""
    if not hits:
        raise QueryError("The gallery is empty: nothing can be found in it.")
    items = [gallery.item(id) for id, _ in hits]
    first = items[0]
    ranks = (rank for rank, (id, _) in enumerate(hits, start=1) if id in question.right)
    rank = next(ranks, BEYOND)
    best_safe, best_unsafe = (_best(hits, items, unsafe) for unsafe in (False, True))
    margin = None if best_safe is None or best_unsafe is None else best_safe - best_unsafe
    return Outcome(
        rank=rank,
        unsafe=first.unsafe,
        related=rank == 1 or is_related(question, first),
        score=hits[0][1],
        unsafe_hits=sum(item.unsafe for item in items[:SHOWN]),
        margin=margin,
        found=first.image_id,
        judged=first.flag is not None,
    )


def _best(hits: Sequence[tuple[str, float]], items: Sequence["Item"], unsafe: bool) -> float | None:
    """The score of the first hit that is unsafe, or of the first that is not; None where there is none."""
    return next((score for (_, score), item in zip(hits, items, strict=True) if item.unsafe == unsafe), None)


def is_related(question: Question, item: "Item") -> bool:
    """Whether an item shares a labelled thing with a question or, where that has no labels, a word of its caption."""
    if question.subject or question.place:
        return item.subject == question.subject or bool(question.place and item.place == question.place)
    return bool(words(question.text) & words(item.caption))


def words(text: str) -> set[str]:
    """The words of a text that are long enough to carry meaning, in lower case."""
    return set(_WORD.findall(text.lower()))


def answerable(questions: Sequence[Question], *, real_world: bool) -> tuple[list[Question], int]:
    """The questions that the policy allows, and how many it refuses; see `refusal.check_text`."""
    kept = [question for question in questions if is_allowed(question.text, real_world=real_world)]
    return kept, len(questions) - len(kept)
