"""Checkpoints that are damaged or wrongly configured: one sentence that says what and where, and no embedding."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from safeclip.encoders import Encoder
from safeclip.encoders.quick_gelu import activations, doubts
from safeclip.errors import CheckpointError

OPENAI, LAION = "openai/clip-vit-large-patch14", "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"


@pytest.fixture
def copy(tiny_clip, tmp_path):
    return shutil.copytree(tiny_clip, tmp_path / "clip")


def change_weight(folder, name, change) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name] = change(weights[name])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_named(copy, value):
    change_weight(copy, "visual_projection.weight", lambda tensor: tensor.index_fill(0, torch.tensor([3]), value))
    with pytest.raises(CheckpointError, match="visual_projection.weight holds NaN or infinite numbers"):
        Encoder.from_pretrained(copy)


def test_a_weight_of_another_shape_is_named_with_both_shapes(copy):
    change_weight(copy, "text_projection.weight", lambda tensor: tensor[:8].clone())
    with pytest.raises(CheckpointError, match=r"text_projection.weight is \(8, 32\) in the file and \(16, 32\)"):
        Encoder.from_pretrained(copy)


@pytest.mark.parametrize(
    ("name", "kept"), [("model.safetensors", 0.67), ("pytorch_model.bin", 0.67), ("pytorch_model.bin", 0.02)]
)
def test_a_file_without_its_end_is_said_to_be_cut_short(copy, name, kept):
    if name.endswith(".bin"):
        torch.save(load_file(copy / "model.safetensors"), copy / name)
        (copy / "model.safetensors").unlink()
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(CheckpointError, match=rf"{name}.*cut short"):
        Encoder.from_pretrained(copy)


def test_weights_without_names_are_refused(copy):
    (copy / "model.safetensors").unlink()
    torch.save({0: torch.zeros(2)}, copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="0 is no name of a tensor"):
        Encoder.from_pretrained(copy)


def config(text: dict | None, vision: dict | None, **more) -> dict:
    return {
        name: table for name, table in (("text_config", text), ("vision_config", vision)) if table is not None
    } | more


@pytest.mark.parametrize(
    ("source", "content", "said"),
    [
        (OPENAI, config({}, {}), ""),
        (
            OPENAI,
            config({"hidden_act": "gelu"}, {"hidden_act": "gelu"}),
            "need QuickGELU, but its config.json says gelu",
        ),
        (LAION, config({"hidden_act": "gelu"}, {"hidden_act": "gelu"}), ""),
        (LAION, config({}, {}), "need GELU, but its config.json says nothing"),
        (LAION, config({"hidden_act": "gelu"}, {}), "need GELU, but its config.json says gelu, quick_gelu"),
        ("my/own", config({}, {}), ""),
        (OPENAI, config({"hidden_act": "gelu"}, {}, text_config_dict={}, vision_config_dict={}), ""),
        (OPENAI, config(None, None, text_config_dict={"hidden_act": "quick_gelu"}, vision_config_dict={}), ""),
    ],
)
def test_an_activation_that_the_weights_were_not_trained_with_is_doubted(source, content, said):
    found = doubts(source, content)
    assert (said in found[0] and source in found[0]) if said else found == []


def test_activations_are_those_that_transformers_takes():
    """In the layout of 2022 as in today's."""
    from transformers import CLIPConfig

    for content in (
        config({"hidden_act": "gelu"}, {}),
        config({"hidden_act": "gelu"}, {"hidden_act": "gelu"}, text_config_dict={}, vision_config_dict={}),
        config({}, {}, text_config_dict={"hidden_act": "gelu"}, vision_config_dict={"hidden_act": "gelu"}),
        config(None, None),
    ):
        made = CLIPConfig.from_dict(json.loads(json.dumps(content)))
        assert activations(content) == {made.text_config.hidden_act, made.vision_config.hidden_act}
