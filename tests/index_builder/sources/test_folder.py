import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import index_builder.sources.folder
from index_builder.cli import main
from index_builder.errors import BuildError
from index_builder.gallery.rows import GalleryRows
from index_builder.sources.folder import Counts, ingest
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery


@pytest.fixture
def folder(tmp_path):
    """Six pictures in two folders, one of them twice, one broken; captions in both ways."""
    top = tmp_path / "pictures"
    (top / "more").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.jpg", "more/c.webp", "more/D.PNG")):
        Image.new("RGB", (30 + number, 20), (60 * number, 10, 10)).save(top / name)
    (top / "more" / "again.png").write_bytes((top / "b.png").read_bytes())
    (top / "broken.jpg").write_bytes(b"\xff\xd8\xff but no more")
    (top / "notes.md").write_text("no picture")
    (top / "a.txt").write_text("a dog\n on the   beach\n")
    lines = [
        {"file_name": "more/c.webp", "caption": "a knife", "unsafe": True, "category": "violence"},
        {"file_name": "b.png", "caption": "ein Löffel"},
    ]
    (top / "captions.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    return top


def test_a_folder_becomes_a_gallery(folder, tmp_path, capsys):
    assert main(["import", str(folder), str(tmp_path / "out"), "--license", "cc0-1.0"]) == 0
    assert "4 rows, 1 without caption, 1 duplicates, 1 quarantined" in capsys.readouterr().out
    gallery = Gallery.open(tmp_path / "out")
    assert gallery.license == "cc0-1.0"
    assert [item.caption for item in gallery.items] == ["a dog on the beach", "ein Löffel", "", "a knife"]
    knife = gallery.items[3]
    assert (knife.unsafe, knife.category, knife.twin) == (True, "violence", knife.image_id)
    assert gallery.image_bytes(knife.image_id) == (folder / "more" / "c.webp").read_bytes()
    assert knife.image_id == content_id((folder / "more" / "c.webp").read_bytes())
    assert gallery.image(knife.image_id).size == (32, 20)
    (fault,) = map(json.loads, (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines())
    assert fault["file_name"] == "broken.jpg" and fault["reason"]
    source = GalleryRows(tmp_path / "out")
    assert len(source.ids("images")) == 4 and len(source.ids("captions")) == 3 and source.blank == 1


def test_datasets_sees_pictures(folder, tmp_path):
    from datasets import Features

    ingest(folder, tmp_path / "out")
    (path,) = (tmp_path / "out").glob("data/test-00000-of-00001.parquet")
    features = Features.from_arrow_schema(pq.read_schema(path))
    assert type(features["image"]).__name__ == "Image" and features["unsafe"].dtype == "bool"


def test_it_is_built_into_an_index_that_finds_pictures_without_captions(folder, tmp_path, run):
    ingest(folder, tmp_path / "out")
    report = run(gallery=tmp_path / "out")
    assert report["indexes"]["safe"] == {"images": 4, "captions": 3, "text_query_recall@10": 1.0}
    for path in folder.rglob("*.txt"):
        path.unlink()
    (folder / "captions.jsonl").unlink()
    ingest(folder, tmp_path / "bare")
    report = run(gallery=tmp_path / "bare", output=tmp_path / "bare-index")
    assert report["indexes"]["safe"] == {"images": 4, "captions": 0, "text_query_recall@10": None}
    assert report["counts"]["captions"]["blank"] == 4


def test_files_and_groups_are_cut(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(index_builder.sources.folder, "GROUP_ROWS", 2)
    monkeypatch.setattr(index_builder.sources.folder, "FILE_ROWS", 2)
    whole = ingest(folder, tmp_path / "two")
    assert whole == Counts(4, 1, 1, 1)
    assert sorted(path.name for path in (tmp_path / "two" / "data").iterdir()) == [
        "test-00000-of-00002.parquet",
        "test-00001-of-00002.parquet",
    ]
    monkeypatch.setattr(index_builder.sources.folder, "GROUP_BYTES", 1)
    ingest(folder, tmp_path / "bytes")
    path = tmp_path / "bytes" / "data" / "test-00000-of-00002.parquet"
    assert pq.ParquetFile(path).num_row_groups == 2
    assert Gallery.open(tmp_path / "bytes").items == Gallery.open(tmp_path / "two").items


def test_large_pictures_can_be_made_smaller(tmp_path):
    top = tmp_path / "large"
    top.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    Image.fromarray(noise).save(top / "noise.png")
    ingest(top, tmp_path / "out", max_side=50)
    gallery = Gallery.open(tmp_path / "out")
    data = gallery.image_bytes(gallery.items[0].image_id)
    assert Image.open(io.BytesIO(data)).format == "WEBP"
    assert gallery.image(gallery.items[0].image_id).size == (50, 30)
    assert gallery.items[0].image_id == content_id(data)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"file_name": "b.png", "caption": "x"', "line 2: this is not JSON"),
        ('{"caption": "x"}', 'line 2: write an object with a "file_name"'),
        ('{"file_name": "a.jpg", "captoin": "x"}', "unknown key 'captoin'"),
        ('{"file_name": "a.jpg", "unsafe": 1}', "unsafe must be bool"),
        ('{"file_name": "b.png", "caption": "x"}', "'b.png' has a line already"),
        ('{"file_name": "z.png", "caption": "x"}', "no image 'z.png'"),
    ],
)
def test_a_bad_caption_line_is_named(folder, tmp_path, line, message):
    (folder / "captions.jsonl").write_text('{"file_name": "b.png", "caption": "b"}\n' + line + "\n")
    with pytest.raises(BuildError, match=message):
        ingest(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_that_will_not_do(folder, tmp_path, capsys):
    with pytest.raises(BuildError, match="is not a folder"):
        ingest(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "bare").mkdir()
    with pytest.raises(BuildError, match="none was found"):
        ingest(tmp_path / "bare", tmp_path / "out")
    (tmp_path / "bare" / "x.png").write_bytes(b"")
    with pytest.raises(BuildError, match="the first of 1 that cannot be read: .*picture"):
        ingest(tmp_path / "bare", tmp_path / "out")
    (folder / "a.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(BuildError, match="a.txt is not UTF-8"):
        ingest(folder, tmp_path / "out")
    assert main(["import", str(folder), str(folder)]) == 1
    assert "is there already" in capsys.readouterr().err
