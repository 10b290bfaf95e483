"""Bases of a fine-tune: open_clip's CLIPs in transformers' layout, and what cannot be tuned is said."""

import json

import numpy as np
import pytest

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError
from tests.fakes.own_quadruplets import write_own_quadruplets
from training.cli import main
from training.export.layouts import write_open_clip
from training.finetune.base import logit_scale, prepared_base

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


def test_siglip_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "siglip"}))
    with pytest.raises(CheckpointError, match="SigLIP, whose logits go through a sigmoid"):
        logit_scale(str(tmp_path))
