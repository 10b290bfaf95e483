"""A step of the recipe equals a plain implementation: a pass for each text and image, and a frozen copy."""

import copy
import json
from pathlib import Path

import pytest
import torch
from peft import get_peft_model
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from benchmarks.released_loop.loop import eight_terms
from benchmarks.released_loop.step import RECIPE
from safeclip.encoders import Encoder
from safeclip.encoders.processors import openai_tokenizer
from tests.fakes.own_quadruplets import write_own_quadruplets
from tests.fakes.tiny_models import make_siglip
from tests.fakes.toy_recipes import parsed, toy_options
from training.models.encoder_kind import CLIP, SIGLIP
from training.recipes.adapter import lora_config
from training.recipes.safe_clip import SafeClipTraining


def write_vit_l_14(folder: Path) -> Path:
    """A CLIP of ViT-L/14's shape with random weights, in the layout of the hub."""
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "projection_dim": 768}
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 24}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config=text, vision_config={**vision, "patch_size": 14, "projection_dim": 768}, projection_dim=768
    )
    CLIPModel(config).save_pretrained(folder)
    openai_tokenizer()[0].save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    return folder


@pytest.fixture(params=["toy", "siglip", pytest.param("ViT-L/14", marks=pytest.mark.full)])
def base(request, tmp_path, tiny_clip) -> tuple[Path, str]:
    """A checkpoint and its kind."""
    if request.param == "siglip":
        return make_siglip(tmp_path / "siglip"), SIGLIP
    return (tiny_clip if request.param == "toy" else write_vit_l_14(tmp_path / "vit-l-14")), CLIP


def test_loss_and_gradients_are_those_of_a_plain_implementation(base, tmp_path):
    checkpoint, kind = base
    data = write_own_quadruplets(tmp_path / "data", {"train": 2, "validation": 2})
    text = f"lora.dropout = 0.0\nkind = {json.dumps(kind)}\n" + RECIPE.format(
        checkpoint=json.dumps(str(checkpoint)), data=json.dumps(str(data)), batch=2
    )
    training = SafeClipTraining(parsed(tmp_path, text)[1], toy_options(tmp_path, tmp_path))
    torch.manual_seed(2)
    for name, parameter in training.model.named_parameters():  # a new adapter's B is zero, and so A's gradient
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    weights = {name: p.detach().clone() for name, p in training.model.named_parameters() if p.requires_grad}
    batch = training.batch_maker()(0)
    losses = training.backward(0, batch)
    gradients = {name: p.grad for name, p in training.model.named_parameters() if p.requires_grad}

    frozen = Encoder.from_pretrained(checkpoint, device="cpu", kind=kind)
    model = get_peft_model(copy.deepcopy(frozen.model), lora_config(training.recipe.lora, kind))
    model.load_state_dict(weights, strict=False)
    loss = plain_loss(model, frozen.model, [training.data.source.item(i) for i in batch.indices.tolist()], frozen)
    loss.backward()
    torch.testing.assert_close(losses["objective_loss"], loss, rtol=1e-4, atol=1e-6)
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-3, atol=1e-4 * largest)


def plain_loss(model, frozen_model, items, encoder) -> torch.Tensor:
    """The eight terms, each text and each image encoded by itself."""

    def texts(network, field: str) -> torch.Tensor:
        rows = []
        for item in items:
            tokens = encoder.tokenize([getattr(item, field)])
            rows.append(network.get_text_features(tokens["input_ids"], tokens["attention_mask"]).pooler_output)
        return torch.cat(rows)

    def images(network, field: str) -> torch.Tensor:
        return torch.cat(
            [network.get_image_features(encoder.pixels([getattr(item, field)])).pooler_output for item in items]
        )

    with torch.no_grad():
        frozen = texts(frozen_model, "text"), images(frozen_model, "image")
    text = {"safe": texts(model, "text"), "unsafe": texts(model, "unsafe_text")}
    image = {"safe": images(model, "image"), "unsafe": images(model, "unsafe_image")}
    return eight_terms(text, image, *frozen)
