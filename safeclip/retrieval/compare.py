"""Side-by-side retrieval: one query under several encoders."""

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from ..encoders.concept_map import NO_REMARKS, Remarks
from ..encoders.encoder_set import Encoded, EncoderSet
from ..encoders.geometry import Modality
from ..encoders.vocabulary import Vocabulary
from ..errors import IndexMismatchError, QueryError, SafeClipError
from ..images.loading import open_image
from ..options import as_list, check_number, check_seats, choose_seats, shortened
from ..refusal import check_text
from ..runtime.checkpoint_names import is_embedded
from .gallery import Gallery
from .index import open_index
from .manifest import Manifest
from .projection import NAME as PROJECTION
from .projection import EmbeddingMap
from .results import Comparison, Hit, Movement, SeatHits
from .stores.store import IndexStore
from .towers import SEARCHES, TOWERS, Route, Search, Towers, route

__all__ = ["Comparison", "EmbeddedQuery", "Hit", "Movement", "Query", "Question", "Retrieval", "SeatHits"]


Query = str | Path | bytes | Image.Image | np.ndarray
_QUERY_TYPES = get_args(Query)


@dataclass(frozen=True, eq=False)
class EmbeddedQuery:
    """A query that was checked, the text or the RGB image, with its embedding under several seats (1, d)."""

    query: str | Image.Image
    encoded: Encoded

    @property
    def modality(self) -> Modality:
        return modality_of(self.query)


@dataclass(frozen=True, eq=False)
class Question:
    """One question to a gallery: a query and how to search for it, as `Retrieval.compare` describes."""

    query: Query | EmbeddedQuery
    k: int = 8
    search: Search = "images"
    seats: Sequence[str] | None = None
    towers: Towers = "both"
    index_seat: str | None = None
    query_seat: str | None = None


def modality_of(query: str | Image.Image) -> Modality:
    """The tower that embeds a query."""
    return "text" if isinstance(query, str) else "image"


class Retrieval:
    """Searches a gallery through the index of each seat, a folder under `index`. Safe to call from several threads."""

    def __init__(
        self, encoders: EncoderSet, gallery: Gallery, index: str | Path, *, remarks: Remarks = NO_REMARKS
    ) -> None:
        """`remarks` are made on each query, in the notes of its comparison."""
        self.encoders = encoders
        self.remarks = remarks
        self.gallery = gallery
        self._directory = Path(index)
        self._indexes: dict[tuple[str, Search], IndexStore] = {}
        self._map: EmbeddingMap | None = None
        self._vocabulary: Vocabulary | None = None
        self._vocabulary_read = False
        self._real_world = not all(is_embedded(seat.checkpoint) for seat in encoders.seats.values())
        self._lock = threading.RLock()

    def compare(
        self,
        query: Query,
        *,
        k: int = 8,
        search: Search = "images",
        seats: Sequence[str] | None = None,
        towers: Towers = "both",
        index_seat: str | None = None,
        query_seat: str | None = None,
    ) -> Comparison:
        """Searches the gallery's "images" or "captions" for a text or an image, under each of `seats` (all by default).

        A `query` of type str is a text; an image is whatever `open_image` reads. `towers` says which towers of a seat
        are its own: "both", "text" or "image"; the others are the reference's. `query_seat` and `index_seat` override,
        for every seat, who embeds the query and who embedded the gallery. A seat that fails says why in its `SeatHits`.
        Raises QueryError, ImageError or RefusedError for a query that no seat can answer.
        """
        (found,) = self.compare_all([Question(query, k, search, seats, towers, index_seat, query_seat)])
        return found

    def compare_all(self, questions: Sequence[Question]) -> list[Comparison]:
        """Answers n questions at once: each seat embeds in one batch, and each index is searched once for each k.

        The answers are those of `compare`, scores within 1e-6. Raises as `compare`, for any of the questions, and
        QueryError for what is no list of `Question`.
        """
        plans = [self._plan(question) for question in _as_questions(questions)]
        bare = [plan for plan in plans if not isinstance(plan.query, EmbeddedQuery)]
        seats = dict.fromkeys(route.query_seat for plan in bare for route in plan.routes.values())
        embedded = iter(self._embed([plan.query for plan in bare], list(seats)))
        asked = [plan.query if isinstance(plan.query, EmbeddedQuery) else next(embedded) for plan in plans]
        answers = self._search(plans, asked)
        remarks = {id(query): self._remarks_on(query) for query in {id(each): each for each in asked}.values()}
        return [
            self._comparison(plan, query, answers, remarks[id(query)]) for plan, query in zip(plans, asked, strict=True)
        ]

    def embed(self, queries: Sequence[Query], seats: Sequence[str] | None = None) -> list[EmbeddedQuery]:
        """Embeds n texts and images under `seats` (all by default), those of one modality in one batch for each seat.

        A seat that fails with several tries each alone, so that no query fails by another one's fault. Raises as
        `compare`, QueryError for an unknown seat too.
        """
        check_seats(self.encoders.seats, seats or ())
        return self._embed([self._read(query) for query in as_list("queries", queries, _QUERY_TYPES)], seats)

    def likeness(self, query: Query | EmbeddedQuery) -> float | None:
        """The reference's score of the gallery image nearest to a query, None for an empty gallery.

        Raises as `compare`, and SafeClipError where the reference or its index cannot be used.
        """
        reference = self.encoders.reference
        if isinstance(query, EmbeddedQuery) and reference in query.encoded.embeddings:
            asked = query
        else:
            (asked,) = self.embed([query.query if isinstance(query, EmbeddedQuery) else query], [reference])
        if reference in asked.encoded.errors:
            raise QueryError(asked.encoded.errors[reference])
        geometry = self.encoders[reference].geometry
        vector = geometry.as_query(asked.encoded.embeddings[reference], asked.modality)
        found = self.index(reference, "images").search(vector, 1)
        return float(found.scores[0][0]) if any(found.ids[0]) else None

    def position(self, query: Query | EmbeddedQuery) -> dict[str, tuple[float, float]]:
        """Projects the query, as each seat embeds it, onto the `map` of its modality: seat key → (x, y).

        A seat that fails is left out, and so is one whose geometry is not the map's. Raises as `compare`, and what
        `map` raises.
        """
        asked = query if isinstance(query, EmbeddedQuery) else self.embed([query])[0]
        projection = self.map.captions if asked.modality == "text" else self.map.images
        geometry = self.encoders[self.encoders.reference].geometry
        positions = {}
        for seat, vector in asked.encoded.embeddings.items():
            if vector.shape[1] == len(projection.origin) and self.encoders[seat].geometry.comparable(geometry):
                x, y = projection(vector)[0].tolist()
                positions[seat] = (x, y)
        return positions

    @property
    def map(self) -> EmbeddingMap:
        """Fixed 2-D projection of the gallery, `.images` and `.captions`, with all its points.

        Raises CheckpointError, IndexCorruptError or IndexMismatchError.
        """
        with self._lock:
            if self._map is None:
                reference = self.encoders[self.encoders.reference]
                self._map = EmbeddingMap.read(self._directory / PROJECTION, reference)
            return self._map

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Words that the reference was trained on; None for a checkpoint without such a list, or not fetched yet."""
        if not self._vocabulary_read:
            reference = self.encoders.reference
            fetched = self.encoders.is_loaded(reference)  # before that a list may still be on its way
            self._vocabulary = Vocabulary.of(self.encoders.seats[reference])
            self._vocabulary_read = fetched or self._vocabulary is not None
        return self._vocabulary

    def refresh(self) -> None:
        """Opens gallery, indexes and map anew with the next query, because they have grown. Raises GalleryError."""
        with self._lock:
            self.gallery.refresh()
            self._indexes, self._map = {}, None

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        """Lists the words of `text` that the reference was not trained on, each with at most three spelt alike.

        The result is empty for a checkpoint without a `vocabulary.txt`, which was trained on the whole web.
        """
        known = self.vocabulary
        return {} if known is None else {word: known.near(word) for word in known.unknown(text)}

    def check(self, query: Query | None) -> None:
        """Raises QueryError or RefusedError for a query that would not be searched for, without a model."""
        self._read(query)

    def _read(self, query: Query | None) -> str | Image.Image:
        if query is None or (isinstance(query, str) and not query.strip()):
            raise QueryError("The query is empty: type a few words or choose a picture.")
        if not isinstance(query, str):
            return open_image(query)
        query = query.strip()  # before the check, which reads a beginning of the text
        check_text(query, real_world=self._real_world)
        return query

    def _embed(self, read: Sequence[Any], seats: Sequence[str] | None) -> list[EmbeddedQuery]:
        found: dict[int, EmbeddedQuery] = {}
        for kind, encode in ((str, self.encoders.encode_texts), (Image.Image, self.encoders.encode_images)):
            rows = [i for i, query in enumerate(read) if isinstance(query, kind)]
            if not rows:
                continue
            together = encode([read[i] for i in rows], seats)
            for row, i in enumerate(rows):
                one = together.of(row)
                if one.errors and len(rows) > 1:
                    one = one.tried_again(encode([read[i]], list(one.errors)))
                found[i] = EmbeddedQuery(read[i], one)
        return [found[i] for i in range(len(read))]

    def _plan(self, question: Question) -> "_Plan":
        """A question that was checked, with the towers that answer it. Raises as `compare`."""
        query = question.query if isinstance(question.query, EmbeddedQuery) else self._read(question.query)
        check_number("number of results", question.k, 1, math.inf, whole=True)
        _check_choice("search", question.search, SEARCHES)
        _check_choice("towers", question.towers, TOWERS)
        check_seats(self.encoders.seats, filter(None, (question.query_seat, question.index_seat)))
        modality = query.modality if isinstance(query, EmbeddedQuery) else modality_of(query)
        routes = {}
        for seat in choose_seats(self.encoders.seats, question.seats):
            own = route(seat, self.encoders.reference, question.towers, modality, question.search)
            routes[seat] = Route(question.query_seat or own.query_seat, question.index_seat or own.index_seat)
        return _Plan(query, int(question.k), question.search, routes)

    def _search(self, plans: "Sequence[_Plan]", asked: Sequence[EmbeddedQuery]) -> "dict[_Errand, dict[int, _Answer]]":
        """Answers of each pair of towers to the queries that go its way, by the identity of the query."""
        errands: dict[_Errand, dict[int, EmbeddedQuery]] = {}
        for plan, query in zip(plans, asked, strict=True):
            for each in plan.routes.values():
                errands.setdefault((each, query.modality, plan.search, plan.k), {})[id(query)] = query
        return {errand: self._answer(errand, queries) for errand, queries in errands.items()}

    def _answer(self, errand: "_Errand", queries: dict[int, EmbeddedQuery]) -> "dict[int, _Answer]":
        """Hits of one pair of towers by the identity of the query, or the message of why there are none."""
        towers, modality, search, k = errand
        answers: dict[int, _Answer] = {}
        vectors = {}
        for key, query in queries.items():
            if towers.query_seat in query.encoded.embeddings:
                vectors[key] = query.encoded.embeddings[towers.query_seat]
            else:
                unasked = f"The query was not embedded under the seat “{towers.query_seat}”: name it in `embed`."
                answers[key] = (), query.encoded.errors.get(towers.query_seat, unasked)
        if not vectors:
            return answers
        try:
            embeddings = np.concatenate(list(vectors.values()))
            index = self.index(towers.index_seat, search)
            self._check_comparable(towers, embeddings.shape[1], index.dim)
            found = index.search(self.encoders[towers.query_seat].geometry.as_query(embeddings, modality), k)
            for key, ids, scores in zip(vectors, found.ids, found.scores, strict=True):
                answers[key] = self._hits(ids, scores), None
        except SafeClipError as error:
            answers |= {key: ((), str(error)) for key in vectors}
        return answers

    def _hits(self, ids: Sequence[str], scores: np.ndarray) -> tuple[Hit, ...]:
        pairs = [(id, float(score)) for id, score in zip(ids, scores, strict=True) if id]
        return tuple(Hit(id, rank, score, self.gallery.item(id)) for rank, (id, score) in enumerate(pairs, start=1))

    def _comparison(
        self,
        plan: "_Plan",
        asked: EmbeddedQuery,
        answers: "dict[_Errand, dict[int, _Answer]]",
        remarks: tuple[str, ...],
    ) -> Comparison:
        found = {}
        for seat, each in plan.routes.items():
            hits, error = answers[each, asked.modality, plan.search, plan.k][id(asked)]
            found[seat] = SeatHits(seat, hits, each.query_seat, each.index_seat, error)
        notes = [*remarks, *asked.encoded.notes_of(each.query_seat for each in plan.routes.values())]
        size = len(self.gallery if plan.search == "images" else self.gallery.captions)
        if not size:
            notes.append(f"The gallery has no {plan.search} to search.")
        elif plan.k > size:
            notes.append(f"The gallery has only {size} {plan.search}; all of them are listed.")
        return Comparison(asked.query, plan.k, plan.search, found, tuple(notes))

    def _remarks_on(self, asked: EmbeddedQuery) -> tuple[str, ...]:
        query = asked.query
        return self.remarks.on_text(query) if isinstance(query, str) else self.remarks.on_image(asked)

    def _check_comparable(self, towers: Route, query_dim: int, index_dim: int) -> None:
        query, index = (self.encoders[seat].geometry for seat in (towers.query_seat, towers.index_seat))
        if not query.comparable(index):
            raise IndexMismatchError(
                "Only towers of one geometry can be mixed: "
                f"“{towers.query_seat}” is compared by {query.metric}, “{towers.index_seat}” by {index.metric}."
            )
        if query_dim != index_dim:
            raise IndexMismatchError(
                "Only towers of one width can be mixed: "
                f"“{towers.query_seat}” is {query_dim} wide, “{towers.index_seat}” {index_dim}."
            )

    def index(self, seat: str, search: Search) -> IndexStore:
        """Opens the index of a seat's images or captions, once. Raises SafeClipError when it does not fit.

        That is a QueryError for an unknown seat or search.
        """
        check_seats(self.encoders.seats, [seat])
        _check_choice("search", search, SEARCHES)
        encoder = self.encoders[seat]
        with self._lock:
            if (seat, search) not in self._indexes:
                directory = self._directory / seat
                Manifest.read(directory).verify_gallery(self.gallery, directory)
                self._indexes[seat, search] = open_index(directory, search, encoder)
            return self._indexes[seat, search]


@dataclass(frozen=True, eq=False)
class _Plan:
    """A question that was checked: the query, embedded or to be embedded, and the towers of each seat that answers."""

    query: str | Image.Image | EmbeddedQuery
    k: int
    search: Search
    routes: dict[str, Route]


_Errand = tuple[Route, Modality, Search, int]  # what one search of an index is for; the number is k
_Answer = tuple[tuple[Hit, ...], str | None]  # hits, or none and the message of why


def _as_questions(questions: Iterable[Question]) -> list[Question]:
    asked = list(questions) if isinstance(questions, Iterable) else []
    if not isinstance(questions, Iterable) or not all(isinstance(each, Question) for each in asked):
        raise QueryError(f"Give the questions as a list, such as [Question('a dog')], not {shortened(questions)}.")
    return asked


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise QueryError(f"{shortened(value)} is no choice of {what}; choose one of: {', '.join(choices)}.")
