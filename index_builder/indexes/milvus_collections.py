"""Makes the collections of a seat in Milvus: new ones beside those in use, which are dropped after the exchange."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from safeclip.errors import IndexCorruptError, SafeClipError
from safeclip.profiles import Seat
from safeclip.retrieval.stores.milvus_store import NAME, MilvusStore, Place

from ..errors import BuildError
from ..gallery.rows import MODALITIES
from .fitting import Embeddings, true_answers
from .made import MadeIndex
from .plan import MILVUS_TYPES, IndexPlan
from .recall import recall

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# The value of `--milvus` that means Milvus Lite, and the folder that it gets beside the manifest.
LITE, LITE_FOLDER = "lite", "milvus.db"
_SUFFIX = ".milvus.json"


def make_collections(
    embeddings: Embeddings, plan: IndexPlan, seat: Seat, in_use: Path, folder: Path
) -> dict[str, MadeIndex]:
    """Writes into `folder` where the collection of each modality will be, and fills it, for a plan that was checked.

    Raises BuildError for a recall under the plan's floor. After any error `discard_collections` drops what was made.
    """
    uri = LITE_FOLDER if plan.milvus == LITE else plan.milvus
    places = {modality: Place(uri, _new_name(modality, seat.key)) for modality in MODALITIES}
    client = places["images"].connect(folder)
    try:
        return {
            modality: _make(embeddings, plan, seat, modality, place, client, folder)
            for modality, place in places.items()
        }
    finally:
        client.close()
        places["images"].release(folder)


def find_places(folder: Path) -> list[Place]:
    """The collections that a seat's folder names. A file that is damaged names none: the seat can be built anew."""
    places = []
    for file in sorted(folder.glob(f"*{_SUFFIX}")):
        with suppress(IndexCorruptError):
            places.append(Place.read(file))
    return places


def release_collections(folder: Path) -> list[Place]:
    """The collections that a seat's folder names; the folder may be replaced from now on."""
    places = find_places(folder)
    for place in places:
        place.release(folder)
    return places


def drop_collections(places: list[Place]) -> list[str]:
    """Drops collections of a server that are no longer in use; returns the names and addresses of those that stay.

    A collection stays where the server does not answer, or refuses. Those of Milvus Lite have gone with their folder.
    """
    left = []
    for place in (each for each in places if each.is_server):
        try:
            place.drop()
        except SafeClipError:
            left.append(f"{place.collection} at {place.uri}")
    return left


def discard_collections(folder: Path) -> list[str]:
    """Drops the collections that a folder names; returns what `drop_collections` does."""
    return drop_collections(release_collections(folder))


def _make(
    embeddings: Embeddings, plan: IndexPlan, seat: Seat, modality: str, place: Place, client: MilvusClient, folder: Path
) -> MadeIndex:
    place.write(folder / f"{modality}{_SUFFIX}")  # first, so that what a build leaves is found when it ends early
    store = MilvusStore.create(client, place.collection, embeddings.encoder.dim, MILVUS_TYPES[plan.kind])
    for ids, vectors in embeddings.shards(modality):
        store.add(ids, vectors)
    truth = true_answers(embeddings, modality)
    found = {kind: recall(store, queries, truth[kind]) for kind, queries in embeddings.queries.items()}
    measured = {kind: value for kind, value in found.items() if value is not None}
    if poor := [f"{kind} {value:.1%}" for kind, value in measured.items() if value < plan.recall_floor]:
        raise BuildError(
            f"The collection of {seat.key}'s {modality} finds {', '.join(poor)} of the true 10 nearest, less than "
            f"--recall-floor {plan.recall_floor}. Choose --index flat32, or lower the floor."
        )
    return MadeIndex(
        file=folder / f"{modality}{_SUFFIX}",
        store=NAME,
        count=len(store),
        dtype="float32",
        factory=MILVUS_TYPES[plan.kind],
        reason=f"Milvus at {place.uri}",
        effort="the server's",
        recall=found,
    )


def _new_name(modality: str, seat: str) -> str:
    """A name that no collection has; Milvus allows letters, digits and underscores in it."""
    return f"{modality}_{re.sub('[^A-Za-z0-9]', '_', seat)}_{secrets.token_hex(4)}"
