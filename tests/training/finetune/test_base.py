"""Bases of a fine-tune: open_clip's CLIPs in transformers' layout, and what cannot be tuned is said."""

import json
import shutil

import numpy as np
import pytest
import torch

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError
from tests.fakes.own_quadruplets import write_own_quadruplets
from tests.fakes.tiny_models import make_siglip
from training.cli import main
from training.export.layouts import write_open_clip
from training.finetune.base import logit_scale, prepared_base
from training.models.encoder_kind import CLIP, SIGLIP, kind_of, tunable_encoder

TEXTS = ["a dog holding a kite"]


@pytest.fixture(scope="module")
def open_clip_folder(tmp_path_factory, tiny_clip):
    folder = tmp_path_factory.mktemp("open-clip")
    write_open_clip(Encoder.from_pretrained(tiny_clip, device="cpu"), folder)
    return folder


def test_an_open_clip_model_is_tuned(open_clip_folder, tmp_path, tiny_clip):
    own = write_own_quadruplets(tmp_path / "own", {"train": 4, "validation": 4})
    command = ["finetune", "--base", str(open_clip_folder), "--quadruplets", str(own), "--out", str(tmp_path / "run")]
    assert main([*command, "--batch-size", "4", "--epochs", "1", "--device", "cpu"]) == 0
    base = Encoder.from_pretrained(tmp_path / "run" / "base", device="cpu")
    np.testing.assert_allclose(base.encode_texts(TEXTS), _embedded(open_clip_folder), atol=1e-5)
    tuned = Encoder.from_pretrained(tmp_path / "run" / "base", tmp_path / "run" / "adapter", device="cpu")
    assert np.isfinite(tuned.encode_texts(TEXTS)).all()
    assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "whole")]) == 0
    card = (tmp_path / "whole" / "README.md").read_text()
    assert f"# Safe-CLIP of {open_clip_folder.name}\n" in card and str(tmp_path) not in card
    assert f'checkpoint = "{open_clip_folder.name}"' in card and 'path = "own"' in card


def test_a_checkpoint_that_another_recipe_makes_is_asked_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    with pytest.raises(CheckpointError, match="safeclip-train clip --out runs/clip"):
        tunable_encoder("runs/clip/model", device=torch.device("cpu"))


@pytest.mark.parametrize("name", ["my/clip", ""])
def test_a_recipe_names_the_key_of_a_checkpoint_that_is_not_there(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    (tmp_path / "my").mkdir()
    with pytest.raises(CheckpointError, match=f"“checkpoint” is '{name}', and {tmp_path}.* Name a folder, or OWNER"):
        tunable_encoder(name, device=torch.device("cpu"))


def test_a_recipe_says_where_open_clips_layout_goes(open_clip_folder):
    with pytest.raises(CheckpointError, match="safeclip-train finetune takes this one too"):
        tunable_encoder(str(open_clip_folder), device=torch.device("cpu"))


@pytest.mark.full
def test_a_siglip_is_tuned_seated_and_exported(tmp_path):
    base, out = make_siglip(tmp_path / "siglip"), tmp_path / "run"
    own = write_own_quadruplets(tmp_path / "own", {"train": 4, "validation": 4})
    command = ["finetune", "--base", str(base), "--quadruplets", str(own), "--out", str(out)]
    assert main([*command, "--batch-size", "4", "--epochs", "2", "--device", "cpu"]) == 0
    result = json.loads((out / "evaluation.json").read_text())
    assert list(result["sections"]["quadruplets"]["retrieval"]) == ["original", "safe"] and not result["failed_seats"]
    safe = Encoder.from_pretrained(base, out / "adapter", device="cpu", kind=SIGLIP)
    assert (
        np.abs(safe.encode_texts(TEXTS) - Encoder.from_pretrained(base, kind=SIGLIP).encode_texts(TEXTS)).max() > 1e-4
    )
    assert main(["export", str(out), "--out", str(tmp_path / "merged")]) == 0
    merged = Encoder.from_pretrained(tmp_path / "merged", device="cpu", kind=SIGLIP)
    np.testing.assert_allclose(merged.encode_texts(TEXTS), safe.encode_texts(TEXTS), atol=1e-5)
    assert main(["export", str(out), "--to", "open_clip", "--out", str(tmp_path / "other")]) == 1


def _embedded(folder):
    return Encoder.from_pretrained(folder, device="cpu").encode_texts(TEXTS)


def test_a_checkpoint_of_transformers_stays_where_it_is(tiny_clip, tmp_path):
    assert prepared_base(str(tiny_clip), tmp_path / "base") == str(tiny_clip)
    assert not (tmp_path / "base").exists()


def test_the_logit_scale_is_read_from_the_weights(tiny_clip):
    assert logit_scale(str(tiny_clip)) == pytest.approx(Encoder.from_pretrained(tiny_clip, device="cpu").logit_scale)


@pytest.mark.parametrize("change", [{"vision_cfg": {"pool_type": "avg"}}, {"custom_text": True}])
def test_other_architectures_of_open_clip_are_refused(change, open_clip_folder, tmp_path):
    for path in open_clip_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    file = tmp_path / "open_clip_config.json"
    config = json.loads(file.read_text())
    for key, value in change.items():
        table = config["model_cfg"]
        table[key] = {**table[key], **value} if isinstance(value, dict) else value
    file.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="no plain CLIP"):
        prepared_base(str(tmp_path), tmp_path / "base")


@pytest.mark.parametrize(("named", "kind"), [("siglip", SIGLIP), ("clip", CLIP)])
def test_the_configuration_tells_the_kind_of_a_base(named, kind, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": named}))
    assert kind_of(str(tmp_path)) == kind


def test_weights_without_a_scale_are_no_base(tmp_path):
    with pytest.raises(CheckpointError, match="the base must be a CLIP or a SigLIP"):
        logit_scale(str(tmp_path))


def test_damaged_weights_are_no_base(tiny_clip, tmp_path):
    shutil.copytree(tiny_clip, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"model.safetensors: the weights cannot be read \("):
        logit_scale(str(tmp_path / "base"))
