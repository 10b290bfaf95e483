"""Datasets streamed from the local fake of the hub, and datasets on disk."""

import zipfile

import datasets
import huggingface_hub.constants
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import index_builder.gallery.importer as importer
import index_builder.gallery.writer as writer
from index_builder.errors import BuildError
from index_builder.gallery.importer import import_source
from index_builder.options import SourceOptions
from index_builder.sources import open_source
from tests.fakes.hub import SHA, serve_hub, use_hub
from tests.index_builder.sources.places import IMAGES, ROWS, as_dataset, as_files

NAME = "some/pictures"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that the clients of this process talk to, with one dataset."""
    with serve_hub() as served:
        use_hub(monkeypatch, served.address, tmp_path / "cache")
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", served.address)
        files = served.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", served.address)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
        folder = tmp_path / "repository"
        (folder / "data").mkdir(parents=True)
        as_dataset().to_parquet(folder / "data" / "train-00000-of-00001.parquet", batch_size=2)
        (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
        served.repositories[NAME] = folder
        yield served


def write_paths(file, paths):
    """Writes rows that name their images by `paths`."""
    rows = [{"image": {"bytes": None, "path": path}} for path in paths]
    file.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, datasets.Features({"image": datasets.Image()}).arrow_schema), file)


def test_a_dataset_is_streamed_at_its_commit(hub):
    source = open_source(f"hub:{NAME}")
    assert [(item.data, item.caption) for item in source.items()] == [(row["image"], row["caption"]) for row in ROWS]
    assert source.origin == f"{hub.address}/datasets/{NAME}@{SHA}" and source.license == "cc0-1.0"
    assert set(hub.downloads) <= {"train-00000-of-00001.parquet", "README.md"}
    assert open_source(f"hub:{NAME}@{SHA}").fingerprint == source.fingerprint


def test_a_stopped_import_goes_on_with_the_rows_that_are_missing(hub, tmp_path, monkeypatch):
    spec = f"hub:{NAME}@main"
    monkeypatch.setattr(importer, "PART_ROWS", 2)
    monkeypatch.setattr(writer, "PART_ROWS", 2)
    monkeypatch.setattr(importer, "LABELLED_AT_ONCE", 1)
    import_source(spec, tmp_path / "whole", SourceOptions())
    stops, checked = ["row 5"], []

    def check(item, *arguments, **options):
        if item.name in stops:
            stops.clear()
            raise KeyboardInterrupt
        checked.append(item.name)
        return check_item(item, *arguments, **options)

    check_item = importer.check_item
    monkeypatch.setattr(importer, "check_item", check)
    with pytest.raises(KeyboardInterrupt):
        import_source(spec, tmp_path / "stopped", SourceOptions())
    checked.clear()
    import_source(spec, tmp_path / "stopped", SourceOptions())
    assert checked[-1] == "row 6" and "row 0" not in checked
    whole, stopped = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "data").iterdir()} for name in ("whole", "stopped")
    )
    assert whole == stopped and len(whole) == 4


@pytest.mark.parametrize("name", ["some/other", f"{NAME}@v9"])
def test_what_the_hub_does_not_have(hub, name):
    with pytest.raises(BuildError, match="the hub does not give this dataset"):
        open_source(f"hub:{name}")


def test_offline_the_hub_is_not_asked(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BuildError, match="the hub does not give this dataset"):
        open_source(f"hub:{NAME}")


def test_a_hub_that_does_not_answer(monkeypatch):
    monkeypatch.setattr("safeclip.runtime.network.endpoint", lambda: "http://127.0.0.1:9")
    with pytest.raises(BuildError, match="the hub does not give this dataset"):
        open_source(f"hub:{NAME}")


def test_the_split_is_chosen(tmp_path):
    splits = {"one": as_dataset(), "two": as_dataset().select([2, 3])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    with pytest.raises(BuildError, match="--split: one, two"):
        open_source(str(tmp_path / "saved"))
    items = open_source(str(tmp_path / "saved"), SourceOptions(split="two")).items()
    assert [item.data for item in items] == IMAGES[2:4]


def test_images_in_files_of_the_dataset_are_read(tmp_path):
    as_files(tmp_path / "train")
    items = list(open_source(f"hub:{tmp_path}").items())
    assert [item.data for item in items] == IMAGES


def test_an_archive_that_is_none_costs_its_own_images_alone(tmp_path):
    for name in ("damaged.zip", "damaged.png"):
        (tmp_path / name).write_bytes(IMAGES[0])
    paths = [f"{kind}://a.png::{tmp_path}/damaged.zip" for kind in ("zip", "tar", "gzip", "bz2", "xz")]
    write_paths(tmp_path / "data" / "train.parquet", [*paths, str(tmp_path / "damaged.png")])
    *items, last = open_source(f"hub:{tmp_path / 'data'}").items()
    assert all("cannot be read" in item.fault for item in items) and last.data == IMAGES[0]


def test_a_row_cannot_make_this_machine_ask_another(hub):
    paths = [f"{hub.address}/secret", "/etc/hostname", f"{hub.address}/secret::hf://datasets/x/y"]
    paths += [
        f"{hop}::hf://datasets/x/y" for hop in ("/etc/hostname", "file:///etc/hostname", "c:/etc/hostname", "zip")
    ]
    write_paths(hub.repositories[NAME] / "data/train-00000-of-00001.parquet", paths)
    items = list(open_source(f"hub:{NAME}").items())
    assert [item.data for item in items] == [None] * len(paths)
    assert all("the image is not in the dataset" in item.fault for item in items) and "secret" not in hub.downloads


def test_a_row_names_files_of_its_own_dataset_alone(hub, tmp_path):
    """Another one may be private, and readable by this machine's token."""
    hub.repositories["some/private"] = tmp_path / "private"
    for folder in (hub.repositories[NAME], hub.repositories["some/private"]):
        folder.mkdir(exist_ok=True)
        (folder / "secret.png").write_bytes(IMAGES[1])
    top = f"hf://datasets/{NAME}@{SHA}"
    others = [
        f"hf://datasets/some/private@{SHA}/secret.png",
        f"hf://some/private@{SHA}/secret.png",
        f"{top}/../../../../datasets/some/private/resolve/{SHA}/secret.png",
        f"zip://a.png::hf://datasets/some/private@{SHA}/secret.png",
    ]
    write_paths(hub.repositories[NAME] / "data/train-00000-of-00001.parquet", [f"{top}/secret.png", *others])
    items = list(open_source(f"hub:{NAME}").items())
    assert [item.data for item in items] == [IMAGES[1], *[None] * len(others)]
    assert all("the image is not in the dataset" in item.fault for item in items[1:])


def test_a_dataset_on_disk_names_files_and_archives_of_this_disk_alone(hub, tmp_path):
    as_files(tmp_path / "images")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("a.png", IMAGES[1])
    own = [str(tmp_path / "images" / "apple.png"), f"zip://a.png::{tmp_path}/images.zip"]
    others = [
        f"{hub.address}/secret",
        f"zip://a.png::{hub.address}/secret",
        f"simplecache::{own[0]}",
        "zip://a.png::ftp",
    ]
    write_paths(tmp_path / "data" / "train.parquet", [*own, *others])
    items = list(open_source(f"hub:{tmp_path / 'data'}").items())
    assert [item.data for item in items] == [*IMAGES[:2], *[None] * len(others)]
    assert all("the image is not in the dataset" in item.fault for item in items[2:]) and "secret" not in hub.downloads
