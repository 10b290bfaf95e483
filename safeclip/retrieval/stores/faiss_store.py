"""FAISS files as an index store: the default, exact in half precision unless it is built otherwise."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from ...command_names import REBUILD
from ...errors import IndexCorruptError, QueryError, first_line
from ..manifest import Manifest
from .faiss_gpu import OnGpu, gpu_count, to_gpu
from .store import Nearest, StoreKind


class FaissStore:
    """A FAISS index that keeps content ids (an IndexIDMap), in memory on the CPU or on a GPU; see `IndexStore`."""

    def __init__(self, index: Any) -> None:
        """Wraps a faiss.IndexIDMap, or an OnGpu."""
        self._index = index
        self._rows: dict[int, int] | None = None  # content id → row, made when vectors are first asked for
        self._lock = threading.Lock()

    @classmethod
    def build(cls, ids: Sequence[str], vectors: np.ndarray, factory: str = "IDMap,SQfp16") -> Self:
        """Indexes `vectors` (n, d) float32 under `ids`, n different results of `hashing.content_id`.

        The default `factory` keeps the vectors as float16 and compares with every one.
        Raises ValueError for ids that repeat or are too few, and for a factory that cannot hold ids.
        """
        if len(ids) != len(vectors) or len(set(ids)) != len(ids):
            raise ValueError(f"{len(vectors)} vectors need as many ids, all different; here are {len(set(ids))}.")
        if not factory.startswith("IDMap,"):
            raise ValueError(f"The factory {factory!r} must begin with “IDMap,” to keep content ids.")
        vectors = np.ascontiguousarray(vectors, np.float32)
        index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(vectors)
        index.add_with_ids(vectors, np.array([int(id, 16) for id in ids], np.int64))
        return cls(index)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Reads a .faiss file onto the CPU. Raises IndexCorruptError for one that FAISS cannot read or without ids."""
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise IndexCorruptError(f"{path}: FAISS cannot read this file: {error}") from error
        if not isinstance(index, faiss.IndexIDMap):
            raise IndexCorruptError(f"{path}: the index keeps no content ids. {REBUILD}")
        return cls(index)

    def save(self, path: str | Path) -> None:
        """Writes the index to a file. The manifest is written by whoever knows the encoder and the gallery.

        Raises OSError, such as for a full disk, of which FAISS's own writer only prints a line.
        """
        with open(path, "wb") as file:
            writer = faiss.PyCallbackIOWriter(file.write)  # type: ignore[attr-defined]  # absent from FAISS's stubs
            faiss.write_index(self._index, writer)

    def to_gpu(self, name: str = "the index") -> "FaissStore":
        """Returns the store on the first GPU, or itself where that cannot be; the log says why, naming it `name`."""
        return type(self)(to_gpu(self._index, name))

    @property
    def on_gpu(self) -> bool:
        return isinstance(self._index, OnGpu)

    @property
    def dim(self) -> int:
        return self._index.d

    def __len__(self) -> int:
        return self._index.ntotal

    def search(self, queries: np.ndarray, k: int) -> Nearest:
        queries = np.ascontiguousarray(queries, np.float32)
        k = min(k, len(self))
        if k < 1 or not len(queries):
            return Nearest([[] for _ in queries], np.empty((len(queries), 0), np.float32))
        scores, ids = self._index.search(queries, k)
        return Nearest([["" if id < 0 else f"{id:016x}" for id in row] for row in ids.tolist()], scores)

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        inner = self._index.index if self.on_gpu else faiss.downcast_index(self._index.index)
        with self._lock:  # the map of rows is made once, and so is that of an IVF index
            if self._rows is None:
                self._rows = {id: row for row, id in enumerate(self.ids().tolist())}
                if isinstance(inner, faiss.IndexIVF):
                    inner.make_direct_map()
            try:
                rows = np.array([self._rows[int(id, 16)] for id in ids], np.int64)
                return inner.reconstruct_batch(rows) if len(rows) else np.empty((0, self.dim), np.float32)
            except (KeyError, ValueError):
                raise QueryError("An id that was asked for is not in the index.") from None
            except RuntimeError as error:  # of factories that keep no vector
                raise QueryError(f"This index cannot give its vectors back: {first_line(error)}") from error

    def ids(self) -> np.ndarray:
        return self._index.ids if self.on_gpu else faiss.vector_to_array(self._index.id_map)

    @property
    def metadata(self) -> dict[str, Any]:
        return {"store": FAISS.name, "faiss": faiss.__version__, "on_gpu": self.on_gpu, "count": len(self)}


def _open(directory: Path, name: str, manifest: Manifest, use_gpu: bool | None) -> FaissStore:
    """Opens `<directory>/<name>.faiss`. An index that the GPU has no room or no code for stays on the CPU."""
    path = directory / f"{name}.faiss"
    manifest.verify_files(directory, path.name)
    store = FaissStore.read(path)
    on_gpu = gpu_count() > 0 if use_gpu is None else use_gpu
    return store.to_gpu(str(path)) if on_gpu else store


FAISS = StoreKind("faiss", _open)
