"""Columns of a gallery's Parquet files, and the record of one row without its image."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from sys import intern
from typing import Any

import pyarrow as pa

from ..errors import GalleryError
from ..hashing import content_id
from ..judges.domains import HARMS
from ..judges.registry import IMAGE_JUDGES

NOT_JUDGED = ""  # `labelled_by` of an item whose `unsafe` nobody decided
OWN_LABELS = "the gallery"  # `labelled_by` in a gallery that says no more than `unsafe`


@dataclass(frozen=True, slots=True)
class ItemScore:
    """Score that a judge gave an item's image when it was taken into the gallery; harmful from `threshold` on."""

    judge: str
    version: str
    threshold: float
    value: float

    @property
    def harmful(self) -> bool:
        return self.value >= self.threshold


@dataclass(frozen=True, slots=True)
class Item:
    """One image and its caption. `image_id` and `caption_id` are content hashes (`hashing.content_id`).

    `twin` is the `image_id` of the safe counterpart, for a safe item its own. A safe item's `category` is "".
    `labelled_by` says who decided `unsafe`: the gallery itself, a rule on a column, or judges, with their `scores`.
    `unsafe` is False for an item that nobody judged, which is not a safe one: read `flag` or `label`.
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
    labelled_by: str = OWN_LABELS
    scores: tuple[ItemScore, ...] = ()

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The harms that nobody looked for: all without a label, those that no judge covers where judges gave it."""
        if self.labelled_by == NOT_JUDGED:
            return HARMS
        if not self.scores:
            return ()
        declared = [IMAGE_JUDGES.declared(score.judge) for score in self.scores]
        looked_for = {harm for judge in declared if judge is not None for harm in judge.harms}
        return tuple(harm for harm in HARMS if harm not in looked_for)

    @property
    def flag(self) -> bool | None:
        """True for an unsafe item, False for a safe one, None for one that nobody judged, or not for every harm."""
        return True if self.unsafe else None if self.unjudged else False

    @property
    def label(self) -> str:
        """'unsafe', 'safe', 'not judged' or 'not judged for violence'."""
        if self.flag is not None:
            return "unsafe" if self.flag else "safe"
        return "not judged" if self.unjudged == HARMS else f"not judged for {' and '.join(self.unjudged)}"


IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})  # an encoded image, as `datasets` stores it
TEXTS = ("category", "subject", "object", "place", "style")
# Every column of a gallery, in the order in which files hold them.
COLUMNS: dict[str, pa.DataType] = (
    {"image": IMAGE, "image_id": pa.string(), "caption": pa.string(), "caption_id": pa.string(), "unsafe": pa.bool_()}
    | dict.fromkeys(TEXTS, pa.string())
    | {"twin": pa.string()}
)
ITEM_COLUMNS = tuple(field.name for field in fields(Item) if field.default is MISSING)
LABEL_COLUMNS = ("labelled_by", "scores")  # of galleries that say who labelled an item


def arrow_schema(extra: Mapping[str, pa.DataType] | None = None) -> pa.Schema:
    """Makes the schema of a gallery's files, with columns of a writer's own (`extra`) at the end.

    Its metadata tells `datasets` that the column "image" holds images and not structs.
    """
    columns = COLUMNS | dict(extra or {})
    features = {name: _feature(kind) for name, kind in columns.items()}
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


def check_columns(schema: pa.Schema, file: Path) -> None:
    """Raises GalleryError, naming `file`, when its schema lacks a column of a gallery or holds no images."""
    if absent := [name for name in COLUMNS if name not in schema.names]:
        raise GalleryError(f"{file}: the columns {', '.join(absent)} are missing. Build it again.")
    kind = schema.field("image").type
    if not (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0):
        raise GalleryError(f"{file}: the column image holds {kind}, not encoded images as `datasets` stores them.")


def read_items(batch: pa.RecordBatch) -> Iterator[Item]:
    """Yields the items of a batch of a gallery's rows, which may lack the columns of `LABEL_COLUMNS`.

    An item whose `unsafe` is null is not judged; a text that is null is empty, and a twin the item itself. Raises
    GalleryError for an item without an id.
    """
    columns = [batch[name].to_pylist() for name in ITEM_COLUMNS]
    blank = [None] * len(batch)
    labels = [batch[name].to_pylist() if name in batch.schema.names else blank for name in LABEL_COLUMNS]
    for row, labelled_by, scores in zip(zip(*columns, strict=True), *labels, strict=True):
        values = _shared(_filled(dict(zip(ITEM_COLUMNS, row, strict=True))))
        if values["unsafe"] is None:
            values["unsafe"], labelled_by = False, NOT_JUDGED
        by = OWN_LABELS if labelled_by is None else intern(labelled_by)
        yield Item(**values, labelled_by=by, scores=tuple(ItemScore(**score) for score in scores or ()))


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a row without nulls, which other writers leave where nothing is to be said."""
    if not values["image_id"]:
        raise GalleryError("A picture of the gallery has no image_id. Import its pictures again.")
    for name in ("caption", *TEXTS):
        values[name] = values[name] or ""
    values["twin"] = values["twin"] or values["image_id"]
    values["caption_id"] = values["caption_id"] or content_id(values["caption"])
    return values


def _shared(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a row, of which those that repeat are in memory once: words, and the twin that is the item."""
    words = {name: intern(values[name]) for name in TEXTS if values[name]}
    own = {"twin": values["image_id"]} if values["twin"] == values["image_id"] else {}
    return values | words | own


def _feature(kind: pa.DataType) -> Any:
    """Describes a column's type as `datasets` does."""
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": "float32" if kind == pa.float32() else str(kind), "_type": "Value"}
