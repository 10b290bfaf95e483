import threading
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safeclip.errors import GalleryError
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.gallery_schema import arrow_schema


@pytest.fixture
def gallery(tiny_gallery):
    return Gallery.open(tiny_gallery)


def test_ids_are_the_hashes_of_the_content(gallery):
    assert len(gallery) == 12
    for item in gallery.items:
        assert content_id(gallery.image_bytes(item.image_id)) == item.image_id
        assert content_id(item.caption) == item.caption_id


def test_an_item_is_found_by_its_image_and_by_its_caption(gallery):
    for item in gallery.items:
        assert gallery.item(item.image_id) is gallery.item(item.caption_id) is item
        assert item.image_id in gallery
        assert gallery.image(item.caption_id) is gallery.image(item.image_id)


def test_twins_are_safe_and_share_the_scene(gallery):
    for item in gallery.items:
        twin = gallery.item(item.twin)
        assert not twin.unsafe
        assert (twin.subject, twin.place) == (item.subject, item.place)
        assert item.unsafe == (twin is not item) == bool(item.category)


def test_images_are_decoded_to_rgb_and_the_latest_are_remembered(tiny_gallery, monkeypatch):
    monkeypatch.setattr("safeclip.retrieval.gallery.DECODED_BYTES", 2 * 64 * 48 * 3)
    gallery = Gallery.open(tiny_gallery)
    first = gallery.image(gallery.items[0].image_id)
    assert (first.mode, first.size) == ("RGB", (64, 48))
    assert gallery.image(gallery.items[0].image_id) is first
    images = [gallery.image(item.image_id) for item in gallery.items]
    kept = [gallery.image(item.image_id) is image for item, image in zip(gallery.items[-2:], images[-2:], strict=True)]
    assert kept == [True, True] and gallery.image(gallery.items[0].image_id) is not first


@pytest.mark.parametrize("kept_bytes", [0, 1 << 20])
def test_images_stay_in_the_files_until_they_are_asked_for(tmp_path, make, monkeypatch, kept_bytes):
    """Of three row groups only those that hold the image are read: whole and once, or a slice of them each time."""
    monkeypatch.setattr("safeclip.retrieval.gallery_images.KEPT_BYTES", kept_bytes)
    rows = make.tiny_rows()
    folder = make.write_gallery(tmp_path / "g", rows)
    file = next(folder.glob("data/*.parquet"))
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema()), file, row_group_size=4)
    opened = []
    monkeypatch.setattr("safeclip.retrieval.row_groups.pq.ParquetFile", partial(_opening, opened, pq.ParquetFile))
    gallery = Gallery.open(folder)
    opened.clear()
    for row in (*rows[4:8], *rows[4:8]):
        assert gallery.image_bytes(row["image_id"]) == row["image"]["bytes"]
    assert len(opened) == (1 if kept_bytes else 8)


def _opening(opened, opener, path):
    opened.append(path)
    return opener(path)


def test_a_gallery_that_changed_gives_no_other_image_for_an_id(tmp_path, make):
    rows = make.tiny_rows()
    folder = make.write_gallery(tmp_path / "g", rows)
    file, gallery = next(folder.glob("data/*.parquet")), Gallery.open(folder)
    kept = gallery.image_bytes(rows[0]["image_id"])
    pq.write_table(pa.Table.from_pylist([rows[0], *rows[2:]], arrow_schema()), file)  # as a purge leaves it
    assert gallery.image_bytes(rows[0]["image_id"]) == kept
    for row in (rows[1], rows[2], rows[11]):
        with pytest.raises(GalleryError, match=f"{row['image_id']} is not there any more"):
            gallery.image_bytes(row["image_id"])
    gallery.refresh()
    assert gallery.image_bytes(rows[2]["image_id"]) == rows[2]["image"]["bytes"]
    file.unlink()
    with pytest.raises(GalleryError, match="cannot be read"):
        gallery.image_bytes(rows[2]["image_id"])


def test_threads_may_read_images_at_once(tiny_gallery, monkeypatch):
    monkeypatch.setattr("safeclip.retrieval.gallery.DECODED_BYTES", 3 * 64 * 48 * 3)
    gallery = Gallery.open(tiny_gallery)
    failures = []

    def read(start):
        try:
            for i in range(60):
                assert gallery.image(gallery.items[(start + i) % 12].image_id).size == (64, 48)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_categories_are_those_of_unsafe_items(gallery):
    assert gallery.categories() == ["harassment", "illegal activity", "self-harm", "shocking", "violence"]


def test_blank_captions_are_no_captions(tmp_path, make):
    blank = [{**row, "caption": " ", "caption_id": content_id(" ")} for row in make.tiny_rows()]
    assert Gallery.open(make.write_gallery(tmp_path / "blank", blank)).captions == {}
    named = Gallery.open(make.write_gallery(tmp_path / "one", [*blank[:3], *make.tiny_rows()[3:4]]))
    assert list(named.captions.values()) == [make.tiny_rows()[3]["caption"]]


def test_the_license_comes_from_the_card(gallery, tmp_path, make):
    assert gallery.license == "cc-by-4.0"
    silent = make.write_gallery(tmp_path / "silent", make.tiny_rows())
    (silent / "README.md").unlink()
    assert Gallery.open(silent).license == ""


def test_the_fingerprint_is_of_the_content_and_not_of_the_files(gallery, tmp_path, make):
    rows = make.tiny_rows()
    split = make.write_gallery(tmp_path / "split", rows[:5])
    rest = pa.Table.from_pylist(rows[5:], arrow_schema())
    pq.write_table(rest, split / "data" / "test-00001-of-00002.parquet", compression="zstd")
    assert Gallery.open(split).fingerprint == gallery.fingerprint
    assert Gallery.open(split).items == gallery.items
    rows[0]["unsafe"] = True
    assert Gallery.open(make.write_gallery(tmp_path / "other", rows)).fingerprint != gallery.fingerprint


def test_two_images_may_share_a_caption(tmp_path, make):
    rows = make.tiny_rows()
    rows[2] |= {"caption": rows[0]["caption"], "caption_id": rows[0]["caption_id"]}
    gallery = Gallery.open(make.write_gallery(tmp_path / "g", rows))
    assert gallery.item(rows[0]["caption_id"]).image_id == rows[0]["image_id"]
    assert len(gallery.captions) == 11
    for removed, answers in (([rows[0]["image_id"]], rows[2]), ([rows[0]["image_id"], rows[2]["image_id"]], rows[0])):
        gallery = Gallery.open(tmp_path / "g", removed=removed)
        gallery.refresh()
        assert gallery.item(rows[0]["caption_id"]).image_id == answers["image_id"]


def test_an_image_that_is_there_twice_is_reported(tmp_path, make):
    rows = make.tiny_rows()
    with pytest.raises(GalleryError, match=f"{rows[0]['image_id']} is there twice"):
        Gallery.open(make.write_gallery(tmp_path / "g", [*rows, rows[0]]))


def test_faults_are_reported(tmp_path, make):
    with pytest.raises(GalleryError, match=r"no data/test-\*\.parquet"):
        Gallery.open(tmp_path / "nowhere")
    narrow = make.write_gallery(tmp_path / "narrow", make.tiny_rows())
    file = narrow / "data" / "test-00000-of-00001.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["twin", "style"]), file)
    with pytest.raises(GalleryError, match="columns style, twin are missing"):
        Gallery.open(narrow)
    odd = make.write_gallery(tmp_path / "odd", make.tiny_rows())
    table = pq.read_table(file := odd / "data" / "test-00000-of-00001.parquet")
    pq.write_table(table.set_column(0, "image", table["caption"]), file)
    with pytest.raises(GalleryError, match="image holds string, not encoded images"):
        Gallery.open(odd)
    junk = make.write_gallery(tmp_path / "junk", make.tiny_rows())
    (junk / "data" / "test-00000-of-00001.parquet").write_bytes(b"PAR1 junk")
    with pytest.raises(GalleryError, match="cannot be read"):
        Gallery.open(junk)


def test_an_unknown_id_and_a_damaged_image_are_reported(gallery, tmp_path, make):
    with pytest.raises(GalleryError, match="no item '0123'"):
        gallery.item("0123")
    assert "0123" not in gallery
    rows = make.tiny_rows()
    rows[3]["image"]["bytes"] = rows[3]["image"]["bytes"][:40]
    damaged = Gallery.open(make.write_gallery(tmp_path / "damaged", rows))
    with pytest.raises(GalleryError, match=f"{rows[3]['image_id']} is damaged"):
        damaged.image(rows[3]["image_id"])


def test_files_of_the_datasets_library_are_read(gallery, tmp_path, make):
    datasets = pytest.importorskip("datasets")
    rows = make.tiny_rows()
    features = datasets.Features(
        {
            key: datasets.Image() if key == "image" else datasets.Value("bool" if key == "unsafe" else "string")
            for key in rows[0]
        }
    )
    (tmp_path / "data").mkdir()
    dataset = datasets.Dataset.from_list(rows, features=features)
    dataset.to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    found = Gallery.open(tmp_path)
    assert found.fingerprint == gallery.fingerprint
    assert found.image_bytes(rows[0]["image_id"]) == rows[0]["image"]["bytes"]
