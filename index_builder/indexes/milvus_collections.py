"""Makes the collections of a seat in Milvus: new ones beside those in use, which are dropped after the exchange."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from safeclip.errors import SafeClipError
from safeclip.profiles import Seat
from safeclip.retrieval.stores.milvus_store import NAME, MilvusStore, Place

from ..errors import BuildError
from ..gallery.rows import MODALITIES
from .fitting import Embeddings, true_answers
from .made import MadeIndex
from .plan import IndexPlan
from .recall import recall

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# The value of `--milvus` that means Milvus Lite, and the folder that it gets beside the manifest.
LITE, LITE_FOLDER = "lite", "milvus.db"
_SUFFIX = ".milvus.json"
# Kinds of `--index` by Milvus's names; a server chooses parameters of AUTOINDEX itself.
_TYPES = {"flat16": "FLAT", "flat32": "FLAT", "auto": "AUTOINDEX"}


def make_collections(
    embeddings: Embeddings, plan: IndexPlan, seat: Seat, in_use: Path, folder: Path
) -> dict[str, MadeIndex]:
    """Fills a collection for each modality, and writes into `folder` where it is.

    Raises BuildError for a kind of index that Milvus is not asked for, and for a recall under the plan's floor.
    """
    if plan.kind not in _TYPES or plan.factory:
        raise BuildError(f"Milvus is asked for --index {', '.join(_TYPES)}, not for {plan.factory or plan.kind!r}.")
    if "@" in plan.milvus:  # the address is written beside the manifest
        raise BuildError(
            "--milvus takes an address without user and password: give those as MILVUS_TOKEN=user:password."
        )
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


def release_collections(folder: Path) -> list[Place]:
    """The collections that a seat's folder names; the folder may be replaced from now on."""
    places = [Place.read(file) for file in sorted(folder.glob(f"*{_SUFFIX}"))]
    for place in places:
        place.release(folder)
    return places


def drop_collections(places: list[Place]) -> None:
    """Drops collections of a server that are no longer in use; where it does not answer, they stay.

    Those of Milvus Lite have gone with their folder.
    """
    for place in (each for each in places if each.is_server):
        try:
            client = place.connect(Path())
        except SafeClipError:
            continue
        client.drop_collection(place.collection)
        client.close()


def _make(
    embeddings: Embeddings, plan: IndexPlan, seat: Seat, modality: str, place: Place, client: MilvusClient, folder: Path
) -> MadeIndex:
    store = MilvusStore.create(client, place.collection, embeddings.encoder.dim, _TYPES[plan.kind])
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
    place.write(folder / f"{modality}{_SUFFIX}")
    return MadeIndex(
        file=folder / f"{modality}{_SUFFIX}",
        store=NAME,
        count=len(store),
        dtype="float32",
        factory=_TYPES[plan.kind],
        reason=f"Milvus at {place.uri}",
        effort="the server's",
        recall=found,
    )


def _new_name(modality: str, seat: str) -> str:
    """A name that no collection has; Milvus allows letters, digits and underscores in it."""
    return f"{modality}_{re.sub('[^A-Za-z0-9]', '_', seat)}_{secrets.token_hex(4)}"
