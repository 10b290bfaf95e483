"""Fits one index: brings it up to date or builds it, raises its search effort, and refuses one of poor recall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import faiss
import numpy as np

from safeclip.encoders import Encoder
from safeclip.encoders.geometry import Modality
from safeclip.errors import SafeClipError
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.stores.faiss_store import FaissStore

from ..errors import BuildError
from ..store.selection import Live, Shards, live_shards, sample_rows
from ..store.shard_store import ShardStore
from .choose import Choice
from .faiss_factory import efforts, empty_index, fill, train
from .kinds import EXHAUSTIVE, training_rows
from .plan import IndexPlan
from .recall import held_out, recall, sample_queries, true_neighbours

_GOOD_RECALL = 0.97  # the search effort is not raised further
# Indexes whose rows move up when others are removed. FAISS's id map relies on it, while inverted lists keep the old
# numbers and graphs cannot remove at all: those are emptied and filled again, without a new training.
_SHRINKING = (faiss.IndexFlat, faiss.IndexScalarQuantizer)
MODALITY_OF: dict[Modality, str] = {"text": "captions", "image": "images"}


class Vectors(Protocol):
    """The vectors of images and captions that indexes are made of, by modality, and the queries that measure them.

    `queries` are (m, d) by kind, "text" and "image", and `total` counts the vectors of both modalities.
    """

    @property
    def encoder(self) -> Encoder: ...

    @property
    def total(self) -> int: ...

    @property
    def queries(self) -> Mapping[Modality, np.ndarray]: ...

    def shards(self, modality: str) -> Shards: ...

    def count(self, modality: str) -> int: ...


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of one encoder that belong in the indexes, read from the store a shard at a time."""

    store: ShardStore
    live: dict[str, Live]
    encoder: Encoder

    def shards(self, modality: str) -> Shards:
        return live_shards(self.store, self.live, modality, self.encoder.fingerprint)

    def count(self, modality: str) -> int:
        return len(self.live[modality])

    @property
    def total(self) -> int:
        return sum(map(len, self.live.values()))

    @cached_property
    def queries(self) -> dict[Modality, np.ndarray]:
        """Queries (m, d) by kind, "text" and "image", held out of training where there are enough."""
        found = {}
        for kind, modality in MODALITY_OF.items():
            vectors = sample_queries(partial(self.shards, modality), self.count(modality), self.encoder.dim)
            found[kind] = self.encoder.geometry.as_query(vectors, kind)
        return found


@dataclass(frozen=True)
class FittedIndex:
    """An index, its recall@10 by kind of query (None: no queries), and the search `effort` that it was set to."""

    index: FaissStore
    choice: Choice
    effort: str
    recall: dict[Modality, float | None]


def fit_index(embeddings: Vectors, modality: str, plan: IndexPlan, seat: str, in_use: Path) -> FittedIndex:
    """Fits the index of a seat's images or captions. The one `in_use` is updated when it is of the same factory,
    unless the plan wants everything anew.

    Where the plan has several candidates, the first with the plan's recall is taken, and its reason tells of those
    before it. One that compares every vector is good enough. Raises BuildError when none is, for text or image queries.
    """
    choices = plan.candidates(embeddings.count(modality), embeddings.encoder.dim, embeddings.total)
    truth = true_answers(embeddings, modality)
    makers = (_built,) if plan.anew else (_updated, _built)
    refused: list[str] = []
    for choice in choices:
        for make in makers:
            index = make(embeddings, modality, choice.factory, in_use)
            if index is not None:
                fitted = _with_effort(index, choice, embeddings.queries, truth)
                if choice.factory in EXHAUSTIVE or _least(fitted.recall) >= plan.recall_floor:
                    return _after(fitted, refused)
        refused.append(_shortfall(fitted))
    raise BuildError(
        f"{seat}'s {modality}: {'; '.join(refused)}; --recall-floor is {plan.recall_floor}. Choose a larger kind "
        "(--index flat16), allow more memory, or lower the floor. The indexes in use were left as they are."
    )


def _after(fitted: FittedIndex, refused: list[str]) -> FittedIndex:
    """The index, whose reason tells of those that were refused before it."""
    reason = "; ".join([fitted.choice.reason, *refused])
    return replace(fitted, choice=replace(fitted.choice, reason=reason))


def _shortfall(fitted: FittedIndex) -> str:
    kind, value = min(fitted.recall.items(), key=lambda pair: 1.0 if pair[1] is None else pair[1])
    return f"the index {fitted.choice.factory!r} finds {value:.1%} of the true 10 nearest of {kind} queries"


def true_answers(embeddings: Vectors, modality: str) -> dict[str, np.ndarray]:
    """The true neighbours of the queries by kind, in one reading of the shards."""
    sizes = [len(each) for each in embeddings.queries.values()]
    stacked = np.concatenate(list(embeddings.queries.values()))
    found = true_neighbours(embeddings.shards(modality), stacked)
    return dict(zip(embeddings.queries, np.split(found, np.cumsum(sizes)[:-1]), strict=True))


def _built(embeddings: Vectors, modality: str, factory: str, in_use: Path) -> faiss.Index:
    index = empty_index(factory, embeddings.encoder.dim)
    if not index.is_trained:
        train(index, factory, *_training_sample(embeddings, modality))
    fill(index, embeddings.shards(modality))
    return index


def _updated(embeddings: Vectors, modality: str, factory: str, in_use: Path) -> faiss.Index | None:
    """The index in use without what is no longer live and with what is new, or None where that cannot be."""
    try:
        manifest = Manifest.read(in_use.parent)
        manifest.verify_encoder(embeddings.encoder)
        manifest.verify_files(in_use.parent, in_use.name)
        if manifest.files[in_use.name].get("factory") != factory:
            return None
        index = faiss.read_index(str(in_use))
    except (SafeClipError, RuntimeError):
        return None
    if not isinstance(index, faiss.IndexIDMap):
        return None
    held = faiss.vector_to_array(index.id_map)
    wanted = [ids for ids, _ in embeddings.shards(modality)]
    dead = np.setdiff1d(held, np.concatenate(wanted) if wanted else np.empty(0, np.int64))
    if len(dead) and isinstance(faiss.downcast_index(index.index), _SHRINKING):
        index.remove_ids(faiss.IDSelectorBatch(dead))
    elif len(dead):
        index.reset()
    left = faiss.vector_to_array(index.id_map)
    fill(index, _without(embeddings.shards(modality), left))
    return index


def _without(shards: Shards, held: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for ids, vectors in shards:
        new = ~np.isin(ids, held)
        if new.any():
            yield ids[new], vectors[new]


def _training_sample(embeddings: Vectors, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, d) of the modality itself, and (m, d) of the other one, moved across the gap between the two.

    Text and image embeddings lie apart. Trained on both as they are, the lists near the texts stay empty of images,
    and text queries, which look there, find nothing. Moved by the difference of the means, the texts show which
    directions queries come from.
    """
    dim, half = embeddings.encoder.dim, training_rows(embeddings.count(modality)) // 2
    own = _sample(lambda: embeddings.shards(modality), embeddings.count(modality), dim, half)
    other = next(name for name in MODALITY_OF.values() if name != modality)
    others = _sample(lambda: embeddings.shards(other), embeddings.count(other), dim, half)
    if not len(others) or not len(own) or not embeddings.encoder.geometry.normalised:
        return own, own[:0]
    moved = others - others.mean(axis=0) + own.mean(axis=0)
    return own, moved / np.linalg.norm(moved, axis=1, keepdims=True)


def _sample(shards: Callable[[], Shards], total: int, dim: int, limit: int) -> np.ndarray:
    """Vectors that make no held-out query; of a small gallery, all."""
    ids, vectors = sample_rows(shards(), total, dim, limit)
    trained = ~held_out(ids)
    return vectors[trained] if trained.any() else vectors


def _with_effort(
    index: faiss.Index, choice: Choice, queries: Mapping[Modality, np.ndarray], truth: dict[str, np.ndarray]
) -> FittedIndex:
    """Doubles the search effort until recall is good for both kinds of query."""
    wrapped = FaissStore(index)

    def measured(effort: str) -> FittedIndex:
        found = {kind: recall(wrapped, vectors, truth[kind]) for kind, vectors in queries.items()}
        return FittedIndex(wrapped, choice, effort, found)

    fitted = None
    for set_effort in efforts(index):
        fitted = measured(set_effort())
        if _least(fitted.recall) >= _GOOD_RECALL:
            break
    return fitted or measured("exhaustive")


def _least(recall: dict[Modality, float | None]) -> float:
    return min((value for value in recall.values() if value is not None), default=1.0)
