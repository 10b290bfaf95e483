"""What `push` uploads, with the hub's own client, to a hub on this machine."""

import shutil

import pytest
import yaml

import index_builder.maintenance.publishing as publishing
from tests.fakes.hub_uploads import UploadHub, serve_uploads


@pytest.fixture
def hub(monkeypatch) -> UploadHub:
    from huggingface_hub import HfApi, constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with serve_uploads() as served:
        monkeypatch.setattr(publishing, "client", lambda: HfApi(endpoint=served.address, token="hf_test"))
        yield served


def test_rows_indexes_and_a_card_are_uploaded(world, hub, capsys):
    capsys.readouterr()
    hub.files |= {"data/test-00007.parquet": b"of an earlier push", "notes.md": b"written there"}
    assert world.command("push", "me/mine") == 0
    assert hub.files.pop("notes.md") == b"written there"
    assert capsys.readouterr().out.strip() == f"{hub.address}/datasets/me/mine"
    (asked,) = hub.created
    assert (asked["name"], asked["organization"], asked["type"]) == ("mine", "me", "dataset")
    assert asked["visibility"] == "private"
    seats = ("original", "safe", "ours")
    files = [f"index/{seat}/{name}" for seat in seats for name in ("images.faiss", "captions.faiss", "manifest.json")]
    expected = {"README.md", "data/test-00000.parquet", *files, "index/projection.json", "index/build_report.json"}
    assert set(hub.files) == expected, "no shards, no thumbnails, no lists of this machine's files"
    assert hub.files["data/test-00000.parquet"] == next(world.gallery.glob("data/*")).read_bytes()
    assert hub.files["index/safe/images.faiss"] == (world.output / "safe" / "images.faiss").read_bytes()
    _, front, text = hub.files["README.md"].decode().split("---\n", 2)
    assert "not-for-all-audiences" in yaml.safe_load(front)["tags"]
    assert "8 images" in text and "1 images are labelled unsafe" in text and "column unsafe: 8" in text
    assert "| IDMap,SQfp16 | 8 | 7 | 100.0% | 100.0% |" in text


def test_seats_that_are_not_uploaded_are_not_on_the_card(world, hub, capsys):
    shutil.rmtree(world.output / "ours")
    assert world.command("push", "me/mine", "--seats", "original", "safe") == 0
    assert "| safe |" in (card := hub.files["README.md"].decode()) and "| ours |" not in card


def test_nothing_is_uploaded_that_is_altered_or_only_tried(world, hub, capsys):
    assert world.command("push", "me/mine", "--dry-run") == 0
    assert "# mine" in capsys.readouterr().out
    assert world.command("push", "mine") == 1
    (world.output / "safe" / "images.faiss").write_bytes(b"")
    assert world.command("push", "me/mine") == 1
    name, altered = capsys.readouterr().err.splitlines()[-2:]
    assert "OWNER/NAME" in name and "truncated" in altered and not hub.files


def test_a_refusal_of_the_hub_is_one_line(world, hub, capsys):
    hub.refuses = "You may not write to me"
    assert world.command("push", "me/mine", "--public") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "The hub did not take me/mine" in said and "hf auth login" in said
