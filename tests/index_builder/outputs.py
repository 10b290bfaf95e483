"""What builds are compared by."""

from pathlib import Path

import faiss
import numpy as np


def index_bytes(output: Path) -> dict[str, bytes]:
    """The indexes and the map under `output`, by their path; reports and manifests hold dates."""
    files = [*output.glob("*/*.faiss"), output / "projection.json"]
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in files}


def stored_ids(path: Path) -> np.ndarray:
    """The content ids (n,) int64 in a FAISS file."""
    index = faiss.read_index(str(path))  # which has to outlive the copy of its ids
    return faiss.vector_to_array(index.id_map)
