"""The tiny CLIP in open_clip's format, a hub on this machine that the real client talks to, pictures to describe."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.fakes.hub import NO_HUB, HubCache, serve_hub, use_hub

if TYPE_CHECKING:
    from safeclip.captioning.compare import Captioning
    from safeclip.captioning.llava import Llava


def to_open_clip(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A CLIPModel's tensors under open_clip's names: the inverse of what transformers' conversion script does."""
    out = {
        "logit_scale": weights["logit_scale"],
        "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": weights["text_model.embeddings.position_embedding.weight"],
        "text_projection": weights["text_projection.weight"].T,
        "visual.class_embedding": weights["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": weights["vision_model.embeddings.position_embedding.weight"],
        "visual.conv1.weight": weights["vision_model.embeddings.patch_embedding.weight"],
        "visual.proj": weights["visual_projection.weight"].T,
    }
    norms = {
        "text_model.final_layer_norm": "ln_final",
        "vision_model.pre_layrnorm": "visual.ln_pre",  # spelt so there
        "vision_model.post_layernorm": "visual.ln_post",
    }
    inside = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    for tower, prefix in (("text_model", ""), ("vision_model", "visual.")):
        depth = 1 + max(int(key.split(".")[3]) for key in weights if key.startswith(f"{tower}.encoder.layers."))
        for i in range(depth):
            old, new = f"{tower}.encoder.layers.{i}", f"{prefix}transformer.resblocks.{i}"
            norms |= {f"{old}.{a}": f"{new}.{b}" for a, b in inside.items()}
            for kind in ("weight", "bias"):
                parts = [weights[f"{old}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
                out[f"{new}.attn.in_proj_{kind}"] = torch.cat(parts)
    for old, new in norms.items():
        for kind in ("weight", "bias"):
            out[f"{new}.{kind}"] = weights[f"{old}.{kind}"]
    return {key: tensor.contiguous() for key, tensor in out.items()}


def open_clip_config(clip: Path) -> dict:
    """The architecture of a checkpoint of transformers in open_clip's words."""
    config = json.loads((clip / "config.json").read_text())
    text, vision = config["text_config"], config["vision_config"]
    return {
        "embed_dim": config["projection_dim"],
        "quick_gelu": text.get("hidden_act", "quick_gelu") == "quick_gelu",
        "vision_cfg": {
            "image_size": vision["image_size"],
            "layers": vision["num_hidden_layers"],
            "width": vision["hidden_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            "patch_size": vision["patch_size"],
            "mlp_ratio": vision["intermediate_size"] / vision["hidden_size"],
        },
        "text_cfg": {
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "width": text["hidden_size"],
            "heads": text["num_attention_heads"],
            "layers": text["num_hidden_layers"],
            "mlp_ratio": text["intermediate_size"] / text["hidden_size"],
        },
    }


def write_open_clip(directory: Path, clip: Path, *, archive: bool = False, **changes) -> Path:
    """The checkpoint `clip` in open_clip's format, its tokenizer and image processor beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = to_open_clip(load_file(clip / "model.safetensors"))
    if archive:
        torch.save(weights, directory / "open_clip_pytorch_model.bin")
    else:
        save_file(weights, directory / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip_config(clip) | changes, "preprocess_cfg": {}}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    for path in (*clip.glob("tokenizer*"), clip / "preprocessor_config.json"):
        if path.parent != directory:
            shutil.copy(path, directory)
    return directory


@pytest.fixture(scope="session")
def tiny_open_clip(tiny_clip, tmp_path_factory) -> Path:
    return write_open_clip(tmp_path_factory.mktemp("open") / "clip", tiny_clip)


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    """A hub that the real client talks to, with an empty cache."""
    with serve_hub() as served:
        served.cache = use_hub(monkeypatch, served.address, tmp_path / "cache").folder
        yield served


@pytest.fixture
def no_hub(monkeypatch, tmp_path) -> HubCache:
    """A hub whose port nobody listens to, with an empty cache."""
    return use_hub(monkeypatch, NO_HUB, tmp_path / "cache")


@pytest.fixture(scope="session")
def formats():
    """The makers above, for tests that need a variation."""
    from types import SimpleNamespace

    return SimpleNamespace(write=write_open_clip, convert=to_open_clip, config=open_clip_config)


@pytest.fixture(scope="module")
def captioning(talking_lab) -> "Captioning":
    return talking_lab.captioning


@pytest.fixture(scope="session")
def llava(tiny_llava) -> "Llava":
    from safeclip.captioning.llava import Llava

    return Llava.from_pretrained(tiny_llava, device="cpu")


@pytest.fixture(scope="module")
def pictures(talking_lab):
    return [talking_lab.gallery.image(item.image_id) for item in talking_lab.gallery.items]
