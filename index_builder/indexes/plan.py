"""Which index to build for how many vectors, and how good it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from safeclip.retrieval.stores.milvus_store import require_client

from ..errors import BuildError
from ..options import BuildOptions
from .choose import Choice, candidates, choose
from .faiss_factory import rehearse

# Kinds of `--index` by Milvus's names; a server chooses parameters of AUTOINDEX itself.
MILVUS_TYPES = {"flat16": "FLAT", "flat32": "FLAT", "auto": "AUTOINDEX"}


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

        Without any vector it is the one index that needs no training. Raises BuildError when nothing fits.
        """
        if not n:
            return [choose("flat16", n, dim)]
        if self.factory:
            return [Choice("factory", self.factory, None, "the factory was given")]
        return candidates(self.kind, n, dim, None if self.memory is None else self.memory * n // max(1, vectors))

    def check(self, counts: Mapping[str, int], dim: int) -> None:
        """Raises BuildError for a kind or factory that cannot be made of so many vectors, before hours of embedding.

        `counts` are by modality. The recall is not known before, and may still fall under the floor.
        For Milvus also IndexCorruptError, where its client is not installed.
        """
        if self.milvus:
            self._check_milvus()
        else:
            total = sum(counts.values())
            for n in counts.values():
                rehearse(self.candidates(n, dim, total)[0].factory, n, total - n, dim)

    def _check_milvus(self) -> None:
        if self.kind not in MILVUS_TYPES or self.factory:
            wanted = self.factory or self.kind
            raise BuildError(f"Milvus is asked for --index {', '.join(MILVUS_TYPES)}, not for {wanted!r}.")
        if "@" in self.milvus:  # the address is written beside the manifest
            raise BuildError(
                "--milvus takes an address without user and password: give those as MILVUS_TOKEN=user:password."
            )
        require_client(self.milvus)
