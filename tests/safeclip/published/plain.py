"""What the plain libraries compute with the same checkpoints: the oracle of the tests beside it."""

from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from transformers import CLIPModel, LlavaForConditionalGeneration, LlavaProcessor


def pipeline(folder: Path, clip: Path | None = None) -> StableDiffusionPipeline:
    """Stable Diffusion with its own text encoder, or with that of `clip`, in float32."""
    found = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
    found.set_progress_bar_config(disable=True)
    if clip is not None:
        found.text_encoder = CLIPModel.from_pretrained(clip, dtype=torch.float32).text_model.eval()
    return found


def paint(painter: StableDiffusionPipeline, prompt: str, *, seed: int, steps: int) -> Image.Image:
    return painter(prompt, num_inference_steps=steps, generator=torch.Generator().manual_seed(seed)).images[0]


def latents(painter: StableDiffusionPipeline, prompt: str, *, seed: int, steps: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return painter(prompt, num_inference_steps=steps, generator=generator, output_type="latent").images


def answer(folder: Path, tower: Path, image: Image.Image, question: str, *, tokens: int) -> list[int]:
    """The tokens that a LLaVA with the vision tower of the CLIP `tower` says, the likeliest every time."""
    processor = LlavaProcessor.from_pretrained(folder)
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    model.model.vision_tower = CLIPModel.from_pretrained(tower, dtype=torch.float32).vision_model.eval()
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    inputs = processor(images=image, text=prompt, return_tensors="pt")
    assert (inputs["input_ids"] == model.config.image_token_id).sum() == 576  # patches of 336 px
    out = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    return out[0, inputs["input_ids"].shape[1] :].tolist()
