"""Describes an image with Safe-CLIP's vision tower in a LlavaForConditionalGeneration of transformers.

    python -m examples.swap_into_llava image.png "What is in the picture?"

The defaults are the embedded models. With the published ones, whose LLaVA looks at 336 px:
--llava llava-hf/llava-1.5-7b-hf --clip aimagelab/safeclip_vit-l_14_336 --adapter ""
--processor openai/clip-vit-large-patch14-336
"""

import argparse
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoProcessor, CLIPVisionModel, LlavaForConditionalGeneration

from safeclip import Encoder
from safeclip.runtime.checkpoint_names import locate


def safe_llava(llava: str, clip: str, adapter: str = "", processor: str = "") -> LlavaForConditionalGeneration:
    """The LLaVA with the vision tower of a CLIP, to which the adapter is added where there is one."""
    model = LlavaForConditionalGeneration.from_pretrained(locate(llava))
    tower: CLIPVisionModel = Encoder.from_pretrained(clip, adapter, processor=processor).model.vision_model
    model.model.vision_tower = tower.to(model.device, model.dtype)
    return model


@torch.inference_mode()
def answer(model: LlavaForConditionalGeneration, processor: AutoProcessor, image: Image.Image, question: str) -> str:
    """The model's greedy answer to a question about an image."""
    content = [{"type": "image"}, {"type": "text", "text": question}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(images=image.convert("RGB"), text=prompt, return_tensors="pt").to(model.device)
    tokens = model.generate(**inputs, max_new_tokens=40, do_sample=False)
    return processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path)
    parser.add_argument("question", nargs="?", default="Describe the picture.")
    parser.add_argument("--llava", default="zoo/llava")
    parser.add_argument("--clip", default="zoo/open-clip")
    parser.add_argument("--adapter", default="zoo/open-safe-clip-mixed")
    parser.add_argument("--processor", default="", help="the CLIP with the tokenizer of a --clip that has none")
    options = parser.parse_args(argv)
    processor = AutoProcessor.from_pretrained(locate(options.llava))
    model = safe_llava(options.llava, options.clip, options.adapter, options.processor)
    print(answer(model, processor, Image.open(options.image), options.question))


if __name__ == "__main__":
    main()
