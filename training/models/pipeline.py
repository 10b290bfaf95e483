"""Assembles a `StableDiffusionPipeline` from its parts, and saves it as a hub repository would hold it."""

import json
import shutil
from copy import deepcopy
from pathlib import Path

import torch
from diffusers import AutoencoderKL, SchedulerMixin, StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

MAX_FILE = "8MB"


def assemble(
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    scheduler: SchedulerMixin,
) -> StableDiffusionPipeline:
    """A pipeline of these very modules, without a safety checker: separate judges score its images."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_pipeline(folder: Path, pipeline: StableDiffusionPipeline) -> None:
    """Replaces `folder`, but for its README.md, by the pipeline in half precision, in files under 9 MB."""
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != "README.md":
            old.unlink()
    halves = {
        name: nn.Module.to(deepcopy(getattr(pipeline, name)), torch.float16) for name in ("unet", "vae", "text_encoder")
    }
    assemble(**halves, tokenizer=pipeline.tokenizer, scheduler=pipeline.scheduler).save_pretrained(
        folder, safe_serialization=True, max_shard_size=MAX_FILE
    )
    for config in folder.glob("*/*config.json"):
        _forget_origin(config)
    _load_in_single_precision(folder / "text_encoder" / "config.json")


def _forget_origin(config: Path) -> None:
    """Removes the folder that a part was loaded from, which diffusers writes down and which exists here alone."""
    table = json.loads(config.read_text(encoding="utf-8"))
    if table.pop("_name_or_path", None) is not None:
        config.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _load_in_single_precision(config: Path) -> None:
    """Sets the dtype, without which from_pretrained loads this part alone as it is stored, in half precision."""
    table = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**table, "dtype": "float32"}, indent=2) + "\n", encoding="utf-8")
