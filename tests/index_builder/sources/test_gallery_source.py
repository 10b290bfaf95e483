import pytest

from index_builder.sources.gallery import Row, Source, mismatch
from safeclip.errors import GalleryError
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery


def test_it_holds_what_the_library_sees(tiny_gallery, rows):
    source, gallery = Source(tiny_gallery), Gallery.open(tiny_gallery)
    assert source.gallery.items == gallery.items
    assert source.gallery.fingerprint == gallery.fingerprint
    assert source.gallery.license == "cc-by-4.0"
    assert source.ids("images") == [row["image_id"] for row in rows]
    assert source.ids("captions") == list(gallery.captions)
    assert source.duplicates == {"images": {}, "captions": {}}
    assert all(source.unsafe[row["image_id"]] == row["unsafe"] == source.unsafe[row["caption_id"]] for row in rows)


def test_rows_are_read_in_the_gallerys_order_across_files_and_groups(gallery_of, rows):
    source = Source(gallery_of(rows, files=2))
    wanted = [rows[place]["image_id"] for place in (11, 0, 7, 1)]
    assert [row.id for row in source.read("images", wanted)] == [rows[i]["image_id"] for i in (0, 1, 7, 11)]
    assert [row.source for row in source.read("images", wanted)] == [
        "test-00000-of-00002.parquet row 0",
        "test-00000-of-00002.parquet row 1",
        "test-00001-of-00002.parquet row 1",
        "test-00001-of-00002.parquet row 5",
    ]
    contents = {row.id: row.content for row in source.read("images", source.ids("images"))}
    assert contents == {row["image_id"]: row["image"]["bytes"] for row in rows}
    captions = {row.id: row.content for row in source.read("captions", source.ids("captions"))}
    assert captions == {row["caption_id"]: row["caption"] for row in rows}


def test_duplicates_count_once_and_blank_captions_not_at_all(gallery_of, rows):
    twice = {**rows[3], "caption": "  ", "caption_id": content_id("  ")}
    source = Source(gallery_of([*rows[:5], twice, rows[3]]))
    assert source.rows == 7
    assert source.ids("images") == [row["image_id"] for row in rows[:5]]
    assert source.duplicates["images"] == {rows[3]["image_id"]: 2}
    assert source.duplicates["captions"] == {rows[3]["caption_id"]: 1}
    assert source.blank == 1
    assert len(list(source.read("images", source.ids("images")))) == 5


def test_a_row_that_is_not_what_its_id_says():
    assert mismatch(Row(content_id("a dog"), "row 0", "a dog")) is None
    assert mismatch(Row(content_id(b"\x00"), "row 0", b"\x00")) is None
    assert "damaged" in mismatch(Row(content_id("a dog"), "row 0", "a cat"))
    assert "no content" in mismatch(Row(content_id("a dog"), "row 0", None))


def test_what_is_no_gallery_is_a_clear_error(tmp_path, gallery_of, rows):
    with pytest.raises(GalleryError, match="index_builder.sources.folder"):
        Source(tmp_path)
    with pytest.raises(GalleryError, match="not a content id"):
        Source(gallery_of([{**rows[0], "image_id": "7"}], "bad-id"))
    with pytest.raises(GalleryError, match="columns twin are missing"):
        Source(gallery_of([{key: value for key, value in rows[0].items() if key != "twin"}], "no-twin"))
    cut = gallery_of(rows, "cut")
    path = next(cut.glob("data/*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(GalleryError, match="cannot be read"):
        Source(cut)
