"""Table of the index stores. A new store is one file with its `StoreKind`, and one entry of `STORES`."""

from .faiss_store import FAISS
from .milvus_store import MILVUS
from .store import StoreKind

STORES: dict[str, StoreKind] = {kind.name: kind for kind in (FAISS, MILVUS)}
