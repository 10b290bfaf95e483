"""Side-by-side retrieval: one query under several encoders."""

import operator
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..encoders.encoder_set import Encoded, EncoderSet
from ..encoders.geometry import Modality
from ..encoders.vocabulary import Vocabulary
from ..errors import IndexMismatchError, QueryError, SafeClipError
from ..images.loading import open_image
from ..options import check_seats
from ..paths import resolve
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

__all__ = ["Comparison", "Hit", "Movement", "Query", "Retrieval", "SeatHits"]

Query = str | Path | bytes | Image.Image | np.ndarray


class Retrieval:
    """Searches a gallery through the index of each seat, a folder under `index`. Safe to call from several threads.

    `vocabulary` are the words that the reference was trained on, None for a checkpoint that has no such list.
    """

    def __init__(self, encoders: EncoderSet, gallery: Gallery, index: str | Path) -> None:
        self.encoders = encoders
        self.gallery = gallery
        self._directory = Path(index)
        self._indexes: dict[tuple[str, Search], IndexStore] = {}
        self._map: EmbeddingMap | None = None
        self.vocabulary = Vocabulary.open(resolve(encoders.seats[encoders.reference].checkpoint))
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
        query, k = self._read(query), _check_k(k)
        _check_choice("search", search, SEARCHES)
        _check_choice("towers", towers, TOWERS)
        check_seats(self.encoders.seats, [*(seats or ()), *filter(None, (query_seat, index_seat))])
        modality: Modality = "text" if isinstance(query, str) else "image"
        routes = {}
        for seat in self.encoders:
            if seats is None or seat in seats:
                own = route(seat, self.encoders.reference, towers, modality, search)
                routes[seat] = Route(query_seat or own.query_seat, index_seat or own.index_seat)
        encoded = self._encode(query, (each.query_seat for each in routes.values()))
        answers = {each: self._answer(each, encoded, modality, k, search) for each in dict.fromkeys(routes.values())}
        found = {
            seat: SeatHits(seat, answers[each][0], each.query_seat, each.index_seat, answers[each][1])
            for seat, each in routes.items()
        }
        notes = list(encoded.notes)
        size = len(self.gallery if search == "images" else self.gallery.captions)
        if k > size:
            notes.append(f"The gallery has only {size} {search}; all of them are listed.")
        return Comparison(query, k, search, found, tuple(notes))

    def position(self, query: Query) -> dict[str, tuple[float, float]]:
        """Projects the query, as each seat embeds it, onto the `map` of its modality: seat key → (x, y).

        A seat that fails is left out, and so is one whose geometry is not the map's. Raises as `compare`, and what
        `map` raises.
        """
        query = self._read(query)
        projection = self.map.captions if isinstance(query, str) else self.map.images
        geometry = self.encoders[self.encoders.reference].geometry
        positions = {}
        for seat, vector in self._encode(query, self.encoders).embeddings.items():
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

    def refresh(self) -> None:
        """Opens gallery, indexes and map anew with the next query, because they have grown. Raises GalleryError."""
        with self._lock:
            self.gallery.refresh()
            self._indexes, self._map = {}, None

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        """Lists the words of `text` that the reference was not trained on, each with at most three similar known ones.

        The result is empty for a checkpoint without a `vocabulary.txt`, which was trained on the whole web.
        """
        if self.vocabulary is None:
            return {}
        return {word: self.vocabulary.near(word) for word in self.vocabulary.unknown(text)}

    def _read(self, query: Query | None) -> str | Image.Image:
        if query is None or (isinstance(query, str) and not query.strip()):
            raise QueryError("The query is empty: type a few words or choose a picture.")
        if not isinstance(query, str):
            return open_image(query)
        check_text(query, real_world=self._real_world)
        return query.strip()

    def _encode(self, query: str | Image.Image, seats: Iterable[str]) -> Encoded:
        keys = list(dict.fromkeys(seats))
        if isinstance(query, str):
            return self.encoders.encode_texts([query], keys)
        return self.encoders.encode_images([query], keys)

    def _answer(
        self, towers: Route, encoded: Encoded, modality: Modality, k: int, search: Search
    ) -> tuple[tuple[Hit, ...], str | None]:
        """Returns the hits of one pair of towers, or the message of why there are none."""
        if towers.query_seat in encoded.errors:
            return (), encoded.errors[towers.query_seat]
        embedding = encoded.embeddings[towers.query_seat]
        try:
            index = self.index(towers.index_seat, search)
            self._check_comparable(towers, embedding.shape[1], index.dim)
            ids, scores = index.search(self.encoders[towers.query_seat].geometry.as_query(embedding, modality), k)
            pairs = [(id, float(score)) for id, score in zip(ids[0], scores[0], strict=True) if id]
            hits = (Hit(id, i, score, self.gallery.item(id)) for i, (id, score) in enumerate(pairs, start=1))
            return tuple(hits), None
        except SafeClipError as error:
            return (), str(error)

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
        """Opens the index of a seat's images or captions, once. Raises SafeClipError when it does not fit."""
        encoder = self.encoders[seat]
        with self._lock:
            if (seat, search) not in self._indexes:
                directory = self._directory / seat
                Manifest.read(directory).verify_gallery(self.gallery)
                self._indexes[seat, search] = open_index(directory, search, encoder)
            return self._indexes[seat, search]


def _check_k(k: int) -> int:
    try:
        number = operator.index(k)
    except TypeError:
        number = 0
    if number < 1:
        raise QueryError(f"The number of results must be a whole number from 1, not {k!r}.")
    return number


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise QueryError(f"There is no {what} {value!r}; choose one of: {', '.join(choices)}.")
