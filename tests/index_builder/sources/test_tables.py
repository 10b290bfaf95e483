"""Parquet and Arrow files: their columns, and files that are damaged."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from index_builder.errors import BuildError
from index_builder.options import SourceOptions
from index_builder.sources import open_source
from index_builder.sources.tables.columns import Columns
from tests.index_builder.sources.places import PLACES, ROWS, as_parquet


def test_columns_are_chosen_by_name(tmp_path):
    rows = [{"photo": row["image"], "lines": [row["caption"], "another"], "NSFW": "UNSURE"} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pytest.raises(BuildError, match="no column 'image' or .*--image-column: photo, lines, NSFW"):
        open_source(str(tmp_path))
    with pytest.raises(BuildError, match="no column 'words'"):
        open_source(str(tmp_path), SourceOptions(image_column="photo", caption_column="words"))
    items = list(open_source(str(tmp_path), SourceOptions(image_column="photo", caption_column="lines")).items())
    assert [item.caption for item in items] == [row["caption"] for row in ROWS]
    assert items[0].metadata == {"NSFW": "UNSURE"}


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (None, "the row has no image"),
        ({"bytes": None, "path": None}, "the row has no image"),
        ("", "the row has no image"),
        (np.zeros((2, 2)), "'image' holds ndarray, not bytes"),
        ("y.jpg", "'image' holds a text, not an image. Files that a table names are not opened"),
        ({"bytes": None, "path": "y.jpg"}, "'image' holds a text, not an image. Files that a table names"),
        ("http://x/y.jpg", "'image' holds a link, not an image. Links are not followed: fetch the images first"),
    ],
)
def test_a_row_without_an_image_is_a_fault(cell, fault):
    item = Columns("image", None).item("row 1", {"image": cell, "text": "x"})
    assert item.data is None and item.fault.startswith(fault)


def test_a_table_of_links_says_what_to_do(tmp_path):
    pq.write_table(pa.table({"URL": ["http://x/y.jpg"], "TEXT": ["a dog"]}), tmp_path / "laion.parquet")
    with pytest.raises(BuildError, match="URL, TEXT. Links are not followed: fetch"):
        open_source(str(tmp_path / "laion.parquet"))


def test_a_file_that_is_no_table_is_named(tmp_path):
    for name in ("a.parquet", "a.arrow"):
        (tmp_path / name).write_bytes(b"no table at all")
        with pytest.raises(BuildError, match=f"{name}: this file cannot be read"):
            open_source(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["parquet", "embeddings"])
def test_a_cell_that_python_has_no_value_for_is_a_fault_of_its_row(kind, tmp_path):
    place = PLACES[kind](tmp_path / "place")
    file = next(place.rglob("*0.parquet"))
    table = pq.read_table(file)
    texts = pa.array([name.encode("latin-1") for name in ("a dog", "a caf\u00e9", *["a cup"] * (len(table) - 2))])
    caption = table.schema.get_field_index("caption")
    bad = pa.StringArray.from_buffers(len(texts), *texts.buffers()[1:])
    pq.write_table(table.set_column(caption, "caption", bad), file)
    items = list(open_source(f"{kind}:{place}").items())
    assert len(items) == len(ROWS) and [bool(item.fault) for item in items] == [False, True, *[False] * (len(ROWS) - 2)]
    assert items[1].name == f"{file.name} row 1" and "a cell of the row cannot be read" in items[1].fault
    assert items[2].data == ROWS[2]["image"] and items[0].caption == "a dog"


def test_damage_in_the_middle_is_a_fault_of_each_row_behind_it(tmp_path):
    file = as_parquet(tmp_path / "tables") / "0.parquet"
    source = open_source(str(tmp_path / "tables"))
    names = [item.name for item in source.items()]
    second = pq.read_metadata(file).row_group(1).column(0).dictionary_page_offset or 0
    data = bytearray(file.read_bytes())
    start = second or pq.read_metadata(file).row_group(1).column(0).data_page_offset
    data[start : start + 40] = bytes(40)
    file.write_bytes(data)
    items = list(source.items())
    assert [item.name for item in items] == names
    assert [bool(item.fault) for item in items] == [False] * 2 + [True] * 3 + [False] * 2
