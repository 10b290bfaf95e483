"""Columns of a gallery's Parquet files, and the record of one row without its image."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import GalleryError


@dataclass(frozen=True, slots=True)
class Item:
    """One image and its caption. `image_id` and `caption_id` are content hashes (`hashing.content_id`).

    `twin` is the `image_id` of the safe counterpart, for a safe item its own. A safe item's `category` is "".
    """

    image_id: str
    caption_id: str
    caption: str
    unsafe: bool
    category: str
    subject: str
    object: str
    place: str
    style: str
    twin: str


IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})  # an encoded image, as `datasets` stores it
TEXTS = ("category", "subject", "object", "place", "style")
# Every column of a gallery, in the order in which files hold them.
COLUMNS: dict[str, pa.DataType] = (
    {"image": IMAGE, "image_id": pa.string(), "caption": pa.string(), "caption_id": pa.string(), "unsafe": pa.bool_()}
    | dict.fromkeys(TEXTS, pa.string())
    | {"twin": pa.string()}
)
ITEM_COLUMNS = tuple(field.name for field in fields(Item))


def arrow_schema(extra: Mapping[str, pa.DataType] | None = None) -> pa.Schema:
    """Makes the schema of a gallery's files, with columns of a writer's own (`extra`) at the end.

    Its metadata tells `datasets` that the column "image" holds images and not structs.
    """
    columns = COLUMNS | dict(extra or {})
    features = {name: _feature(kind) for name, kind in columns.items()}
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


def check_columns(schema: pa.Schema, file: Path) -> None:
    """Raises GalleryError, naming `file`, when its schema lacks a column of a gallery."""
    if absent := [name for name in COLUMNS if name not in schema.names]:
        raise GalleryError(f"{file}: the columns {', '.join(absent)} are missing. Build it again.")


def _feature(kind: pa.DataType) -> Any:
    """Describes a column's type as `datasets` does."""
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": "float32" if kind == pa.float32() else str(kind), "_type": "Value"}
