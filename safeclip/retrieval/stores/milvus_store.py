"""Milvus as an index store: a collection of a server, or of Milvus Lite, which is a folder and runs in this process.

Beside the manifest lies `<name>.milvus.json`, which says where the collection is. A password or token is read from
`MILVUS_TOKEN`, and stands in no file.
"""

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...command_names import REBUILD
from ...errors import IndexCorruptError, QueryError, first_line
from ...runtime.atomic_files import write_atomically
from ..manifest import Manifest
from .store import Nearest, StoreKind

if TYPE_CHECKING:
    from pymilvus import MilvusClient

NAME = "milvus"
LARGEST_K = 16_384  # of one search
# A message to the server holds at most 64 MB, an answer to a query at most 16,384 rows.
_INSERT_BYTES = 16 << 20
_QUERY_ROWS = 1024
_ID, _VECTOR = "id", "vector"


@dataclass(frozen=True)
class Place:
    """Place of the vectors: a `collection` at a `uri`, an address, or a folder beside the manifest for Milvus Lite."""

    uri: str
    collection: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises IndexCorruptError for a file that does not say where a collection is."""
        try:
            fields = json.loads(path.read_bytes())
            return cls(uri=str(fields["uri"]), collection=str(fields["collection"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise IndexCorruptError(f"{path}: this file names no collection of Milvus ({error}). {REBUILD}") from error

    def write(self, path: Path) -> None:
        write_atomically(path, f"{json.dumps(asdict(self))}\n".encode())

    @property
    def is_server(self) -> bool:
        return "://" in self.uri

    def connect(self, directory: Path) -> "MilvusClient":
        """Connects to the server, or opens the folder. Raises IndexCorruptError where neither answers."""
        return connect(self.uri if self.is_server else str(directory / self.uri))

    def release(self, directory: Path) -> None:
        """Ends Milvus Lite's hold on the folder, which is about to be moved or removed; a server is left alone."""
        if not self.is_server and _is_installed("milvus_lite"):  # without it this process holds no folder
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(str(directory / self.uri))

    def drop(self) -> None:
        """Drops a server's collection. Raises IndexCorruptError where it does not answer, or refuses."""
        client = self.connect(Path())
        try:
            with _explained(f"the collection {self.collection}"):
                client.drop_collection(self.collection)
        finally:
            client.close()


class MilvusStore:
    """A collection of content ids and vectors; see `IndexStore`. Milvus compares by inner product."""

    def __init__(self, client: "MilvusClient", collection: str) -> None:
        """Raises IndexCorruptError when the collection is not there."""
        self._client = client
        self.collection = collection
        self._count: int | None = None  # asked for once: a search must not wait for a second answer
        with _explained(f"the collection {collection}"):
            client.load_collection(collection)  # into the memory of the server; nothing where it is there
            fields = client.describe_collection(collection)["fields"]
            self._dim = next(int(field["params"]["dim"]) for field in fields if field["name"] == _VECTOR)

    @classmethod
    def create(cls, client: "MilvusClient", collection: str, dim: int, index_type: str = "FLAT") -> Self:
        """Makes an empty collection; one of that name is dropped. `index_type` is Milvus's: FLAT is exact."""
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(_ID, DataType.INT64, is_primary=True)
        schema.add_field(_VECTOR, DataType.FLOAT_VECTOR, dim=dim)
        index = client.prepare_index_params()
        index.add_index(_VECTOR, index_type=index_type, metric_type="IP")
        with _explained(f"the collection {collection}"):
            client.drop_collection(collection)
            client.create_collection(collection, schema=schema, index_params=index, consistency_level="Strong")
        return cls(client, collection)

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Adds vectors (n, d) under content ids (n,) int64, a few megabytes at a time."""
        step = max(1, _INSERT_BYTES // (4 * self._dim))
        for start in range(0, len(ids), step):
            self._count = None
            piece = zip(ids[start : start + step].tolist(), vectors[start : start + step], strict=True)
            with _explained(f"the collection {self.collection}"):
                self._client.insert(self.collection, [{_ID: id, _VECTOR: vector} for id, vector in piece])

    @property
    def dim(self) -> int:
        return self._dim

    def __len__(self) -> int:
        if self._count is None:
            with _explained(f"the collection {self.collection}"):
                (row,) = self._client.query(self.collection, filter="", output_fields=["count(*)"])
            self._count = int(row["count(*)"])
        return self._count

    def search(self, queries: np.ndarray, k: int) -> Nearest:
        """Raises QueryError for more than 16,384 results, which Milvus does not give at a time."""
        if k > LARGEST_K:
            raise QueryError(f"Milvus finds at most {LARGEST_K:,} results at a time, not {k:,}: ask for fewer.")
        k = min(k, len(self))
        if k < 1 or not len(queries):
            return Nearest([[] for _ in queries], np.empty((len(queries), 0), np.float32))
        data = list(np.ascontiguousarray(queries, np.float32))
        with _explained(f"the collection {self.collection}"):
            answers = self._client.search(self.collection, data=data, limit=k, output_fields=[_ID])
        scores = np.zeros((len(queries), k), np.float32)
        ids = [[""] * k for _ in answers]
        for row, answer in enumerate(answers):
            for place, hit in enumerate(answer):
                ids[row][place], scores[row, place] = f"{hit[_ID]:016x}", hit["distance"]
        return Nearest(ids, scores)

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        found: dict[str, list[float]] = {}
        for start in range(0, len(ids), _QUERY_ROWS):
            numbers = [int(id, 16) for id in ids[start : start + _QUERY_ROWS]]
            with _explained(f"the collection {self.collection}"):
                rows = self._client.get(self.collection, ids=numbers, output_fields=[_VECTOR])
            found |= {f"{row[_ID]:016x}": row[_VECTOR] for row in rows}
        try:
            return np.array([found[id] for id in ids], np.float32).reshape(len(ids), self.dim)
        except KeyError:
            raise QueryError("An id that was asked for is not in the index.") from None

    def ids(self) -> np.ndarray:
        pages, last = [np.empty(0, np.int64)], -1  # content ids are not negative
        while True:
            with _explained(f"the collection {self.collection}"):
                rows = self._client.query(
                    self.collection, filter=f"{_ID} > {last}", output_fields=[_ID], limit=LARGEST_K
                )
            if not rows:
                break
            pages.append(np.sort(np.array([row[_ID] for row in rows], np.int64)))
            last = int(pages[-1][-1])
        found = np.concatenate(pages)
        if len(found) != len(self):  # the server did not answer with the smallest ids of each page
            raise IndexCorruptError(f"Milvus lists {len(found):,} ids of {len(self):,} in {self.collection}. {REBUILD}")
        return found

    @property
    def metadata(self) -> dict[str, Any]:
        return {"store": NAME, "collection": self.collection, "count": len(self)}


def require_client(uri: str) -> None:
    """Raises IndexCorruptError when Milvus's client, or Milvus Lite for a folder, is not installed."""
    needed = ("pymilvus",) if "://" in uri else ("pymilvus", "milvus_lite")
    if not all(map(_is_installed, needed)):
        raise IndexCorruptError(
            "This index is in Milvus, whose client is not installed: pip install 'safeclip-lab[scale]', and for a "
            "folder of Milvus Lite: pip install --no-deps milvus-lite"
        )


def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def connect(uri: str) -> "MilvusClient":
    """Connects to the Milvus server at an address, or opens a folder with Milvus Lite.

    Raises IndexCorruptError when the client, or the server, is not there.
    """
    require_client(uri)
    from pymilvus import MilvusClient

    if "://" not in uri:  # Milvus Lite reports the calls that it lacks as exceptions, and its client does without them
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
    with _explained(uri):
        return MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", ""))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turns Milvus's errors inside the block into an IndexCorruptError about `what`."""
    from pymilvus import MilvusException

    try:
        yield
    except (MilvusException, OSError, ModuleNotFoundError) as error:  # the last one: of what Milvus Lite depends on
        raise IndexCorruptError(
            f"Milvus does not answer for {what}: {first_line(error)}. Start the server, or correct its address. "
            f"{REBUILD}"
        ) from error


def _open(directory: Path, name: str, manifest: Manifest, use_gpu: bool | None) -> MilvusStore:
    """Opens the collection that `<directory>/<name>.milvus.json` names; a GPU, if any, is the server's."""
    file = f"{name}.milvus.json"
    manifest.verify_files(directory, file)
    place = Place.read(directory / file)
    store = MilvusStore(place.connect(directory), place.collection)
    if len(store) != manifest.files[file]["count"]:
        raise IndexCorruptError(
            f"{directory / file}: the collection {place.collection} holds {len(store):,} vectors, not "
            f"{manifest.files[file]['count']:,}. {REBUILD}"
        )
    return store


MILVUS = StoreKind(NAME, _open)
