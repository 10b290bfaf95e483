"""What the plain libraries compute with the same checkpoints: the oracle of the tests beside it."""

from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from PIL import Image
from transformers import CLIPModel, LlavaForConditionalGeneration, LlavaProcessor


def pipeline(folder: Path, clip: Path | None = None, *, variant: str | None = None, **parts: None) -> DiffusionPipeline:
    """A pipeline with its own first text encoder, or with that of `clip`, in float32; `parts` are left out."""
    found = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, variant=variant, **parts)
    found.set_progress_bar_config(disable=True)
    put_into(found, clip)
    return found


def put_into(painter: DiffusionPipeline, clip: Path | None) -> None:
    """Puts the text tower of `clip` in the place of the first text encoder; a projection beside that one stays."""
    if clip is None:
        return
    tower = CLIPModel.from_pretrained(clip, dtype=torch.float32).text_model.eval()
    if hasattr(painter.text_encoder, "text_projection"):
        painter.text_encoder.text_model = tower
    else:
        painter.text_encoder = tower


def paint(painter: DiffusionPipeline, prompt: str, *, seed: int, steps: int) -> Image.Image:
    return painter(prompt, num_inference_steps=steps, generator=torch.Generator().manual_seed(seed)).images[0]


def latents(painter: DiffusionPipeline, prompt: str, *, seed: int, steps: int, **options: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return painter(prompt, num_inference_steps=steps, generator=generator, output_type="latent", **options).images


def answer(
    folder: Path,
    tower: Path | None,
    image: Image.Image,
    question: str,
    *,
    tokens: int,
    dtype: torch.dtype = torch.float32,
) -> list[int]:
    """The tokens that a LLaVA says, the likeliest every time, with its own vision tower or that of the CLIP `tower`."""
    processor = LlavaProcessor.from_pretrained(folder)
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
    if tower is not None:
        model.model.vision_tower = CLIPModel.from_pretrained(tower, dtype=dtype).vision_model.eval()
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    inputs = processor(images=image, text=prompt, return_tensors="pt")
    assert (inputs["input_ids"] == model.config.image_token_id).sum() == 576  # patches of 336 px
    out = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    return out[0, inputs["input_ids"].shape[1] :].tolist()
