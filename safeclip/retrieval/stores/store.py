"""Protocol of an index store: where the vectors of an index are kept, and who searches them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..manifest import Manifest


class Nearest(NamedTuple):
    """The k best of each of n queries, best first: n rows of content ids, and their scores (n, k) float32, falling.

    A store that searches approximately may find fewer than k: a place left empty has the id "".
    """

    ids: list[list[str]]
    scores: np.ndarray


class IndexStore(Protocol):
    """Vectors of width `dim` under content ids, compared by inner product. Several threads may search at once.

    Vectors and queries are float32 and lie in the encoder's geometry: queries are what `Geometry.as_query` returns.
    Content ids are results of `hashing.content_id`, whose 64 bits fit a signed integer.
    """

    @property
    def dim(self) -> int:
        """Width d of a vector."""
        ...

    def __len__(self) -> int:
        """Number of vectors."""
        ...

    def search(self, queries: np.ndarray, k: int) -> Nearest:
        """Finds the k vectors, at most all, of largest inner product with each of `queries` (n, d) float32.

        Raises QueryError for a k that the store cannot serve.
        """
        ...

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """Returns the vectors (n, d) float32 of `ids`, as exactly as the store keeps them.

        Raises QueryError for an id that is not there, and where the store cannot give vectors back.
        """
        ...

    def ids(self) -> np.ndarray:
        """Returns the content ids (n,) int64 of all vectors, in the store's order."""
        ...

    @property
    def metadata(self) -> dict[str, Any]:
        """Description of the store, as plain JSON values: its kind, its size, where it searches."""
        ...


@dataclass(frozen=True)
class StoreKind:
    """One kind of store, by the `name` that a manifest's `store` gives.

    `open` gets the directory of a seat's index, "images" or "captions", the manifest that was read from the directory,
    and whether to search on a GPU (None: where there is one). It checks what it opens against the manifest and raises
    IndexCorruptError or IndexMismatchError.
    """

    name: str
    open: Callable[[Path, str, Manifest, bool | None], IndexStore]
