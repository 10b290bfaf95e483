"""Makes the FAISS files of a seat."""

from __future__ import annotations

from pathlib import Path

from safeclip.profiles import Seat
from safeclip.retrieval.stores.faiss_store import FAISS

from ..gallery.rows import MODALITIES
from .fitting import Embeddings, FittedIndex, fit_index
from .made import MadeIndex
from .plan import IndexPlan


def make_faiss_files(
    embeddings: Embeddings, plan: IndexPlan, seat: Seat, in_use: Path, folder: Path
) -> dict[str, MadeIndex]:
    """Writes the index of each modality into `folder`; those `in_use` are brought up to date where that can be."""
    fitted = {
        modality: fit_index(embeddings, modality, plan, seat.key, in_use / f"{modality}.faiss")
        for modality in MODALITIES
    }
    return {modality: _save(index, folder / f"{modality}.faiss") for modality, index in fitted.items()}


def _save(fitted: FittedIndex, path: Path) -> MadeIndex:
    fitted.index.save(path)
    choice = fitted.choice
    return MadeIndex(
        file=path,
        store=FAISS.name,
        count=len(fitted.index),
        dtype=_dtype(choice.factory),
        factory=choice.factory,
        reason=choice.reason,
        effort=fitted.effort,
        recall=fitted.recall,
    )


def _dtype(factory: str) -> str:
    return "float16" if factory.endswith("SQfp16") else "float32" if factory.endswith("Flat") else "quantised"
