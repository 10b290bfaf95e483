"""FAISS indexes on a GPU: moving them there, and searching them one thread at a time."""

import logging
from typing import Any

import faiss
import numpy as np

from ...errors import QueryError, first_line
from ...runtime.device_lock import computing_on
from ...runtime.devices import is_out_of_memory
from ...runtime.machine import zero_gpu

log = logging.getLogger(__name__)

LARGEST_K = 2048  # of FAISS's selection on a GPU
CHUNK_ROWS = 65_536  # vectors that are in single precision at a time

# GPU indexes are not thread-safe, not even for reads, and a second set of resources would double the scratch memory:
# all of them are used under their device's lock, and share the resources that `_resources` makes once.
_DEVICE = "cuda:0"
_shared_resources: Any = None
_SCRATCH_BYTES = 256 << 20
_WHOLE_VECTORS = (faiss.IndexFlat, faiss.IndexScalarQuantizer)


class OnGpu:
    """A GPU index whose rows are numbered, with the content id of every row: `ids` (n,) int64."""

    def __init__(self, index: Any, ids: np.ndarray) -> None:
        self.index = index
        self.ids = ids

    @property
    def ntotal(self) -> int:
        return self.index.ntotal

    @property
    def d(self) -> int:
        return self.index.d

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Searches as FAISS does: scores (n, k) and content ids (n, k), −1 where nothing was found.

        Raises QueryError for more than 2,048 results, which FAISS does not select on a GPU.
        """
        if k > LARGEST_K:
            raise QueryError(f"A GPU finds at most {LARGEST_K:,} results at a time, not {k:,}: ask for fewer.")
        with computing_on(_DEVICE):
            scores, rows = self.index.search(queries, k)
        return scores, np.where(rows < 0, -1, self.ids[rows])


def gpu_count() -> int:
    """Counts the GPUs that FAISS can use; 0 for a build without GPU support, and where a GPU is only lent to calls."""
    return faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") and not zero_gpu() else 0


def to_gpu(index: Any, name: str = "the index") -> Any:
    """Moves an IndexIDMap to the first GPU, or returns `index` itself where that cannot be; the log says why.

    Vectors kept whole (Flat, SQfp16) become a flat float16 index; an IVF index keeps its lists and codes.
    """
    inner = faiss.downcast_index(index.index)
    try:
        with computing_on(_DEVICE):
            moved = _flat_copy(inner) if isinstance(inner, _WHOLE_VECTORS) else clone(inner)
    except (RuntimeError, MemoryError) as error:
        reason = "its memory does not suffice" if is_out_of_memory(error) else first_line(error)
        log.warning("%s is searched on the CPU, as the GPU cannot take it: %s", name, reason)
        return index
    return OnGpu(moved, faiss.vector_to_array(index.id_map))


def empty_flat(dim: int) -> Any:
    """Makes an empty flat float16 index on the first GPU."""
    config = faiss.GpuIndexFlatConfig()
    config.useFloat16 = True
    return faiss.GpuIndexFlatIP(_resources(), dim, config)


def clone(index: Any) -> Any:
    """Copies an index to the first GPU, in half precision where it can."""
    options = faiss.GpuClonerOptions()
    options.useFloat16 = True
    return faiss.index_cpu_to_gpu(_resources(), 0, index, options)


def _flat_copy(index: Any) -> Any:
    """Fills a flat index in pieces: all vectors in single precision would be twice what the GPU is to hold."""
    on_gpu = empty_flat(index.d)
    for start in range(0, index.ntotal, CHUNK_ROWS):
        on_gpu.add(index.reconstruct_n(start, min(CHUNK_ROWS, index.ntotal - start)))
    return on_gpu


def _resources() -> Any:
    global _shared_resources
    if _shared_resources is None:
        _shared_resources = faiss.StandardGpuResources()
        _shared_resources.setTempMemory(_SCRATCH_BYTES)
    return _shared_resources
