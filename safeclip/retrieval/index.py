"""Opens the index of a seat, after checking that it belongs to the encoder that will query it."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import IndexMismatchError, ManifestError
from .manifest import Manifest
from .stores import STORES
from .stores.store import IndexStore

if TYPE_CHECKING:
    from ..encoders import Encoder


def open_index(directory: str | Path, name: str, encoder: "Encoder", *, use_gpu: bool | None = None) -> IndexStore:
    """Opens the index `name` ("images" or "captions") of a seat's `directory` for queries embedded by `encoder`.

    `use_gpu` says whether to search on a GPU, by default where there is one.
    Raises ManifestError for a manifest that is missing, edited or of an unknown kind of store, IndexMismatchError for
    an index of another encoder, IndexCorruptError for a file that is missing or altered.
    """
    directory = Path(directory)
    manifest = Manifest.read(directory)
    manifest.verify_encoder(encoder, directory)
    if (kind := STORES.get(manifest.store)) is None:
        raise ManifestError(
            f"{directory}: there is no kind of index store “{manifest.store}”. Known kinds: {', '.join(STORES)}."
        )
    store = kind.open(directory, name, manifest, use_gpu)
    if store.dim != encoder.dim:
        raise IndexMismatchError(
            f"{directory}: the vectors of {name} are {store.dim} wide, the encoder's {encoder.dim}."
        )
    return store
