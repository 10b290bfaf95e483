"""Writes a Safe-CLIP as a folder that open_clip loads.

    python -m examples.swap_into_open_clip --out runs/safe-open-clip

Then `open_clip.create_model_and_transforms("local-dir:runs/safe-open-clip")` and
`open_clip.get_tokenizer("local-dir:runs/safe-open-clip")` give the model, its transforms and its tokenizer.
The defaults are the embedded models. With the published one:
--clip aimagelab/safeclip_vit-l_14 --adapter "" --processor openai/clip-vit-large-patch14
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from safeclip import Encoder

# transformers' names of a tower's layers → open_clip's.
_NORMS = {
    "text_model.final_layer_norm": "ln_final",
    "vision_model.pre_layrnorm": "visual.ln_pre",  # spelt so there
    "vision_model.post_layernorm": "visual.ln_post",
}
_IN_A_BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def to_open_clip(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A CLIPModel's tensors under open_clip's names: the inverse of transformers' conversion script."""
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
    renamed = dict(_NORMS)
    for tower, prefix in (("text_model", ""), ("vision_model", "visual.")):
        depth = 1 + max(int(key.split(".")[3]) for key in weights if key.startswith(f"{tower}.encoder.layers."))
        for i in range(depth):
            old, new = f"{tower}.encoder.layers.{i}", f"{prefix}transformer.resblocks.{i}"
            renamed |= {f"{old}.{a}": f"{new}.{b}" for a, b in _IN_A_BLOCK.items()}
            for kind in ("weight", "bias"):  # open_clip holds queries, keys and values in one tensor
                parts = [weights[f"{old}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
                out[f"{new}.attn.in_proj_{kind}"] = torch.cat(parts)
    for old, new in renamed.items():
        for kind in ("weight", "bias"):
            out[f"{new}.{kind}"] = weights[f"{old}.{kind}"]
    return {key: tensor.contiguous() for key, tensor in out.items()}


def open_clip_config(config: dict[str, Any]) -> dict[str, Any]:
    """The architecture of a CLIPConfig, as a dictionary, in open_clip's words."""
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


def export(encoder: Encoder, folder: Path) -> None:
    """Writes an encoder of transformers' format into `folder`: weights, architecture, tokenizer, image processor."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(to_open_clip(encoder.model.state_dict()), folder / "open_clip_model.safetensors")
    model = open_clip_config(encoder.model.config.to_dict())
    model["text_cfg"]["hf_tokenizer_name"] = str(folder)
    processor = encoder.image_processor
    preprocess = {"mean": processor.image_mean, "std": processor.image_std, "interpolation": "bicubic"}
    config = {"model_cfg": model, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    encoder.tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clip", default="zoo/open-clip")
    parser.add_argument("--adapter", default="zoo/open-safe-clip-mixed")
    parser.add_argument("--processor", default="", help="the CLIP with the tokenizer of a --clip that has none")
    options = parser.parse_args(argv)
    export(Encoder.from_pretrained(options.clip, options.adapter, processor=options.processor), options.out)


if __name__ == "__main__":
    main()
