"""Imports of small folders: what is stored, what is left out and why, and that a stopped import goes on."""

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import index_builder.gallery.importer as importer
import index_builder.gallery.writer as writer
from index_builder.cli import main
from index_builder.errors import BuildError
from index_builder.gallery.importer import import_source
from index_builder.gallery.rows import GalleryRows
from index_builder.options import SourceOptions
from safeclip.hashing import content_id
from safeclip.judges.scores import Score
from safeclip.profiles import RetrievalSpec
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.places import gallery_folder


def png(color, size=(30, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Four images, one of them twice, and a broken one."""
    top = tmp_path / "images"
    top.mkdir()
    for name, red in (("a", 10), ("b", 80), ("c", 150), ("d", 220)):
        (top / f"{name}.png").write_bytes(png((red, 10, 10)))
    (top / "again.png").write_bytes(png((80, 10, 10)))
    (top / "broken.jpg").write_bytes(b"\xff\xd8\xff but no more")
    lines = [
        {"file_name": "a.png", "caption": " a  dog\n"},
        {"file_name": "c.png", "caption": "a knife", "unsafe": True, "category": "violence"},
        {"file_name": "d.png", "caption": "a cup", "unsafe": False},
    ]
    (top / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return top


def take(folder, gallery, judges=(), **options):
    return import_source(str(folder), gallery, SourceOptions(**options), judges=judges)


def left_out(gallery) -> dict[str, str]:
    lines = map(json.loads, (gallery / "quarantine.jsonl").read_text().splitlines())
    found = {line["file_name"]: line["reason"] for line in lines}
    assert not any("The picture" in reason for reason in found.values())  # the line names it
    return found


def column(gallery, name) -> list:
    return [value for path in sorted(gallery.glob("data/*")) for value in pq.read_table(path)[name].to_pylist()]


def test_a_folder_becomes_a_gallery(folder, tmp_path, capsys):
    flags = ["--license", "cc0-1.0", "--judges", "none", "--quiet"]
    assert main(["import", str(folder), str(tmp_path / "out"), *flags]) == 0
    out = capsys.readouterr().out
    assert "4 images stored, 1 repeated, 1 quarantined, 1 stored without a caption, 1 labelled unsafe" in out
    gallery = Gallery.open(tmp_path / "out")
    assert gallery.license == "cc0-1.0"
    assert [item.caption for item in gallery.items] == ["a dog", "", "a knife", "a cup"]
    knife = gallery.items[2]
    assert (knife.unsafe, knife.category, knife.twin) == (True, "violence", knife.image_id)
    assert gallery.image_bytes(knife.image_id) == (folder / "c.png").read_bytes()
    assert knife.image_id == content_id((folder / "c.png").read_bytes())
    reasons = left_out(tmp_path / "out")
    assert set(reasons) == {"b.png", "broken.jpg"} and "repeats" in reasons["b.png"]
    rows = GalleryRows(tmp_path / "out")
    assert len(rows["images"]) == 4 and len(rows["captions"]) == 3 and rows.blank == 1
    about = json.loads((tmp_path / "out" / "sources.jsonl").read_text())
    assert about["origin"] == str(folder) and about["license"] == "cc0-1.0" and about["counts"]["rows"] == 4
    assert not (tmp_path / "out" / "importing").exists()


def test_the_card_names_the_licence_of_every_source(folder, tmp_path):
    gallery = tmp_path / "out"
    for place, license in ((folder, "cc0-1.0"), (tmp_path / "more", "gpl-2.0"), (tmp_path / "most", "cc0-1.0")):
        place.mkdir(exist_ok=True)
        (place / "new.png").write_bytes(png((len(place.name), 2, 3)))
        import_source(str(place), gallery, SourceOptions(license=license))
    card = (gallery / "README.md").read_text()
    assert "license:\n- cc0-1.0\n- gpl-2.0\nconfigs:\n" in card and card.count("license") == 1
    assert card.endswith("says from where.\n")
    assert Gallery.open(gallery).license == "cc0-1.0, gpl-2.0"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("# Mine\n", "cc0-1.0"),
        ("---\ntags: [mine]\n---\n# Mine\n", "cc0-1.0"),
        ("---\nlicense:\n- mit\n- cc0-1.0\n---\n# Mine\n", "mit, cc0-1.0"),
        ("---\nlicense: mit # of all\n---\n# Mine\n", "mit, cc0-1.0"),
        ("---\nlicense: [mit\n---\n# Mine\n", ""),  # no YAML: it stays as it is
    ],
)
def test_a_card_written_by_hand_gets_the_licence_that_it_lacks(card, licence, folder, tmp_path):
    gallery = tmp_path / "out"
    take(folder, gallery)
    (gallery / "README.md").write_text(card)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "new.png").write_bytes(png((7, 2, 3)))
    import_source(str(tmp_path / "more"), gallery, SourceOptions(license="cc0-1.0"))
    assert Gallery.open(gallery).license == licence
    after = (gallery / "README.md").read_text()
    assert after.endswith("# Mine\n") and ("mine" in after) == ("mine" in card)


def test_datasets_reads_the_gallery(folder, tmp_path):
    from datasets import load_dataset

    take(folder, tmp_path / "out")
    table = load_dataset(str(tmp_path / "out"), split="test", cache_dir=str(tmp_path / "cache"))
    assert table[2]["image"].size == (30, 20) and table[2]["unsafe"] is True and table[2]["scores"] == []


def test_an_image_without_a_label_is_not_judged(folder, tmp_path):
    counts = take(folder, tmp_path / "out")
    assert column(tmp_path / "out", "labelled_by") == ["", "", "column unsafe", "column unsafe"]
    assert (counts["not_judged"], counts["unsafe"]) == (2, 1)


class RedJudge:
    """Finds an image as harmful as it is red."""

    name, version, threshold, covers = "red", "1", 0.25, "red"

    def score(self, images):
        return [Score(self.name, self.version, self.threshold, image.getpixel((0, 0))[0] / 255) for image in images]


def test_judges_label_what_the_source_does_not(folder, tmp_path):
    counts = take(folder, tmp_path / "out", judges=[RedJudge()])
    assert column(tmp_path / "out", "labelled_by") == ["red", "red", "column unsafe", "column unsafe"]
    assert column(tmp_path / "out", "unsafe") == [False, True, True, False]
    scores = column(tmp_path / "out", "scores")
    assert [len(each) for each in scores] == [1, 1, 0, 0]
    assert scores[1][0] == {"judge": "red", "version": "1", "threshold": 0.25, "value": pytest.approx(80 / 255)}
    assert counts["unsafe"] == 2 and not counts["not_judged"]


def test_a_rule_labels_by_any_column(folder, tmp_path):
    take(folder, tmp_path / "out", unsafe="category == violence")
    assert column(tmp_path / "out", "unsafe") == [False, False, True, False]
    assert column(tmp_path / "out", "labelled_by") == ["", "", "column category == violence", ""]


def test_a_rule_that_labels_nothing_is_reported(folder, tmp_path, capsys):
    for rule, reported in (("nfsw >= 0.5", True), ("category == violence", False)):
        flags = ["--judges", "none", "--unsafe", rule]
        assert main(["import", str(folder), str(tmp_path / rule[:4]), *flags]) == 0
        assert ("labelled no image" in capsys.readouterr().err) == reported


def test_by_default_the_judges_of_the_profile_label(folder, tmp_path, capsys):
    assert main(["import", str(folder), str(tmp_path / "out"), "--profile", "emoji"]) == 0
    assert column(tmp_path / "out", "labelled_by") == ["scene classifier"] * 2 + ["column unsafe"] * 2
    (score,) = column(tmp_path / "out", "scores")[0]
    assert (
        score["judge"] == "scene classifier"
        and score["version"]
        and 0 < score["threshold"] < 1
        and 0 <= score["value"] <= 1
    )
    profile = tmp_path / "mine.toml"
    text = Path("safeclip/profiles/emoji.toml").read_text().replace('"scene:zoo/judge"', '"scene:nowhere"')
    profile.write_text(text)
    capsys.readouterr()
    assert main(["import", str(folder), str(tmp_path / "unjudged"), "--profile", str(profile)]) == 0
    shown = capsys.readouterr()
    assert "2 not judged" in shown.out and "scene:nowhere cannot be used" in shown.err
    assert [item.flag for item in Gallery.open(tmp_path / "unjudged").items] == [None, None, True, False]
    assert main(["import", str(folder), str(tmp_path / "other"), "--judges", "scene:nowhere"]) == 1


def test_thumbnails_are_upright_and_the_unsafe_have_a_blurred_twin(tmp_path):
    (tmp_path / "images").mkdir()
    noise = Image.fromarray(np.random.default_rng(0).integers(120, 255, (120, 200, 3), np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn to the right
    noise.save(tmp_path / "images" / "turned.jpg", exif=turned)
    take(tmp_path / "images", tmp_path / "out", judges=[RedJudge()], thumbnails=50)
    gallery = Gallery.open(tmp_path / "out")
    (item,) = gallery.items
    assert item.unsafe
    small, blurred = (Image.open(io.BytesIO(gallery.thumbnail(item.image_id, blurred=b))) for b in (False, True))
    assert (small.format, small.size, blurred.format, blurred.size) == ("WEBP", (30, 50), "WEBP", (48, 48))
    assert not small.getexif()
    path = next((tmp_path / "out" / "thumbnails").rglob(f"{item.image_id}.webp"))
    assert path.parent.name == item.image_id[-3:]
    path.write_bytes(path.read_bytes()[:-1])
    assert gallery.thumbnail(item.image_id) is None, "one that was cut short is not used"
    take(tmp_path / "images", tmp_path / "none", thumbnails=0)
    assert not (tmp_path / "none" / "thumbnails").exists()


def test_images_on_the_blocklist_are_never_stored(folder, tmp_path):
    data = {name: (folder / f"{name}.png").read_bytes() for name in "abcd"}
    hashes = [content_id(data["a"]), hashlib.md5(data["b"]).hexdigest().upper(), hashlib.sha256(data["c"]).hexdigest()]
    path = tmp_path / "hashes.txt"
    path.write_text("# known\n" + "\n".join(hashes) + "\n")
    counts = take(folder, tmp_path / "out", blocklist=str(path))
    assert counts["blocked"] == 4 and counts["rows"] == 1  # b.png is there twice
    assert column(tmp_path / "out", "file_name") == ["d.png"]
    assert left_out(tmp_path / "out")["a.png"] == "it is on the blocklist"
    path.write_text("deadbeef\n")
    with pytest.raises(BuildError, match="hashes.txt, line 1: 'deadbeef' is no hash"):
        take(folder, tmp_path / "other", blocklist=str(path))


def test_a_second_source_is_appended_and_known_images_are_not_stored_again(folder, tmp_path):
    take(folder, tmp_path / "out")
    more = tmp_path / "more"
    more.mkdir()
    (more / "e.png").write_bytes(png((1, 2, 3)))
    (more / "a.png").write_bytes((folder / "a.png").read_bytes())
    counts = take(more, tmp_path / "out")
    assert dict(counts) == {"rows": 1, "present": 1, "without_caption": 1, "not_judged": 1}
    assert column(tmp_path / "out", "file_name") == ["a.png", "again.png", "c.png", "d.png", "e.png"]
    assert dict(take(folder, tmp_path / "out")) == {"present": 5, "quarantined": 1}
    assert set(left_out(tmp_path / "out")) == {"broken.jpg"}
    assert len((tmp_path / "out" / "sources.jsonl").read_text().splitlines()) == 3


class Stopped(BaseException):
    """Not an Exception: nothing in an import may catch it."""


def take_until_stopped(folder, gallery, stopping, monkeypatch):
    """An import that `stopping`, a generator over its checked items, ends with Stopped."""
    check_all = importer.check_all
    with monkeypatch.context() as patch:
        patch.setattr(importer, "check_all", lambda items, check: stopping(check_all(items, check)))
        with pytest.raises(Stopped):
            take(folder, gallery)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(writer, "PART_ROWS", 2)
    monkeypatch.setattr(writer, "GROUP_ROWS", 1)
    monkeypatch.setattr(importer, "LABELLED_AT_ONCE", 1)


def test_parts_are_cut_by_rows_and_bytes(folder, tmp_path, small_parts, monkeypatch):
    take(folder, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out" / "data").iterdir())
    assert names == ["test-00000.parquet", "test-00001.parquet"]
    monkeypatch.setattr(writer, "PART_BYTES", 1)
    take(folder, tmp_path / "bytes")
    assert len(list((tmp_path / "bytes" / "data").iterdir())) == 4
    assert Gallery.open(tmp_path / "bytes").items == Gallery.open(tmp_path / "out").items


@pytest.mark.parametrize("stop_at", range(1, 6))
def test_a_stopped_import_goes_on_and_equals_one_in_one_piece(folder, tmp_path, small_parts, monkeypatch, stop_at):
    take(folder, tmp_path / "whole")
    read = []

    def stopping(checked_items):
        for number, checked in enumerate(checked_items):
            if number == stop_at:
                raise Stopped
            yield checked

    take_until_stopped(folder, tmp_path / "out", stopping, monkeypatch)
    assert not (tmp_path / "out" / "data").exists()
    check_all = importer.check_all
    monkeypatch.setattr(importer, "check_all", lambda items, check: check_all(watch(items, read), check))
    take(folder, tmp_path / "out")
    for whole in (tmp_path / "whole").rglob("*.*"):
        if whole.name not in ("sources.jsonl", "README.md"):
            assert (tmp_path / "out" / whole.relative_to(tmp_path / "whole")).read_bytes() == whole.read_bytes()
    assert len(read) == (4 if stop_at >= 2 else 6)  # two rows make a part, and it is stored by then
    about = [json.loads((tmp_path / name / "sources.jsonl").read_text()) for name in ("whole", "out")]
    assert about[0]["counts"] == about[1]["counts"]


def watch(items, seen):
    for item in items:
        seen.append(item.name)
        yield item


def test_a_source_that_changed_meanwhile_is_read_again_and_nothing_is_stored_twice(
    folder, tmp_path, small_parts, monkeypatch
):
    def stopping(checked_items):
        yield from list(checked_items)[:4]
        raise Stopped

    take_until_stopped(folder, tmp_path / "out", stopping, monkeypatch)
    (tmp_path / "other").mkdir()
    with pytest.raises(BuildError, match="was stopped before its end"):
        take(tmp_path / "other", tmp_path / "out")
    (folder / "0-new.png").write_bytes(png((9, 9, 9)))
    take(folder, tmp_path / "out")
    names = column(tmp_path / "out", "file_name")
    assert sorted(names) == ["0-new.png", "a.png", "again.png", "c.png", "d.png"]
    assert names[:2] == ["a.png", "again.png"]


def test_a_changed_source_writes_over_nothing_that_is_stored(folder, tmp_path, small_parts, monkeypatch):
    lines = [json.dumps({"file_name": f"absent-{number}.png", "caption": "a dog"}) for number in range(3)]
    (folder / "captions.jsonl").write_text("\n".join(lines))

    def stopping(checked_items):
        yield from list(checked_items)[:8]
        raise Stopped

    take_until_stopped(folder, tmp_path / "out", stopping, monkeypatch)
    (folder / "0-new.png").write_bytes(png((9, 9, 9)))
    take(folder, tmp_path / "out")
    assert sorted(column(tmp_path / "out", "file_name")) == ["0-new.png", "a.png", "again.png", "c.png", "d.png"]


def test_less_of_a_source_keeps_what_was_stored_of_more(folder, tmp_path, small_parts, monkeypatch):
    def stopping(checked_items):
        yield from list(checked_items)[:4]
        raise Stopped

    take_until_stopped(folder, tmp_path / "out", stopping, monkeypatch)
    take(folder, tmp_path / "out", limit=1)
    assert column(tmp_path / "out", "file_name")[:2] == ["a.png", "again.png"]


def test_large_images_can_be_made_smaller(tmp_path):
    (tmp_path / "large").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large" / "noise.png")
    take(tmp_path / "large", tmp_path / "out", max_side=50)
    gallery = Gallery.open(tmp_path / "out")
    data = gallery.image_bytes(gallery.items[0].image_id)
    assert Image.open(io.BytesIO(data)).format == "WEBP"
    assert gallery.image(gallery.items[0].image_id).size == (50, 30)
    assert gallery.items[0].image_id == content_id(data)


def test_a_source_without_a_usable_image_makes_no_gallery(tmp_path):
    (tmp_path / "bare").mkdir()
    with pytest.raises(BuildError, match="it holds none"):
        take(tmp_path / "bare", tmp_path / "out")
    (tmp_path / "bare" / "x.png").write_bytes(b"")
    with pytest.raises(BuildError, match="the first of 1 left out: the file is empty"):
        take(tmp_path / "bare", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert main(["import", str(tmp_path / "bare")]) == 1


def test_it_is_built_into_an_index_that_finds_images_without_captions(folder, tmp_path, run):
    take(folder, tmp_path / "out")
    report = run(gallery=tmp_path / "out")
    index = report["indexes"]["safe"]
    assert (index["images"], index["captions"], index["text_query_recall@10"]) == (4, 3, 1.0)
    take(folder, tmp_path / "bare", captions="none")
    report = run(gallery=tmp_path / "bare", output=tmp_path / "bare-index")
    index = report["indexes"]["safe"]
    assert (index["images"], index["captions"], index["text_query_recall@10"]) == (4, 0, None)
    assert report["counts"]["captions"]["blank"] == 4


def test_a_folder_whose_name_is_no_utf_8_is_imported_and_named_in_what_can_be_read(folder, tmp_path):
    odd = folder.rename(tmp_path / os.fsdecode(b"im\xffages"))
    gallery = take(odd, tmp_path / "out") and Gallery.open(tmp_path / "out")
    assert len(gallery.items) == 4 and not (tmp_path / "out" / "importing").exists()
    about = json.loads((tmp_path / "out" / "sources.jsonl").read_text())
    assert about["origin"].endswith("im\\xffages") and len(left_out(tmp_path / "out")) == 2
    assert gallery_folder(RetrievalSpec(source=str(odd))).parent.name == "galleries"


def test_a_gallery_imported_again_keeps_what_nobody_judged_unjudged(folder, tmp_path):
    take(folder, tmp_path / "first")
    take(tmp_path / "first", tmp_path / "again")
    first, again = (Gallery.open(tmp_path / name).items for name in ("first", "again"))
    assert [item.flag for item in first] == [item.flag for item in again] == [None, None, True, False]


def test_what_judges_found_no_harm_in_is_judged_again_and_their_harm_is_kept(folder, tmp_path):
    class Reds:
        name = "reds"

        def score(self, images):
            return [Score("reds", "1", 0.2, image.getpixel((0, 0))[0] / 255) for image in images]

    take(folder, tmp_path / "first", judges=[Reds()])
    take(tmp_path / "first" / "data", tmp_path / "again")
    assert [item.flag for item in Gallery.open(tmp_path / "again").items] == [None, True, True, False]
