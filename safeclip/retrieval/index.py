"""A FAISS index of normalised embeddings: inner product is cosine similarity, ids are content hashes."""

import contextlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import faiss
import numpy as np

from ..errors import IndexCorruptError, IndexMismatchError, QueryError, first_line
from ..runtime.devices import is_out_of_memory
from ..runtime.machine import zero_gpu
from .manifest import Manifest

if TYPE_CHECKING:
    from ..encoders import Encoder

log = logging.getLogger(__name__)

# GPU indexes are not thread-safe, not even for reads, and a second set of resources would double the scratch
# memory: all of them share this lock, and the resources that `_resources` makes once.
_gpu_lock = threading.Lock()
_gpu_resources: "faiss.StandardGpuResources | None" = None
_GPU_SCRATCH_BYTES = 256 << 20
_GPU_LARGEST_K = 2048  # of FAISS's selection on a GPU
_CHUNK_ROWS = 65_536


class VectorIndex:
    """Vectors of width d under content ids, compared by inner product. Several threads may search it."""

    def __init__(self, index: "faiss.IndexIDMap | OnGpu") -> None:
        self.on_gpu = isinstance(index, OnGpu)
        self._index = index
        self._guard = _gpu_lock if self.on_gpu else contextlib.nullcontext()

    @classmethod
    def build(cls, ids: Sequence[str], vectors: np.ndarray, factory: str = "IDMap,SQfp16") -> Self:
        """Index `vectors` (n, d) float32 under `ids`, n different results of `hashing.content_id`.

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
    def open(cls, directory: str | Path, name: str, encoder: "Encoder", *, use_gpu: bool | None = None) -> Self:
        """Open `<directory>/<name>.faiss` for queries embedded by `encoder`; `name`: "images" or "captions".

        `use_gpu` defaults to whether FAISS sees a GPU; there flat vectors are kept in float16. An index that the GPU
        has no room or no code for stays on the CPU, which the log says.
        Raises ManifestError, IndexMismatchError or IndexCorruptError.
        """
        manifest = Manifest.read(directory)
        manifest.verify_encoder(encoder)
        path = Path(directory) / f"{name}.faiss"
        manifest.verify_files(directory, path.name)
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise IndexCorruptError(f"{path}: FAISS cannot read this file: {error}") from error
        if index.d != encoder.dim:
            raise IndexMismatchError(f"{path}: its vectors are {index.d} wide, the encoder's {encoder.dim}.")
        on_gpu = gpu_count() > 0 if use_gpu is None else use_gpu
        return cls(to_gpu(index, str(path)) if on_gpu else index)

    def save(self, path: str | Path) -> None:
        """Write the index to a file. The manifest is written by whoever knows the encoder and the gallery."""
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return self._index.ntotal

    @property
    def dim(self) -> int:
        return self._index.d

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, list[list[str]]]:
        """The k best of each query (n, d): scores (n, k) float32, falling, and their ids.

        k is at most `len(self)`. An approximate factory may find fewer: a place left empty has the id "".
        Raises QueryError for more than 2,048 results from a GPU, which cannot give them.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        k = min(k, len(self))
        if k < 1 or not len(queries):
            return np.empty((len(queries), 0), np.float32), [[] for _ in queries]
        if self.on_gpu and k > _GPU_LARGEST_K:
            raise QueryError(f"A GPU finds at most {_GPU_LARGEST_K:,} results at a time, not {k:,}: ask for fewer.")
        with self._guard:
            scores, ids = self._index.search(queries, k)
        return scores, [["" if id < 0 else f"{id:016x}" for id in row] for row in ids.tolist()]


class OnGpu:
    """A GPU index whose rows are numbered, and the content id of every row."""

    def __init__(self, index: faiss.Index, ids: np.ndarray) -> None:
        self.index = index
        self.ids = ids  # (n,) int64

    @property
    def ntotal(self) -> int:
        return self.index.ntotal

    @property
    def d(self) -> int:
        return self.index.d

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As FAISS's, with content ids; −1 where nothing was found."""
        scores, rows = self.index.search(queries, k)
        return scores, np.where(rows < 0, -1, self.ids[rows])


def gpu_count() -> int:
    """How many GPUs FAISS can use; 0 for a build without GPU support, and where the GPU is only lent to calls."""
    return faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") and not zero_gpu() else 0


def to_gpu(index: faiss.IndexIDMap, name: str = "the index") -> "OnGpu | faiss.IndexIDMap":
    """The same vectors and ids on the first GPU, or `index` itself where that cannot be; the log says why.

    Vectors kept whole (Flat, SQfp16) become a flat float16 index; an IVF index keeps its lists and codes.
    """
    inner = faiss.downcast_index(index.index)
    try:
        with _gpu_lock:
            moved = _flat_on_gpu(inner) if isinstance(inner, _WHOLE_VECTORS) else _cloned_to_gpu(inner)
    except (RuntimeError, MemoryError) as error:
        reason = "its memory does not suffice" if is_out_of_memory(error) else first_line(error)
        log.warning("%s is searched on the CPU, as the GPU cannot take it: %s", name, reason)
        return index
    return OnGpu(moved, faiss.vector_to_array(index.id_map))


_WHOLE_VECTORS = (faiss.IndexFlat, faiss.IndexScalarQuantizer)


def _resources() -> "faiss.StandardGpuResources":
    global _gpu_resources
    if _gpu_resources is None:
        _gpu_resources = faiss.StandardGpuResources()
        _gpu_resources.setTempMemory(_GPU_SCRATCH_BYTES)
    return _gpu_resources


def _flat_on_gpu(index: faiss.Index) -> faiss.Index:
    """Filled in pieces: all vectors in single precision would be twice what the GPU is to hold."""
    on_gpu = _empty_flat_on_gpu(index.d)
    for start in range(0, index.ntotal, _CHUNK_ROWS):
        on_gpu.add(index.reconstruct_n(start, min(_CHUNK_ROWS, index.ntotal - start)))
    return on_gpu


def _empty_flat_on_gpu(dim: int) -> faiss.Index:
    config = faiss.GpuIndexFlatConfig()
    config.useFloat16 = True
    return faiss.GpuIndexFlatIP(_resources(), dim, config)


def _cloned_to_gpu(index: faiss.Index) -> faiss.Index:
    options = faiss.GpuClonerOptions()
    options.useFloat16 = True
    return faiss.index_cpu_to_gpu(_resources(), 0, index, options)
