"""Which index to build for how many vectors, and how good it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..options import BuildOptions
from .choose import Choice, candidates
from .faiss_factory import empty_index


@dataclass(frozen=True)
class IndexPlan:
    """The kind of index that was asked for, the memory in bytes of a seat's indexes, and the least recall@10 to accept.

    A `factory` for FAISS, where one is given, overrides the kind. `anew` builds and trains every index from the
    beginning, so that nothing of the ones in use goes into them. `milvus` is the address of a Milvus server to keep the
    vectors in, or "lite"; "" means FAISS files.
    """

    kind: str = "flat16"
    factory: str = ""
    memory: int | None = None
    recall_floor: float = 0.0
    anew: bool = False
    milvus: str = ""

    @classmethod
    def of(cls, options: BuildOptions, *, anew: bool = False) -> Self:
        memory = None if options.memory_gb is None else int(options.memory_gb * 1e9)
        return cls(options.index, options.factory, memory, options.recall_floor, anew or options.fresh, options.milvus)

    def candidates(self, n: int, dim: int, vectors: int) -> list[Choice]:
        """The indexes to try in turn for n of a seat's `vectors`, which share the memory evenly.

        Raises BuildError when nothing fits.
        """
        if self.factory:
            return [Choice("factory", self.factory, None, "the factory was given")]
        return candidates(self.kind, n, dim, None if self.memory is None else self.memory * n // max(1, vectors))

    def check(self, n: int, dim: int) -> None:
        """Raises BuildError for a kind or factory that cannot be made, before hours of embedding."""
        empty_index(self.candidates(n, dim, n)[0].factory, dim)
