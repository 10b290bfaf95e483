"""Side-by-side retrieval: one query under several encoders, and what differs between their answers."""

import operator
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..encoders.encoder_set import Encoded, EncoderSet
from ..encoders.vocabulary import Vocabulary
from ..errors import IndexMismatchError, QueryError, SafeClipError
from ..images.loading import open_image
from ..options import check_seats
from ..paths import resolve
from .gallery import Gallery, Item
from .index import VectorIndex
from .manifest import Manifest
from .projection import NAME as PROJECTION
from .projection import EmbeddingMap

Query = str | Path | bytes | Image.Image | np.ndarray

SEARCHES = ("images", "captions")
TOWERS = ("both", "text", "image")


@dataclass(frozen=True)
class Hit:
    """A gallery item, by the `id` of its picture or caption. `rank` counts from 1, `score` is the cosine.

    The score of a hyperbolic encoder is Lorentz's product, at most −1/c for curvature −c.
    """

    id: str
    rank: int
    score: float
    item: Item


@dataclass(frozen=True)
class SeatHits:
    """What one seat answers: hits, best first, or the message of why there are none.

    `query_seat` embedded the query and `index_seat` the gallery; both are `seat` unless towers are mixed.
    """

    seat: str
    hits: tuple[Hit, ...]
    query_seat: str
    index_seat: str
    error: str | None = None

    @property
    def unsafe_count(self) -> int:
        return sum(hit.item.unsafe for hit in self.hits)


@dataclass(frozen=True)
class Movement:
    """From one seat's hits to another's: ids that appeared, that vanished, and {id: (old rank, new rank)}."""

    appeared: tuple[str, ...]
    vanished: tuple[str, ...]
    moved: dict[str, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Comparison(Mapping[str, SeatHits]):
    """Seat key → what it found, in the profile's order. `query` is the text or the RGB picture asked for.

    `notes` tell the user what was done otherwise than asked, such as a text cut to what the model reads.
    """

    query: str | Image.Image
    k: int
    search: str
    found: dict[str, SeatHits]
    notes: tuple[str, ...] = ()

    def __getitem__(self, seat: str) -> SeatHits:
        return self.found[seat]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def moved(self, a: str, b: str) -> Movement:
        """What changes from seat `a` to seat `b` among the top k; `moved` has the ids whose rank differs."""
        before = {hit.id: hit.rank for hit in self[a].hits}
        after = {hit.id: hit.rank for hit in self[b].hits}
        return Movement(
            appeared=tuple(id for id in after if id not in before),
            vanished=tuple(id for id in before if id not in after),
            moved={id: (before[id], rank) for id, rank in after.items() if before.get(id, rank) != rank},
        )

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON values. A query that is a picture is left out: None."""
        return {
            "query": self.query if isinstance(self.query, str) else None,
            "k": self.k,
            "search": self.search,
            "notes": list(self.notes),
            "seats": {
                seat: {
                    "query_seat": found.query_seat,
                    "index_seat": found.index_seat,
                    "unsafe_count": found.unsafe_count,
                    "error": found.error,
                    "hits": [asdict(hit) for hit in found.hits],
                }
                for seat, found in self.items()
            },
        }


class Retrieval:
    """A gallery and, under `index`, a folder of FAISS indexes for each seat. Several threads may call it."""

    def __init__(self, encoders: EncoderSet, gallery: Gallery, index: str | Path) -> None:
        self.encoders = encoders
        self.gallery = gallery
        self._directory = Path(index)
        self._indexes: dict[tuple[str, str], VectorIndex] = {}
        self._map: EmbeddingMap | None = None
        self._vocabulary = Vocabulary.open(resolve(encoders.seats[encoders.reference].checkpoint))
        self._lock = threading.RLock()

    def compare(
        self,
        query: Query,
        *,
        k: int = 8,
        search: str = "images",
        seats: Sequence[str] | None = None,
        towers: str = "both",
        index_seat: str | None = None,
        query_seat: str | None = None,
    ) -> Comparison:
        """Search the gallery's "images" or "captions" for a text or a picture, under each of `seats` (all).

        `towers` says which towers of a seat are its own: "both", "text" or "image"; the others are the
        reference's. `query_seat` and `index_seat` override, for every seat, who embeds the query and who
        embedded the gallery. What fails for one seat is told in its `SeatHits`.
        Raises QueryError or ImageError for what no seat can answer.
        """
        query, k = _read(query), _check_k(k)
        _check_choice("search", search, SEARCHES)
        _check_choice("towers", towers, TOWERS)
        check_seats(self.encoders.seats, [*(seats or ()), *filter(None, (query_seat, index_seat))])

        def own(seat: str, tower: str) -> str:
            return seat if towers in ("both", tower) else self.encoders.reference

        query_tower = "text" if isinstance(query, str) else "image"
        index_tower = "text" if search == "captions" else "image"
        routes = {
            seat: (query_seat or own(seat, query_tower), index_seat or own(seat, index_tower))
            for seat in self.encoders
            if seats is None or seat in seats
        }
        encoded = self._encode(query, [asker for asker, _ in routes.values()])
        answers = {
            route: self._answer(*route, encoded, query_tower, k, search) for route in dict.fromkeys(routes.values())
        }
        found = {}
        for seat, route in routes.items():
            hits, error = answers[route]
            found[seat] = SeatHits(seat, hits, *route, error)
        notes = list(encoded.notes)
        size = len(self.gallery if search == "images" else self.gallery.captions)
        if k > size:
            notes.append(f"The gallery has only {size} {search}; all of them are listed.")
        return Comparison(query, k, search, found, tuple(notes))

    def position(self, query: Query) -> dict[str, tuple[float, float]]:
        """Where each seat puts the query on the `map` of its own modality; a seat that fails is left out.

        Raises QueryError or ImageError, and what `map` raises.
        """
        query = _read(query)
        projection = self.map.captions if isinstance(query, str) else self.map.images
        embeddings = self._encode(query, list(self.encoders)).embeddings
        return {
            seat: tuple(projection(vector)[0].tolist())
            for seat, vector in embeddings.items()
            if vector.shape[1] == len(projection.origin)
        }

    @property
    def map(self) -> EmbeddingMap:
        """The fixed 2-D projection of the gallery, `.images` and `.captions`, with all its points.

        Raises CheckpointError, IndexCorruptError or IndexMismatchError.
        """
        with self._lock:
            if self._map is None:
                reference = self.encoders[self.encoders.reference]
                self._map = EmbeddingMap.read(self._directory / PROJECTION, reference)
            return self._map

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        """Each word of `text` that the reference was not trained on, with at most three like it that it was.

        Empty for a checkpoint without a `vocabulary.txt`, which has read the whole web.
        """
        if self._vocabulary is None:
            return {}
        return {word: self._vocabulary.near(word) for word in self._vocabulary.unknown(text)}

    def _encode(self, query: str | Image.Image, seats: Sequence[str]) -> Encoded:
        encode = self.encoders.encode_texts if isinstance(query, str) else self.encoders.encode_images
        return encode([query], list(dict.fromkeys(seats)))

    def _answer(
        self, query_seat: str, index_seat: str, encoded: Encoded, modality: str, k: int, search: str
    ) -> tuple[tuple[Hit, ...], str | None]:
        """The hits of one pair of towers, or the message of why there are none."""
        if query_seat in encoded.errors:
            return (), encoded.errors[query_seat]
        vector = self.encoders[query_seat].geometry.as_query(encoded.embeddings[query_seat], modality)
        try:
            index = self._index(index_seat, search)
            if vector.shape[1] != index.dim:
                raise IndexMismatchError(
                    "Only towers of one width can be mixed: "
                    f"“{query_seat}” is {vector.shape[1]} wide, “{index_seat}” {index.dim}."
                )
            scores, ids = index.search(vector, k)
            pairs = [(id, float(score)) for id, score in zip(ids[0], scores[0], strict=True) if id]
            hits = (Hit(id, i, score, self.gallery.item(id)) for i, (id, score) in enumerate(pairs, start=1))
            return tuple(hits), None
        except SafeClipError as error:
            return (), str(error)

    def _index(self, seat: str, search: str) -> VectorIndex:
        encoder = self.encoders[seat]
        with self._lock:
            if (seat, search) not in self._indexes:
                directory = self._directory / seat
                Manifest.read(directory).verify_gallery(self.gallery)
                self._indexes[seat, search] = VectorIndex.open(directory, search, encoder)
            return self._indexes[seat, search]


def _read(query: Query | None) -> str | Image.Image:
    if query is None or (isinstance(query, str) and not query.strip()):
        raise QueryError("The query is empty: type a few words or choose a picture.")
    return query.strip() if isinstance(query, str) else open_image(query)


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
