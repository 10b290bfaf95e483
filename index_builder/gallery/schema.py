"""Columns of a gallery's Parquet files as the importer writes them."""

from __future__ import annotations

import pyarrow as pa

from safeclip.retrieval.gallery_schema import NOT_JUDGED as NOT_JUDGED
from safeclip.retrieval.gallery_schema import arrow_schema

_SCORE = pa.struct({"judge": pa.string(), "version": pa.string(), "threshold": pa.float32(), "value": pa.float32()})
SCHEMA = arrow_schema(
    {"width": pa.int32(), "height": pa.int32(), "file_name": pa.string()}
    | {"labelled_by": pa.string(), "scores": pa.list_(_SCORE)}
)
