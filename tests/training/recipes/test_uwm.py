import numpy as np
import pytest
import torch
from transformers import CLIPModel

from safeclip.encoders import Encoder
from safeclip.errors import ProfileError
from tests.fakes.toy_recipes import parsed, toy_options
from training.data.sources import open_source
from training.engine.job import train
from training.models.weight_negation import InputProfile, top_mass, weight_scores

TOML = """
recipe = "uwm"
seed = 1
checkpoint = "{checkpoint}"
pairs = 3
fraction = 0.1
data.emoji = {{ train = 4, validation = 4, seed = 3 }}
"""


@pytest.fixture
def made(tmp_path, tiny_clip, artwork):
    job, recipe = parsed(tmp_path, TOML.format(checkpoint=tiny_clip))
    options = toy_options(tmp_path / "run", artwork)
    assert train(job, recipe, options)
    return options.out / "model", recipe


def test_weights_of_the_named_layers_change_their_sign_and_no_other_weight(made, tiny_clip):
    before = CLIPModel.from_pretrained(tiny_clip).half().state_dict()
    after = CLIPModel.from_pretrained(made[0]).half().state_dict()
    for name, tensor in before.items():
        assert torch.equal(after[name].abs(), tensor.abs())
        negated = not torch.equal(after[name], tensor)
        named = name.endswith("out_proj.weight") and name.startswith("text_model")
        assert negated == (named or (name.endswith("fc2.weight") and name.startswith("vision_model")))


def test_the_negated_weights_are_those_of_the_calibration_pairs(made, tiny_clip, artwork, tmp_path):
    folder, recipe = made
    source, encoder = (
        open_source(recipe.data, "train", toy_options(tmp_path, artwork)),
        Encoder.from_pretrained(tiny_clip, device="cpu"),
    )
    layer = encoder.model.text_model.encoder.layers[0].self_attn.out_proj
    profiles = []
    for field in ("text", "unsafe_text"):
        found = InputProfile()
        hook = layer.register_forward_pre_hook(lambda _, inputs, found=found: found.add(inputs[0]))
        for index in range(3):
            encoder.encode_texts([getattr(source.item(index), field)])
        hook.remove()
        profiles.append(found)
    marked = top_mass(weight_scores(layer.weight, *profiles), 0.1)
    after = CLIPModel.from_pretrained(folder).text_model.encoder.layers[0].self_attn.out_proj.weight
    assert np.array_equal((after < 0) ^ (layer.weight < 0), marked)


def test_it_is_an_encoder_for_the_library(made, tiny_clip):
    safer, plain = (Encoder.from_pretrained(folder, device="cpu") for folder in (made[0], tiny_clip))
    assert not np.allclose(safer.encode_texts(["a chef"]), plain.encode_texts(["a chef"]), atol=1e-3)


def test_a_layer_that_no_tower_has_is_reported(tmp_path, tiny_clip, artwork):
    job, recipe = parsed(tmp_path, TOML.format(checkpoint=tiny_clip) + 'text_layers = ["proj_out"]')
    with pytest.raises(ProfileError, match="text_model has no linear layer named proj_out"):
        train(job, recipe, toy_options(tmp_path / "run", artwork))


@pytest.mark.parametrize("fraction", ["2.0", "0.0", "nan"])
def test_a_fraction_that_is_no_share_is_refused(fraction, tmp_path, tiny_clip):
    text = TOML.format(checkpoint=tiny_clip).replace("fraction = 0.1", f"fraction = {fraction}")
    with pytest.raises(ProfileError, match=f"“fraction” is {fraction}; it is a share above 0"):
        parsed(tmp_path, text)
