"""Damaged and interrupted checkpoints, from the command line: one sentence, the exit status, and nothing executed."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from demo import cli
from tests.fakes.hub import SHA
from tests.safeclip.encoders.test_open_clip import Bomb

ID = "somebody/clip"


@pytest.fixture
def cached(no_hub, tiny_clip):
    """A whole copy of a CLIP in the cache of models, with no hub to fetch the rest of a damaged one."""
    no_hub.add(ID, tiny_clip)
    return no_hub


@pytest.fixture
def profile(tmp_path, tiny_gallery, monkeypatch):
    """The file of a profile with one seat of the hub."""
    monkeypatch.setattr(cli, "settle_network", lambda profile: None)  # it would keep this process offline for good
    seat = f'[[seats]]\nkey = "original"\nlabel = "CLIP"\ncheckpoint = "{ID}"'
    path = tmp_path / "one.toml"
    head = 'title = "T"\ndescription = "D"\nlicense = "MIT"'
    path.write_text(f"{head}\n{seat}\n[retrieval]\ngallery = '{tiny_gallery}'\n")
    return path


def snapshot(cache):
    return cache.repository(ID) / "snapshots" / SHA


def without_weights(cache):
    (snapshot(cache) / "model.safetensors").unlink()


def without_config(cache):
    (snapshot(cache) / "config.json").unlink()


def one_shard_of_two(cache):
    folder = snapshot(cache)
    save_file(load_file(folder / "model.safetensors"), folder / "model-00001-of-00002.safetensors", {"format": "pt"})
    (folder / "model.safetensors").unlink()


def in_the_making(cache):
    blob = (snapshot(cache) / "model.safetensors").resolve()
    blob.rename(blob.with_name(blob.name + ".incomplete"))


def cut(cache):
    blob = (snapshot(cache) / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1000])


def dangling(cache):
    shutil.rmtree(snapshot(cache))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_weights, f"{ID} (model.safetensors is missing) is not whole"),
        (without_config, f"{ID} (config.json is missing) is not whole"),
        (
            one_shard_of_two,
            f"{ID} (model-00002-of-00002.safetensors is missing, model.safetensors.index.json is missing) is not whole",
        ),
        (in_the_making, f"{ID} (model.safetensors is missing) is not whole"),
        (cut, f"{ID} (model.safetensors is cut short) is not whole"),
        (dangling, f"{ID} is not in the cache of models"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_an_interrupted_download_keeps_the_page_from_starting(cached, profile, capsys, damage, said):
    assert cli.main(["--profile", str(profile), "--check"]) == 0
    capsys.readouterr()
    damage(cached)
    assert cli.main(["--profile", str(profile), "--check"]) == 1
    told = capsys.readouterr()
    (sentence,) = [line for line in told.out.splitlines() if line.startswith("  - ")]
    assert said in sentence and "connect to a network" in sentence and told.err == ""
    assert cli.main(["--profile", str(profile)]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert said in sentence and sentence.startswith("app.py: ")


def with_nan(folder):
    weights = load_file(folder / "model.safetensors")
    weights["visual_projection.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def with_another_shape(folder):
    weights = load_file(folder / "model.safetensors")
    weights["text_projection.weight"] = weights["text_projection.weight"][:8].clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def with_a_payload(folder):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(1), "more": Bomb(folder / "exploded")}, folder / "pytorch_model.bin")


def with_gelu_for_openai(folder):
    configure(folder, "openai/clip-vit-large-patch14", {"hidden_act": "gelu"})


def with_nothing_for_laion(folder):
    configure(folder, "laion/CLIP-ViT-H-14-laion2B-s32B-b79K", {})


def configure(folder, origin, activation):
    """Says where the weights come from, and their activation in both towers."""
    config = json.loads((folder / "config.json").read_text())
    for tower in ("text_config", "vision_config"):
        config[tower] = {name: value for name, value in config[tower].items() if name != "hidden_act"} | activation
    (folder / "config.json").write_text(json.dumps(config | {"_name_or_path": origin}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (with_gelu_for_openai, "need QuickGELU, but its config.json says gelu"),
        (with_nothing_for_laion, "need GELU, but its config.json says nothing"),
        (with_nan, "visual_projection.weight holds NaN or infinite numbers"),
        (with_another_shape, "text_projection.weight is (8, 32) in the file and (16, 32)"),
        (with_a_payload, "it holds more than tensors, which would have to be executed to be read"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_damaged_weights_are_told_by_the_selftest(tiny_clip, profile, tmp_path, capsys, damage, said):
    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    damage(folder)
    profile.write_text(profile.read_text().replace(ID, str(folder)))
    assert cli.main(["--profile", str(profile), "--selftest"]) == 1
    told = capsys.readouterr().out
    assert said in told and "Traceback" not in told and not (folder / "exploded").exists()
