"""A step of the recipe equals a plain implementation: a pass for each text and image, and a frozen copy."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from peft import get_peft_model
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from safeclip.encoders import Encoder
from safeclip.encoders.processors import openai_tokenizer
from tests.fakes.own_quadruplets import write_own_quadruplets
from tests.fakes.toy_recipes import parsed, toy_options
from training.losses.redirection import LOGIT_SCALE, RedirectionWeights
from training.recipes.safe_clip import SafeClipTraining, lora_config

RECIPE = """
recipe = "safe_clip"
seed = 1
precision = "float32"
checkpoint = {checkpoint}
epochs = 1
batch_size = {batch}
learning_rate = 1e-3
validate_every = 1
data.folder.path = {data}
[objective.safe_clip]
"""


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


@pytest.fixture(params=["toy", pytest.param("ViT-L/14", marks=pytest.mark.full)])
def checkpoint(request, tmp_path, tiny_clip) -> Path:
    return tiny_clip if request.param == "toy" else write_vit_l_14(tmp_path / "vit-l-14")


def test_loss_and_gradients_are_those_of_a_plain_implementation(checkpoint, tmp_path):
    data = write_own_quadruplets(tmp_path / "data", {"train": 2, "validation": 2})
    text = "lora.dropout = 0.0\n" + RECIPE.format(
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

    frozen = Encoder.from_pretrained(checkpoint, device="cpu")
    model = get_peft_model(copy.deepcopy(frozen.model), lora_config(training.recipe.lora))
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


def eight_terms(
    text: Mapping[str, torch.Tensor],
    image: Mapping[str, torch.Tensor],
    frozen_text: torch.Tensor,
    frozen_image: torch.Tensor,
) -> torch.Tensor:
    """The weighted mean of the paper's terms, from features (n, d) that are not normalised."""

    def contrast(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        logits = LOGIT_SCALE * F.normalize(a) @ F.normalize(b).T
        own = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (1 - F.cosine_similarity(a, b)).mean()

    weights = RedirectionWeights()
    terms = {
        "redirect_text_to_image": contrast(text["unsafe"], frozen_image),
        "redirect_image_to_text": contrast(frozen_text, image["unsafe"]),
        "redirect_text_to_text": distance(text["unsafe"], frozen_text),
        "redirect_image_to_image": distance(image["unsafe"], frozen_image),
        "preserve_text_to_text": distance(text["safe"], frozen_text),
        "preserve_image_to_image": distance(image["safe"], frozen_image),
        "preserve_text_to_image": contrast(text["safe"], frozen_image),
        "preserve_image_to_text": contrast(frozen_text, image["safe"]),
    }
    return sum(getattr(weights, name) * term for name, term in terms.items()) / sum(vars(weights).values())
