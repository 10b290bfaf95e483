"""A CLIP's weights and configuration from the layout of transformers to that of open_clip, and back."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from transformers import CLIPConfig, CLIPTokenizer

from safeclip.errors import CheckpointError

from .tokenizer import special_ids

Weights = Mapping[str, torch.Tensor]

# transformers → open_clip; the tensors of TRANSPOSED are stored the other way round there.
_NAMES = {
    "logit_scale": "logit_scale",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "text_projection.weight": "text_projection",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "visual_projection.weight": "visual.proj",
}
_TRANSPOSED = {"text_projection", "visual.proj"}
_TOWERS = {
    "text_model.encoder.layers": "transformer.resblocks",
    "vision_model.encoder.layers": "visual.transformer.resblocks",
}
_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_PARTS = tuple(f"self_attn.{name}_proj" for name in "qkv")  # open_clip has them in one tensor
_VISION = {"image_size", "layers", "width", "head_width", "mlp_ratio", "patch_size"}
_TEXT = {"context_length", "vocab_size", "layers", "width", "heads", "mlp_ratio"}
_WHOLE = {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg", "init_logit_scale"}
_HEAD_WIDTH, _MLP_RATIO = 64, 4.0  # open_clip's defaults


def open_clip_weights(weights: Weights) -> dict[str, torch.Tensor]:
    """The weights of a CLIPModel under open_clip's names."""
    found = {}
    for name, other in _NAMES.items():
        found[other] = (weights[name].T if other in _TRANSPOSED else weights[name]).contiguous()
    for tower, theirs in _TOWERS.items():
        for layer in _layers(weights, tower):
            found |= _open_clip_layer(weights, f"{tower}.{layer}", f"{theirs}.{layer}")
    return found


def _open_clip_layer(weights: Weights, own: str, theirs: str) -> dict[str, torch.Tensor]:
    found = {}
    for kind in ("weight", "bias"):
        for name, other in _LAYER.items():
            found[f"{theirs}.{other}.{kind}"] = weights[f"{own}.{name}.{kind}"]
        found[f"{theirs}.attn.in_proj_{kind}"] = torch.cat([weights[f"{own}.{part}.{kind}"] for part in _PARTS])
    return found


def transformers_weights(weights: Weights) -> dict[str, torch.Tensor]:
    """open_clip's weights of a CLIP under the names of transformers. Raises CheckpointError when one is missing."""
    found = {}
    try:
        for name, other in _NAMES.items():
            found[name] = (weights[other].T if other in _TRANSPOSED else weights[other]).contiguous()
        found["logit_scale"] = found["logit_scale"].reshape(())
        for tower, theirs in _TOWERS.items():
            for layer in _layers(weights, theirs):
                found |= _transformers_layer(weights, f"{tower}.{layer}", f"{theirs}.{layer}")
    except KeyError as error:
        raise CheckpointError(f"the weights lack {error}, which a CLIP of two transformers has.") from None
    return found


def _transformers_layer(weights: Weights, own: str, theirs: str) -> dict[str, torch.Tensor]:
    found = {}
    for kind in ("weight", "bias"):
        for name, other in _LAYER.items():
            found[f"{own}.{name}.{kind}"] = weights[f"{theirs}.{other}.{kind}"]
        for part, tensor in zip(_PARTS, weights[f"{theirs}.attn.in_proj_{kind}"].chunk(3), strict=True):
            found[f"{own}.{part}.{kind}"] = tensor.contiguous()
    return found


def _layers(weights: Weights, tower: str) -> list[int]:
    """The numbers of a tower's layers, whose tensors are named `tower`.NUMBER.…"""
    found = (re.match(rf"{re.escape(tower)}\.(\d+)\.", name) for name in weights)
    return sorted({int(match[1]) for match in found if match})


def transformers_config(config: Mapping[str, Any], tokenizer: CLIPTokenizer, name: str) -> CLIPConfig:
    """The CLIPConfig of open_clip's `model_cfg`.

    Raises CheckpointError, beginning with `name`, for an architecture that is not CLIP's own: a ResNet, a tower of
    timm, pooling or layers of another kind.
    """
    vision, text = config["vision_cfg"], config["text_cfg"]
    odd = [*(config.keys() - _WHOLE), *(vision.keys() - _VISION), *(text.keys() - _TEXT)]
    if odd or not isinstance(vision["layers"], int):
        told = ", ".join(sorted(odd)) or "layers of a ResNet"
        raise CheckpointError(
            f"{name}: this is no plain CLIP of two transformers ({told}), and only those can be tuned. Choose a ViT of "
            "OpenAI's or LAION's."
        )
    act = {"hidden_act": "quick_gelu" if config.get("quick_gelu") else "gelu", "projection_dim": config["embed_dim"]}
    return CLIPConfig(
        text_config={
            **act,
            **_tower(text, text["heads"]),
            "vocab_size": text["vocab_size"],
            "max_position_embeddings": text["context_length"],
            **special_ids(tokenizer),
        },
        vision_config={
            **act,
            **_tower(vision, vision["width"] // vision.get("head_width", _HEAD_WIDTH)),
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
        },
        projection_dim=config["embed_dim"],
    )


def _tower(config: Mapping[str, Any], heads: int) -> dict[str, Any]:
    return {
        "hidden_size": config["width"],
        "intermediate_size": int(config["width"] * config.get("mlp_ratio", _MLP_RATIO)),
        "num_hidden_layers": config["layers"],
        "num_attention_heads": heads,
    }
