"""An interrupted or damaged download in a hub cache on disk is never taken for a whole one, whatever was left of it."""

import json
import runpy
import shutil
from pathlib import Path

import huggingface_hub
import pytest

from safeclip.captioning.files import LLAVA
from safeclip.encoders.formats.layouts import ADAPTER, CLIP, CLIP_MODEL, OPEN_CLIP
from safeclip.errors import HubError
from safeclip.generation.families import FAMILIES
from safeclip.runtime import hub
from safeclip.runtime.checkpoint_names import Repository
from safeclip.runtime.hub_files import HubFiles, cache_faults, cache_folder, cached_snapshot, is_cached
from tests.fakes.hub import SHA

ID = "somebody/model"
STABLE_DIFFUSION = FAMILIES["stable-diffusion"].files
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = {"model.safetensors.index.json": json.dumps({"weight_map": dict(zip("ab", SHARDS, strict=True))}).encode()}
CONFIG = {"config.json": b"{}"}
EMPTY = (2).to_bytes(8, "little") + b"{}"  # a .safetensors file without tensors


def wanted(files, revision=None):
    return HubFiles(Repository(ID, revision), files)


@pytest.fixture
def cache(no_hub):
    return no_hub


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        ("tiny_clip", CLIP),
        ("tiny_clip", CLIP_MODEL),
        ("tiny_adapter", ADAPTER),
        ("tiny_open_clip", OPEN_CLIP),
        ("tiny_stable_diffusion", STABLE_DIFFUSION),
        ("tiny_llava", LLAVA),
    ],
)
def test_a_finished_download_is_cached_until_any_needed_file_goes(request, cache, folder, files):
    snapshot = cache.add(ID, request.getfixturevalue(folder))
    assert is_cached(wanted(files)) and hub.fetch(ID, files) == snapshot
    names = [name for group in files.required for name in group[0]]
    for path in [*files.weight_files(snapshot), *(snapshot / name for name in names if (snapshot / name).exists())]:
        aside = path.with_name("aside")
        path.rename(aside)
        assert not is_cached(wanted(files)), path
        aside.rename(path)
    assert is_cached(wanted(files))


@pytest.mark.parametrize(
    ("present", "files", "faults"),
    [
        ({"model_index.json": b"{}"}, STABLE_DIFFUSION, "unet/diffusion_pytorch_model.safetensors is missing"),
        ({**CONFIG, **INDEX, SHARDS[0]: EMPTY}, CLIP_MODEL, f"{SHARDS[1]} is missing"),
        ({**CONFIG, **INDEX}, CLIP_MODEL, f"{SHARDS[0]} is missing, {SHARDS[1]} is missing"),
        ({**CONFIG, SHARDS[1]: EMPTY}, CLIP_MODEL, f"{SHARDS[0]} is missing"),
        ({"model.safetensors": EMPTY}, CLIP_MODEL, "config.json is missing"),
        (
            {**CONFIG, "pytorch_model-00001-of-00003.bin": b"x"},
            CLIP_MODEL,
            "pytorch_model-00003-of-00003.bin is missing",
        ),
        ({**CONFIG, "model.safetensors": EMPTY[:9]}, CLIP_MODEL, "model.safetensors is cut short"),
        ({**CONFIG, "model.safetensors": b""}, CLIP_MODEL, "model.safetensors is cut short"),
        ({**CONFIG, "model.safetensors": EMPTY, "vocab.json": b"{}"}, CLIP, "merges.txt is missing"),
        ({}, CLIP_MODEL, "config.json is missing, model.safetensors is missing"),
    ],
)
def test_each_missing_file_is_named(cache, present, files, faults):
    cache.add(ID, present)
    assert faults in ", ".join(cache_faults(wanted(files)))
    with pytest.raises(
        HubError, match="127.0.0.1:9 could not be reached, and the copy of somebody/model .* incomplete"
    ):
        hub.fetch(ID, files)


def test_an_index_that_cannot_be_read_asks_for_the_whole_file(cache):
    cache.add(ID, {**CONFIG, "model.safetensors.index.json": b'{"weight_map"'})
    assert cache_faults(wanted(CLIP_MODEL)) == ["model.safetensors is missing"]


def test_archives_do_where_there_are_no_safetensors(cache):
    cache.add(ID, {**CONFIG, "pytorch_model.bin": b"x"})
    assert is_cached(wanted(CLIP_MODEL))


def test_a_blob_in_the_making_is_no_file(cache, tiny_clip):
    snapshot = cache.add(ID, tiny_clip)
    link = snapshot / "model.safetensors"
    blob = link.resolve()
    link.unlink()
    blob.rename(blob.with_name(blob.name + ".incomplete"))
    assert cache_faults(wanted(CLIP_MODEL)) == ["model.safetensors is missing"]


def test_a_link_to_a_blob_that_is_gone_is_no_file(cache, tiny_clip):
    snapshot = cache.add(ID, tiny_clip)
    (snapshot / "model.safetensors").resolve().unlink()
    assert cache_faults(wanted(CLIP_MODEL)) == ["model.safetensors is missing"]


def test_a_reference_to_a_snapshot_that_is_gone_is_no_download(cache, tiny_clip):
    shutil.rmtree(cache.add(ID, tiny_clip))
    assert cached_snapshot(Repository(ID)) is None
    assert cache_faults(wanted(CLIP_MODEL)) == ["nothing of it was downloaded"]
    with pytest.raises(HubError, match="somebody/model is not in the cache of models"):
        hub.fetch(ID, CLIP_MODEL)


def test_a_revision_is_found_by_its_reference_or_its_commit(cache, tiny_clip):
    cache.add(ID, tiny_clip, revision="v1")
    assert not is_cached(wanted(CLIP_MODEL)), "main was not downloaded"
    assert is_cached(wanted(CLIP_MODEL, "v1")) and is_cached(wanted(CLIP_MODEL, SHA))
    assert not is_cached(wanted(CLIP_MODEL, "v2")) and not is_cached(wanted(CLIP_MODEL, SHA[::-1]))


def test_the_cache_is_where_the_client_keeps_it(cache, monkeypatch, tmp_path):
    from safeclip.runtime.hub_files import cache_folder

    assert cache_folder() == cache.folder
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / "hub"
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "huggingface" / "hub"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HF_HOME": "/a/home"},
        {"XDG_CACHE_HOME": "/a/cache"},
        {"HF_HOME": "/a/home", "HUGGINGFACE_HUB_CACHE": "/an/old/name"},
        {"HF_HUB_CACHE": "$HOME/models", "HUGGINGFACE_HUB_CACHE": "/an/old/name"},
    ],
)
def test_the_cache_is_where_the_hubs_client_has_it(variables, monkeypatch):
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = runpy.run_path(huggingface_hub.constants.__file__, run_name="huggingface_hub.constants")
    assert cache_folder() == Path(client["HF_HUB_CACHE"])
