"""Indexes kept in a dataset of the hub: uploaded when made, fetched by the next start, and never in the way."""

import fnmatch
import shutil

import pytest

from index_builder.index_exchange import VARIABLE, fetch_index, publish_index


class Dataset:
    """A dataset of the hub as a folder; with `fault` every call raises it."""

    def __init__(self, folder, fault: Exception | None = None) -> None:
        self.folder, self.fault = folder, fault

    def upload_folder(self, *, folder_path, path_in_repo, allow_patterns, **_) -> None:
        if self.fault:
            raise self.fault
        for path in folder_path.rglob("*"):
            name = path.relative_to(folder_path).as_posix()
            if path.is_file() and any(fnmatch.fnmatch(name, pattern) for pattern in allow_patterns):
                target = self.folder / path_in_repo / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)

    def download(self, repo_id, *, allow_patterns, local_dir, **_) -> None:
        if self.fault:
            raise self.fault
        shutil.copytree(self.folder, local_dir, dirs_exist_ok=True)


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "cache" / "vit-l-14-0123"
    for name in ("original/manifest.json", "shards/a.safetensors", "shards/ledger.jsonl", "projection.json", "x.tmp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def use(monkeypatch, dataset: Dataset, name: str = "me/indexes") -> None:
    monkeypatch.setenv(VARIABLE, name)
    monkeypatch.setattr("safeclip.runtime.network.may_ask", lambda: True)
    monkeypatch.setattr("safeclip.runtime.hub.client", lambda: dataset)
    monkeypatch.setattr("huggingface_hub.snapshot_download", dataset.download)


def test_what_one_start_made_the_next_one_finds(index, monkeypatch, tmp_path):
    use(monkeypatch, Dataset(tmp_path / "hub"))
    assert publish_index(index, ["original"])
    shutil.rmtree(index)
    index.mkdir()
    assert fetch_index(index)
    found = sorted(path.relative_to(index).as_posix() for path in index.rglob("*") if path.is_file())
    assert found == ["original/manifest.json", "projection.json", "shards/a.safetensors", "shards/ledger.jsonl"]
    assert not fetch_index(index), "what is there is not fetched"


def test_a_hub_that_refuses_costs_nothing_but_the_making(index, monkeypatch, tmp_path, caplog):
    use(monkeypatch, Dataset(tmp_path, OSError("403 forbidden")))
    assert not publish_index(index, ["original"]) and not fetch_index(tmp_path / "cache" / "other")
    assert "could not be kept in me/indexes: 403 forbidden" in caplog.text


def test_without_a_dataset_nothing_is_asked(index, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not publish_index(index, ["original"]) and not fetch_index(index.parent / "new")
