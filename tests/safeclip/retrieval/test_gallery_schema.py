"""The columns of a gallery's files, as `datasets` and the library read them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Features, Image, Value

from safeclip.errors import GalleryError
from safeclip.hashing import content_id
from safeclip.paths import resolve
from safeclip.retrieval.gallery import fingerprint_of
from safeclip.retrieval.gallery_schema import COLUMNS, ITEM_COLUMNS, arrow_schema, check_columns, read_items


def test_a_file_holds_the_image_beside_every_field_of_an_item():
    assert set(COLUMNS) == {"image", *ITEM_COLUMNS}
    schema = arrow_schema()
    assert all(schema.field(name).type == (pa.bool_() if name == "unsafe" else pa.string()) for name in ITEM_COLUMNS)


def test_datasets_reads_images_texts_and_flags():
    features = Features.from_arrow_schema(arrow_schema({"width": pa.int32(), "scores": pa.list_(pa.float32())}))
    assert features["image"] == Image() and features["unsafe"] == Value("bool") and features["width"] == Value("int32")
    assert features["caption"] == Value("string") and features["scores"].feature == Value("float32")


def test_the_embedded_gallery_is_of_this_schema():
    for file in sorted(resolve("zoo/open-gallery/data").glob("*.parquet")):
        schema = pq.read_schema(file)
        assert schema.names == list(COLUMNS)
        assert Features.from_arrow_schema(schema) == Features.from_arrow_schema(arrow_schema())


def test_missing_columns_are_named_with_their_file():
    schema = arrow_schema().remove(3).remove(0)
    with pytest.raises(GalleryError, match="test.parquet: the columns image, caption_id are missing"):
        check_columns(schema, Path("test.parquet"))


def test_nulls_of_another_writer_are_empty_texts_and_an_item_that_is_its_own_twin():
    row = dict.fromkeys(ITEM_COLUMNS) | {"image_id": "a"}
    (item,) = read_items(pa.RecordBatch.from_pylist([row]))
    assert (item.caption, item.category, item.twin, item.caption_id) == ("", "", "a", content_id(""))
    assert item.flag is None and fingerprint_of([item])
    with pytest.raises(GalleryError, match="has no image_id"):
        list(read_items(pa.RecordBatch.from_pylist([dict.fromkeys(ITEM_COLUMNS)])))
