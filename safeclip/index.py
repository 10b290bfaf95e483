"""A FAISS index of normalised embeddings: inner product is cosine similarity, ids are content hashes."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np

from .compat import Self
from .errors import IndexCorruptError, IndexMismatchError
from .manifest import Manifest

if TYPE_CHECKING:
    from .encoders import Encoder

# GPU indexes are not thread-safe, not even for reads, and a second set of resources would double the scratch
# memory: all of them share this lock, and the resources that `_to_gpu` makes once.
_gpu_lock = threading.Lock()
_gpu_resources: "faiss.StandardGpuResources | None" = None
_GPU_SCRATCH_BYTES = 256 << 20


class VectorIndex:
    """Vectors of width d under content ids, compared by inner product. Several threads may search it."""

    def __init__(self, index: faiss.IndexIDMap, *, on_gpu: bool = False) -> None:
        self.on_gpu = on_gpu
        self._index = index
        self._guard = _gpu_lock if on_gpu else contextlib.nullcontext()

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

        `use_gpu` defaults to whether FAISS sees a GPU; there the vectors are kept flat in float16.
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
        return cls(_to_gpu(index) if on_gpu else index, on_gpu=on_gpu)

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
        """
        queries = np.ascontiguousarray(queries, np.float32)
        k = min(k, len(self))
        if k < 1 or not len(queries):
            return np.empty((len(queries), 0), np.float32), [[] for _ in queries]
        with self._guard:
            scores, ids = self._index.search(queries, k)
        return scores, [["" if id < 0 else f"{id:016x}" for id in row] for row in ids.tolist()]


def gpu_count() -> int:
    """How many GPUs FAISS can use; 0 for a build without GPU support."""
    return faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0


def _to_gpu(index: faiss.IndexIDMap) -> faiss.IndexIDMap:
    """The same vectors and ids as a flat float16 index on the first GPU."""
    global _gpu_resources
    vectors = index.index.reconstruct_n(0, index.ntotal)
    ids = faiss.vector_to_array(index.id_map)
    config = faiss.GpuIndexFlatConfig()
    config.useFloat16 = True
    with _gpu_lock:
        if _gpu_resources is None:
            _gpu_resources = faiss.StandardGpuResources()
            _gpu_resources.setTempMemory(_GPU_SCRATCH_BYTES)
        on_gpu = faiss.IndexIDMap(faiss.GpuIndexFlatIP(_gpu_resources, index.d, config))
        on_gpu.add_with_ids(vectors, ids)
    return on_gpu
