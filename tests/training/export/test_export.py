"""Each exported layout embeds as the adapter does, read by the library that it is for."""

import copy
import json
import shutil
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTextModel

from safeclip.encoders import Encoder
from safeclip.encoders.processors import openai_tokenizer
from safeclip.errors import CheckpointError
from training.cli import main
from training.export.layouts import write_open_clip

TEXTS = ["a dog holding a kite", "a chef with a spoon in the kitchen"]


@pytest.fixture(scope="module")
def tuned(tiny_clip, tiny_adapter) -> Encoder:
    return Encoder.from_pretrained(tiny_clip, tiny_adapter, device="cpu")


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def exported(tmp_path, tiny_clip, tiny_adapter):
    def export(layout: str):
        command = ["export", str(tiny_adapter), "--base", str(tiny_clip), "--to", layout]
        assert main([*command, "--out", str(tmp_path / layout)]) == 0
        return tmp_path / layout

    return export


@pytest.mark.parametrize("layout", ["transformers", "open_clip"])
def test_the_whole_model_embeds_as_the_adapter(layout, exported, tuned, pixels):
    merged = Encoder.from_pretrained(exported(layout), device="cpu")
    np.testing.assert_allclose(merged.encode_texts(TEXTS), tuned.encode_texts(TEXTS), atol=1e-5)
    np.testing.assert_allclose(merged.embed_pixels(pixels), tuned.embed_pixels(pixels), atol=1e-5)
    assert merged.preprocessing_hash == tuned.preprocessing_hash


def test_transformers_and_open_clip_load_it_by_themselves(exported, tuned, pixels):
    expected = torch.from_numpy(tuned.embed_pixels(pixels))
    with torch.no_grad():
        theirs = CLIPModel.from_pretrained(exported("transformers")).get_image_features(pixels).pooler_output
        model, _ = open_clip.create_model_from_pretrained(f"local-dir:{exported('open_clip')}")
        others = model.eval().encode_image(pixels)
    for found in (theirs, others):
        torch.testing.assert_close(torch.nn.functional.normalize(found, dim=-1), expected, atol=1e-5, rtol=0)


def test_open_clip_reads_texts_by_the_tokenizer_of_the_base(exported, tuned):
    name = f"local-dir:{exported('open_clip')}"
    model, _ = open_clip.create_model_from_pretrained(name)
    with torch.no_grad():
        found = model.eval().encode_text(open_clip.get_tokenizer(name)(TEXTS), normalize=True)
    np.testing.assert_allclose(found, tuned.encode_texts(TEXTS), atol=1e-4)


def test_open_clip_keeps_its_own_tokenizer_where_the_base_has_openais(tuned, tmp_path):
    tokenizer, _ = openai_tokenizer()
    write_open_clip(
        SimpleNamespace(model=tuned.model, tokenizer=tokenizer, image_processor=tuned.image_processor), tmp_path
    )
    assert "hf_tokenizer_name" not in (tmp_path / "open_clip_config.json").read_text()


@pytest.mark.parametrize(("crops", "mode"), [(True, "shortest"), (False, "squash")])
def test_open_clip_prepares_an_image_as_the_base_does(crops, mode, tuned, tmp_path):
    processor = copy.copy(tuned.image_processor)
    processor.do_center_crop = crops
    write_open_clip(SimpleNamespace(model=tuned.model, tokenizer=tuned.tokenizer, image_processor=processor), tmp_path)
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    assert config["preprocess_cfg"]["resize_mode"] == mode


def test_open_clips_own_transform_differs_by_rounding_and_by_where_an_odd_margin_is_cropped(exported, tuned):
    _, transform = open_clip.create_model_from_pretrained(f"local-dir:{exported('open_clip')}")
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    std = torch.tensor(tuned.image_processor.image_std)[:, None, None]
    resized = Image.fromarray(noise)  # to 48 × 32
    assert (255 * std * (transform(resized) - tuned.pixels([resized])[0])).abs().max() < 2.5
    cropped = Image.fromarray(noise[:32, :35])  # of a margin of 3 open_clip leaves 2 on the left, transformers 1
    torch.testing.assert_close(transform(cropped)[..., :-1], tuned.pixels([cropped])[0, ..., 1:])


def test_an_adapter_that_is_not_all_that_was_trained_is_not_exported(tiny_clip, tiny_adapter, tmp_path, capsys):
    adapter = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    (adapter / "objective.safetensors").touch()
    assert main(["export", str(adapter), "--base", str(tiny_clip), "--out", str(tmp_path / "out")]) == 1
    assert "its objective learnt numbers of its own" in capsys.readouterr().err


def test_a_card_says_how_each_layout_is_loaded(exported, tiny_clip):
    cards = {layout: (exported(layout) / "README.md").read_text() for layout in ("transformers", "open_clip")}
    for layout, text in cards.items():
        assert (
            f"library_name: {layout}\ntags" in text
            and f"# Safe-CLIP of {tiny_clip.name}" in text
            and "does not prevent them" in text
        )
    assert 'AutoModel.from_pretrained("transformers")' in cards["transformers"]
    assert 'create_model_from_pretrained("local-dir:open_clip")' in cards["open_clip"]


def test_the_text_encoder_of_a_pipeline_has_the_adapters_states(exported, tuned):
    tokens = tuned.tokenize(TEXTS)["input_ids"]
    with torch.no_grad():
        states = CLIPTextModel.from_pretrained(exported("diffusers"), subfolder="text_encoder")(tokens)
        expected = tuned.model.text_model(tokens)
    torch.testing.assert_close(states.last_hidden_state, expected.last_hidden_state)


def test_a_pipeline_that_reads_fewer_layers_gets_those(tiny_clip, tiny_adapter, tuned, tmp_path, capsys):
    command = ["export", str(tiny_adapter), "--base", str(tiny_clip), "--to", "diffusers"]
    assert main([*command, "--layers", "1", "--out", str(tmp_path / "out")]) == 0
    loaded = CLIPTextModel.from_pretrained(tmp_path / "out", subfolder="text_encoder")
    tokens = tuned.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = loaded(**tokens, output_hidden_states=True).hidden_states[-1]
        expected = tuned.model.text_model(**tokens, output_hidden_states=True).hidden_states[1]
    assert loaded.config.num_hidden_layers == 1
    torch.testing.assert_close(states, expected)
    assert main([*command, "--layers", "9", "--out", str(tmp_path / "other")]) == 1
    assert "--layers asks for 9" in capsys.readouterr().err


def test_nothing_is_overwritten_and_a_folder_without_adapter_is_said(exported, tmp_path, tiny_clip, capsys):
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "mine").touch()
    with pytest.raises(AssertionError):
        exported("transformers")
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "new")]) == 1
    said = capsys.readouterr().err
    assert "is not empty" in said and "there is no adapter" in said


@pytest.mark.parametrize(
    ("tower", "change", "said"),
    [
        ("text", {"hidden_act": "gelu"}, "the activation gelu and quick_gelu"),
        ("vision", {"layer_norm_eps": 1e-2}, "the layer norm's epsilon 1e-05 and 0.01"),
    ],
)
def test_open_clip_is_given_no_model_that_it_computes_otherwise(tower, change, said, tuned, tmp_path):
    odd = copy.deepcopy(tuned.model)
    for key, value in change.items():
        setattr(getattr(odd.config, f"{tower}_config"), key, value)
    encoder = SimpleNamespace(model=odd, tokenizer=tuned.tokenizer, image_processor=tuned.image_processor)
    with pytest.raises(CheckpointError, match=said):
        write_open_clip(encoder, tmp_path / "odd")
    assert not (tmp_path / "odd").exists()
