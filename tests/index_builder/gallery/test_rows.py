import pytest

from index_builder.gallery.rows import GalleryRows, Row, mismatch
from safeclip.errors import GalleryError
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery


def test_it_holds_what_the_library_sees(tiny_gallery, rows):
    gallery_rows, gallery = GalleryRows(tiny_gallery), Gallery.open(tiny_gallery)
    assert gallery_rows.items.items == gallery.items
    assert gallery_rows.items.fingerprint == gallery.fingerprint
    assert gallery_rows.items.license == "cc-by-4.0"
    assert gallery_rows.ids("images") == [row["image_id"] for row in rows]
    assert gallery_rows.ids("captions") == list(gallery.captions)
    assert gallery_rows.duplicates == {"images": {}, "captions": {}}
    assert all(
        gallery_rows.unsafe[row["image_id"]] == row["unsafe"] == gallery_rows.unsafe[row["caption_id"]] for row in rows
    )


def test_rows_are_read_in_the_gallerys_order_across_files_and_groups(gallery_of, rows):
    gallery_rows = GalleryRows(gallery_of(rows, files=2))
    wanted = [rows[place]["image_id"] for place in (11, 0, 7, 1)]
    assert [row.id for row in gallery_rows.read("images", wanted)] == [rows[i]["image_id"] for i in (0, 1, 7, 11)]
    assert [row.source for row in gallery_rows.read("images", wanted)] == [
        "test-00000-of-00002.parquet row 0",
        "test-00000-of-00002.parquet row 1",
        "test-00001-of-00002.parquet row 1",
        "test-00001-of-00002.parquet row 5",
    ]
    contents = {row.id: row.content for row in gallery_rows.read("images", gallery_rows.ids("images"))}
    assert contents == {row["image_id"]: row["image"]["bytes"] for row in rows}
    captions = {row.id: row.content for row in gallery_rows.read("captions", gallery_rows.ids("captions"))}
    assert captions == {row["caption_id"]: row["caption"] for row in rows}


def test_duplicates_count_once_and_blank_captions_not_at_all(gallery_of, rows):
    twice = {**rows[3], "caption": "  ", "caption_id": content_id("  ")}
    gallery_rows = GalleryRows(gallery_of([*rows[:5], twice, rows[3]]))
    assert gallery_rows.rows == 7
    assert gallery_rows.ids("images") == [row["image_id"] for row in rows[:5]]
    assert gallery_rows.duplicates["images"] == {rows[3]["image_id"]: 2}
    assert gallery_rows.duplicates["captions"] == {rows[3]["caption_id"]: 1}
    assert gallery_rows.blank == 1
    assert len(list(gallery_rows.read("images", gallery_rows.ids("images")))) == 5


def test_a_row_that_is_not_what_its_id_says():
    assert mismatch(Row(content_id("a dog"), "row 0", "a dog")) is None
    assert mismatch(Row(content_id(b"\x00"), "row 0", b"\x00")) is None
    assert "damaged" in mismatch(Row(content_id("a dog"), "row 0", "a cat"))
    assert "no content" in mismatch(Row(content_id("a dog"), "row 0", None))


def test_what_is_no_gallery_is_a_clear_error(tmp_path, gallery_of, rows):
    with pytest.raises(GalleryError, match="index_builder import"):
        GalleryRows(tmp_path)
    with pytest.raises(GalleryError, match="not a content id"):
        GalleryRows(gallery_of([{**rows[0], "image_id": "7"}], "bad-id"))
    with pytest.raises(GalleryError, match="columns twin are missing"):
        GalleryRows(gallery_of([{key: value for key, value in rows[0].items() if key != "twin"}], "no-twin"))
    cut = gallery_of(rows, "cut")
    path = next(cut.glob("data/*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(GalleryError, match="cannot be read"):
        GalleryRows(cut)
