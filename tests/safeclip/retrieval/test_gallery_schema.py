"""The columns of a gallery's files, as `datasets` and the library read them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Features, Image, Value

from safeclip.errors import GalleryError
from safeclip.paths import resolve
from safeclip.retrieval.gallery_schema import COLUMNS, ITEM_COLUMNS, arrow_schema, check_columns


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
