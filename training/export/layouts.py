"""Layouts of a merged CLIP, by the library that loads them. A new one is a function and one line of LAYOUTS."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from transformers import CLIPModel

from safeclip.encoders import Encoder
from safeclip.encoders.formats.layouts import OPEN_CLIP_CONFIG
from safeclip.encoders.formats.open_clip_names import translated_config
from safeclip.encoders.processors import openai_tokenizer
from safeclip.errors import CheckpointError

from ..models.open_clip_layout import open_clip_weights

TRANSFORMERS, DIFFUSERS = "transformers", "diffusers"
TEXT_ENCODER, TOKENIZER = "text_encoder", "tokenizer"  # folders of a diffusers pipeline
WEIGHTS = "open_clip_model.safetensors"
_INTERPOLATION = {2: "bilinear", 3: "bicubic"}  # PIL's numbers


def write_transformers(encoder: Encoder, folder: Path) -> None:
    """Writes what `from_pretrained` of CLIPModel and CLIPProcessor load, or of SiglipModel and its image processor."""
    encoder.model.save_pretrained(folder)
    _write_processors(encoder, folder)


def write_diffusers(encoder: Encoder, folder: Path, layers: int | None = None) -> None:
    """Writes the text encoder and the tokenizer of a Stable Diffusion pipeline that was trained with the base's.

    Of the tower's layers the first `layers`: the text encoder of Stable Diffusion 2 is ViT-H/14's without the last one.
    Raises CheckpointError for more than the tower has.
    """
    model: CLIPModel = encoder.model
    tower = model.text_model.encoder.layers
    if layers is not None and layers > len(tower):
        raise CheckpointError(f"The text tower has {len(tower)} layers, and --layers asks for {layers}.")
    del tower[layers or len(tower) :]
    model.text_model.config.num_hidden_layers = len(tower)
    model.text_model.save_pretrained(folder / TEXT_ENCODER)
    encoder.tokenizer.save_pretrained(folder / TOKENIZER)


def write_open_clip(encoder: Encoder, folder: Path) -> None:
    """Writes what open_clip's `create_model_from_pretrained("local-dir:FOLDER")` and `get_tokenizer` load.

    Tokenizer and image processor of the base lie beside the weights. open_clip brings OpenAI's tokenizer along and is
    told to read another one, which it does from the folder; from the hub, where the configuration names its repository.
    Raises CheckpointError for a model that open_clip cannot compute.
    """
    config = translated_config(encoder.model.config.to_dict(), "The model")
    processor, folder_config = encoder.image_processor, folder / OPEN_CLIP_CONFIG
    folder.mkdir(parents=True, exist_ok=True)
    save_file(open_clip_weights(encoder.model.state_dict()), folder / WEIGHTS)
    settings = {
        "mean": list(processor.image_mean),
        "std": list(processor.image_std),
        "interpolation": _INTERPOLATION.get(int(processor.resample), "bicubic"),
        "resize_mode": "shortest" if processor.do_center_crop else "squash",
    }
    if encoder.tokenizer.get_vocab() != openai_tokenizer()[0].get_vocab():
        config["text_cfg"]["hf_tokenizer_name"] = folder.name
    folder_config.write_text(json.dumps({"model_cfg": config, "preprocess_cfg": settings}, indent=2) + "\n", "utf-8")
    _write_processors(encoder, folder)


def _write_processors(encoder: Encoder, folder: Path) -> None:
    encoder.tokenizer.save_pretrained(folder)
    encoder.image_processor.save_pretrained(folder)


@dataclass(frozen=True)
class Layout:
    """Writes a CLIP as a library loads it; `use` is the code that does so, with the place of the `{folder}`."""

    write: Callable[[Encoder, Path], None]
    use: str


LAYOUTS = {
    TRANSFORMERS: Layout(
        write_transformers, 'from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained("{folder}")'
    ),
    DIFFUSERS: Layout(
        write_diffusers,
        "from transformers import CLIPTextModel\n\n"
        'text_encoder = CLIPTextModel.from_pretrained("{folder}", subfolder="text_encoder")',
    ),
    "open_clip": Layout(
        write_open_clip,
        'import open_clip\n\nmodel, preprocess = open_clip.create_model_from_pretrained("local-dir:{folder}")\n'
        'tokenizer = open_clip.get_tokenizer("local-dir:{folder}")',
    ),
}
