import pickle

import numpy as np
import pytest

import index_builder.gallery.reader
from index_builder.gallery.reader import Row
from index_builder.gallery.rows import GalleryRows, as_id
from index_builder.options import ProfileOptions
from index_builder.workspace import describe
from safeclip.errors import GalleryError
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery


def ids_of(gallery: GalleryRows, modality: str) -> list[str]:
    return [as_id(number) for number in gallery[modality].ids.tolist()]


def test_the_rows_equal_the_librarys_gallery(tiny_gallery, rows):
    gallery, library = GalleryRows(tiny_gallery), Gallery.open(tiny_gallery)
    assert len(gallery) == len(library.items)
    assert gallery.fingerprint == library.fingerprint
    assert gallery.license == library.license == "cc-by-4.0"
    assert ids_of(gallery, "images") == [row["image_id"] for row in rows]
    assert ids_of(gallery, "captions") == list(library.captions)
    for modality, key in (("images", "image_id"), ("captions", "caption_id")):
        contents = gallery[modality]
        assert contents.repeated == {}
        backwards = np.array([int(row[key], 16) for row in rows[::-1]])
        assert contents.unsafe_of(backwards).tolist() == [row["unsafe"] for row in rows[::-1]]
    assert gallery.holds(rows[3]["caption_id"]) and not gallery.holds("00ff") and not gallery.holds("0" * 16)


@pytest.mark.parametrize("kept_bytes", [0, 1 << 20])
def test_rows_are_read_by_number_across_files_and_groups(gallery_of, rows, monkeypatch, kept_bytes):
    monkeypatch.setattr(index_builder.gallery.reader, "KEPT_BYTES", kept_bytes)
    reader = pickle.loads(pickle.dumps(GalleryRows(gallery_of(rows, files=2)).reader))
    chosen = np.array([0, 1, 7, 11])
    assert [row.id for row in reader.read("images", chosen)] == [rows[place]["image_id"] for place in chosen]
    assert [row.source for row in reader.read("images", chosen)] == [
        "test-00000-of-00002.parquet row 0",
        "test-00000-of-00002.parquet row 1",
        "test-00001-of-00002.parquet row 1",
        "test-00001-of-00002.parquet row 5",
    ]
    everything = np.arange(12)
    assert [row.content for row in reader.read("images", everything)] == [row["image"]["bytes"] for row in rows]
    assert [row.content for row in reader.read("captions", everything)] == [row["caption"] for row in rows]
    assert list(reader.read("images", everything[:0])) == []


def test_a_file_that_was_replaced_is_read_again(gallery_of, rows):
    first = [row.id for row in GalleryRows(gallery_of(rows[:3])).reader.read("images", np.arange(3))]
    again = [row.id for row in GalleryRows(gallery_of(rows[3:6])).reader.read("images", np.arange(3))]
    assert [*first, *again] == [row["image_id"] for row in rows[:6]]


def test_duplicates_count_once_and_blank_captions_not_at_all(gallery_of, rows):
    twice = {**rows[3], "caption": "  ", "caption_id": content_id("  ")}
    gallery = GalleryRows(gallery_of([*rows[:5], twice, rows[3]]))
    assert len(gallery) == 7
    assert ids_of(gallery, "images") == [row["image_id"] for row in rows[:5]]
    assert gallery["images"].repeated == {rows[3]["image_id"]: 2}
    assert gallery["captions"].repeated == {rows[3]["caption_id"]: 1}
    assert gallery.blank == 1
    assert gallery["images"].rows.tolist() == gallery["captions"].rows.tolist() == [0, 1, 2, 3, 4]


def test_a_row_that_is_not_what_its_id_says():
    assert Row(content_id("a dog"), "row 0", "a dog").fault == ""
    assert Row(content_id(b"\x00"), "row 0", b"\x00").fault == ""
    assert "damaged" in Row(content_id("a dog"), "row 0", "a cat").fault
    assert "no content" in Row(content_id("a dog"), "row 0", None).fault


def test_a_folder_that_is_no_gallery_is_a_clear_error(tmp_path, gallery_of, rows):
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


def test_a_workspace_reads_a_gallery_by_paths_that_hold_from_any_working_directory(
    tiny_gallery, tiny_profile, tmp_path, monkeypatch
):
    monkeypatch.chdir(tiny_gallery.parent)
    options = ProfileOptions(profile=str(tiny_profile), gallery=tiny_gallery.name, output=str(tmp_path))
    assert all(file.is_absolute() for file in describe(options).gallery.reader.files)
