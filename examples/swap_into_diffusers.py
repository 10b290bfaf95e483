"""Paints with Safe-CLIP's text encoder in a StableDiffusionPipeline of diffusers.

    python -m examples.swap_into_diffusers "a cook holding a knife in a school" --out painted.png

The defaults are the embedded models. With the published ones:
--pipeline CompVis/stable-diffusion-v1-4 --clip aimagelab/safeclip_vit-l_14 --adapter ""
--processor openai/clip-vit-large-patch14
"""

import argparse
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

from safeclip import Encoder
from safeclip.runtime.checkpoint_names import locate


def safe_pipeline(pipeline: str, clip: str, adapter: str = "", processor: str = "") -> StableDiffusionPipeline:
    """The pipeline with the text tower of a CLIP, to which the adapter is added where there is one.

    The UNet must have been trained with a CLIP of the same architecture, as its own text encoder shows.
    """
    encoder = Encoder.from_pretrained(clip, adapter, processor=processor)
    painting = StableDiffusionPipeline.from_pretrained(locate(pipeline), text_encoder=encoder.model.text_model)
    return painting.to(encoder.device)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompt")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pipeline", default="zoo/stable-diffusion")
    parser.add_argument("--clip", default="zoo/open-clip")
    parser.add_argument("--adapter", default="zoo/open-safe-clip-mixed")
    parser.add_argument("--processor", default="", help="the CLIP with the tokenizer of a --clip that has none")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    pipeline = safe_pipeline(options.pipeline, options.clip, options.adapter, options.processor)
    noise = torch.Generator().manual_seed(options.seed)
    painted = pipeline(
        options.prompt, num_inference_steps=options.steps, guidance_scale=options.guidance, generator=noise
    )
    painted.images[0].save(options.out)


if __name__ == "__main__":
    main()
