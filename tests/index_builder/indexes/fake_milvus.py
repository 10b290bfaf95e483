"""A Milvus server and its client `pymilvus`, in this process."""

import importlib.machinery
import sys
import types

import numpy as np

ADDRESS = "http://milvus.example:19530"


class MilvusException(Exception):
    """What the client raises."""


class FakeMilvus:
    """Collections by name, each the vectors by id. `blind` finds nothing; `keeps` refuses to drop a collection."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[int, np.ndarray]] = {}
        self.dims: dict[str, int] = {}
        self.blind = self.keeps = False


def serve_milvus(monkeypatch) -> FakeMilvus:
    """Installs the client of an empty server at every address for one test."""
    server = FakeMilvus()
    module = types.ModuleType("pymilvus")
    module.__spec__ = importlib.machinery.ModuleSpec("pymilvus", None)
    module.MilvusException = MilvusException
    module.DataType = types.SimpleNamespace(INT64=5, FLOAT_VECTOR=101)
    module.MilvusClient = lambda uri, token="": _Client(server)
    monkeypatch.setitem(sys.modules, "pymilvus", module)
    return server


class _Client:
    def __init__(self, server: FakeMilvus) -> None:
        self._server = server

    def create_schema(self, **_: object) -> types.SimpleNamespace:
        schema = types.SimpleNamespace(dim=0)
        schema.add_field = lambda name, kind, dim=0, **_: setattr(schema, "dim", dim or schema.dim)
        return schema

    def prepare_index_params(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(add_index=lambda *_, **__: None)

    def drop_collection(self, name: str) -> None:
        if self._server.keeps and name in self._server.collections:
            raise MilvusException("permission denied")
        self._server.collections.pop(name, None)

    def create_collection(self, name: str, schema: types.SimpleNamespace, **_: object) -> None:
        self._server.collections[name], self._server.dims[name] = {}, schema.dim

    def load_collection(self, name: str) -> None:
        if name not in self._server.collections:
            raise MilvusException("collection not found")

    def describe_collection(self, name: str) -> dict:
        return {"fields": [{"name": "vector", "params": {"dim": self._server.dims[name]}}]}

    def insert(self, name: str, rows: list[dict]) -> None:
        self._server.collections[name] |= {row["id"]: row["vector"] for row in rows}

    def query(self, name: str, **_: object) -> list[dict]:
        return [{"count(*)": len(self._server.collections[name])}]

    def search(self, name: str, data: list, limit: int, **_: object) -> list[list[dict]]:
        rows = {} if self._server.blind else self._server.collections[name]
        found = []
        for query in data:
            scores = {id: float(query @ vector) for id, vector in rows.items()}
            best = sorted(scores, key=scores.__getitem__, reverse=True)[:limit]
            found.append([{"id": id, "distance": scores[id]} for id in best])
        return found

    def close(self) -> None:
        pass
