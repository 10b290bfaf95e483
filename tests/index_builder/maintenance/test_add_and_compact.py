"""Adding embeds the new rows alone and trains nothing; compaction changes what is stored, not what is found."""

import json
import re

import faiss
import numpy as np
import pytest

import index_builder.gallery.importer as importer
from index_builder.store.ledger import Ledger
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.manifest import Manifest
from tests.index_builder.images import noise
from tests.index_builder.outputs import index_bytes, stored_ids


def ids_of(world) -> list[str]:
    return [item.image_id for item in Gallery.open(world.gallery).items]


def shards_of(world) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (world.output / "shards").glob("*.safetensors")}


def test_add_appends_to_the_indexes_as_they_were_built(world, tmp_path, capsys):
    assert world.command("build", "--factory", "IDMap,IVF2,SQfp16", "--recall-floor", 0, "--shard-rows", 3) == 0
    before = shards_of(world)
    trained = faiss.read_index(str(world.output / "safe" / "images.faiss"))
    more = tmp_path / "more"
    more.mkdir()
    (more / "8.png").write_bytes(noise(8))
    (more / "again.png").write_bytes(noise(0))
    capsys.readouterr()
    assert world.command("add", more, "--judges", "none", "--quiet") == 0
    assert "images: 9 unique, 1 embedded now" in capsys.readouterr().out
    after = shards_of(world)
    assert before.items() <= after.items() and len(after) == len(before) + 1
    index = faiss.read_index(str(world.output / "safe" / "images.faiss"))
    assert Manifest.read(world.output / "safe").factory == "IDMap,IVF2,SQfp16" and index.ntotal == 9
    centres = [faiss.extract_index_ivf(each).quantizer.reconstruct_n(0, 2) for each in (trained, index)]
    assert np.array_equal(*centres), "it was not trained again"
    assert world.command("verify") == 0


def test_add_needs_an_index_and_a_source(world, tmp_path, capsys):
    assert world.command("add") == 1
    (world.output / "build_report.json").unlink()
    assert world.command("add", world.images) == 1
    first, second = capsys.readouterr().err.splitlines()[-2:]
    assert "Give a source" in first and "Build it first" in second


def test_compaction_drops_what_was_removed_and_merges(world, capsys):
    gone = ids_of(world)[2]
    assert world.command("remove", gone, "--quiet") == 0
    before = index_bytes(world.output)
    settings = json.loads((world.output / "build_report.json").read_text())
    settings["settings"]["shard_rows"] = 20
    (world.output / "build_report.json").write_text(json.dumps(settings))
    capsys.readouterr()
    assert world.command("compact", "--quiet") == 0
    assert "2 rows dropped; 6 shards" in capsys.readouterr().out
    assert index_bytes(world.output) == before, "the indexes hold the same rows in the same order"
    records = Ledger(world.output / "shards" / "ledger.jsonl").records
    assert [(record.modality, record.rows) for record in records] == [("images", 7), ("captions", 6)]  # two share one
    assert set(shards_of(world)) == {record.shard for record in records}
    assert world.command("verify") == 0
    assert world.command("build", "--restore", gone, "--quiet") == 0
    assert int(gone, 16) in stored_ids(world.output / "ours" / "images.faiss")


def test_a_compaction_that_is_not_needed_changes_nothing(world):
    before = shards_of(world)
    assert world.command("compact", "--quiet") == 0
    assert shards_of(world) == before


def test_of_several_sources_the_one_that_was_stopped_goes_on_first(world, tmp_path, monkeypatch):
    folders = [tmp_path / name for name in ("first", "second")]
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / "picture.png").write_bytes(noise(50 + number))
    check_all = importer.check_all

    def stopping(items, check):
        for checked in check_all(items, check):
            if checked.id == content_id(noise(51)):
                raise KeyboardInterrupt
            yield checked

    again = ["build", "--sources", *folders, "--judges", "none", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(importer, "check_all", stopping)
        assert world.command(*again) == 130
    assert world.command(*again) == 0
    assert {int(content_id(noise(number)), 16) for number in (50, 51)} <= set(
        stored_ids(world.output / "safe" / "images.faiss").tolist()
    )


@pytest.mark.parametrize(
    "content, said",
    [
        ("[]", "it is no report of a build"),
        ('{"settings": 5}', "it is no report of a build"),
        ('{"settings": {"shard_rows": "many"}}', "“settings.shard_rows” .* a whole number"),
    ],
)
def test_a_report_that_is_none_is_said(world, content, said, capsys):
    (world.output / "build_report.json").write_text(content)
    assert world.command("compact", "--quiet") == 1
    assert re.search(said, capsys.readouterr().err)


def test_settings_of_a_later_version_are_passed_over(world):
    report = json.loads((world.output / "build_report.json").read_text())
    report["settings"]["newer"] = 7
    (world.output / "build_report.json").write_text(json.dumps(report))
    assert world.command("compact", "--quiet") == 0
