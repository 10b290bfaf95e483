"""Columns of a gallery's Parquet files as the importer writes them."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

TEXTS = ("category", "subject", "object", "place", "style")
_SCORE = pa.struct({"judge": pa.string(), "version": pa.string(), "threshold": pa.float32(), "value": pa.float32()})
_COLUMNS = (
    {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "image_id": pa.string()}
    | {"caption": pa.string(), "caption_id": pa.string(), "unsafe": pa.bool_()}
    | dict.fromkeys(TEXTS, pa.string())
    | {"twin": pa.string(), "width": pa.int32(), "height": pa.int32(), "file_name": pa.string()}
    | {"labelled_by": pa.string(), "scores": pa.list_(_SCORE)}
)
# `labelled_by` of a row whose `unsafe` nobody decided; it is False there, but the image must not be called safe.
NOT_JUDGED = ""


def _feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    """A column as `datasets` describes it."""
    if name == "image":  # tells `datasets` that the column holds images, not structs
        return {"_type": "Image"}
    if name == "scores":
        return {"feature": {field.name: _feature(field.name, field.type) for field in _SCORE}, "_type": "List"}
    return {"dtype": "float32" if kind == pa.float32() else str(kind), "_type": "Value"}


_FEATURES = {name: _feature(name, kind) for name, kind in _COLUMNS.items()}
SCHEMA = pa.schema(_COLUMNS, {"huggingface": json.dumps({"info": {"features": _FEATURES}})})
