"""Wraps a Stable Diffusion pipeline whose text encoder is chosen call by call: prompts, latents, images."""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from ..encoders import Encoder
from ..errors import CheckpointError
from ..runtime.device_lock import give_way
from ..runtime.devices import default_device, memory_format, place, precision
from ..runtime.machine import GB, zero_gpu
from ..runtime.quantization import is_quantized
from ..shared_model import check_same_shape
from .families import FAMILIES, Family, pipeline_files
from .loading import Wanted, load_pipeline
from .previews import Previews, estimate
from .prompts import PartlyReplacedPrompts, PromptEmbeds, Prompts, replaced_encoder

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPTextModel, CLIPTokenizer

_CONVOLUTIONAL = ("unet", "vae")  # the parts of a pipeline that are made of convolutions
_LARGE = 512  # px: from this side on, images are decoded one by one
# Settings that a text encoder must share with the pipeline's own, so that the UNet can read its embeddings.
_SHAPE = ("hidden_size", "max_position_embeddings", "vocab_size")
STABLE_DIFFUSION = "stable-diffusion"  # the family of Stable Diffusion 1 and 2


class Stopped(Exception):
    """Raised between two denoising steps when the caller asked to stop."""


class StableDiffusionSwap:
    """A pipeline of one of `families.FAMILIES`, without a safety checker, that takes another text encoder by the call.

    Not safe to call from several threads at once.
    """

    def __init__(self, pipeline: Any, family: str = STABLE_DIFFUSION) -> None:
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline = pipeline
        self.family: Family = FAMILIES[family]
        self._checked: set[str] = set()  # tokenizers with this pipeline's vocabulary

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        *,
        family: str = STABLE_DIFFUSION,
        device: str | torch.device | None = None,
        dtype: str = "float16",
        compile: bool = False,
        quantize: str = "",
    ) -> Self:
        """Loads a directory in diffusers' layout in `dtype` (torch's name), float32 for float16 on a CPU.

        Of weights published in two precisions those in half precision are read, unless `dtype` is float32.
        `device` defaults to the GPU when there is one. When its free memory does not hold the weights, they stay in the
        computer's memory and are moved to the GPU part by part; when it is scarce, attention is computed in slices.
        Only safetensors are read. `compile` has torch compile the denoiser when it is first used. `quantize` ("8bit" or
        "4bit") stores the linear layers of the family's largest parts with bitsandbytes; then nothing is moved part by
        part. Raises CheckpointError when a file is missing or does not fit, or when this machine cannot quantise, and
        DeviceError when the device cannot take the weights.
        """
        checkpoint, device = Path(checkpoint), torch.device(device or default_device())
        wanted = Wanted(precision(device, dtype), device, quantize)
        pipeline = load_pipeline(checkpoint, family, pipeline_files(family, dtype), wanted)
        for part in filter(None, (getattr(pipeline, name, None) for name in _CONVOLUTIONAL)):
            part.to(memory_format=memory_format(device))
        move(pipeline, device)
        if compile:
            getattr(pipeline, FAMILIES[family].denoiser).compile()
        return cls(pipeline, family)

    @property
    def text_encoder(self) -> "CLIPTextModel":
        """The pipeline's own text encoder, in whose place a seat's is put."""
        return replaced_encoder(self.pipeline)

    @property
    def tokenizer(self) -> "CLIPTokenizer":
        return self.pipeline.tokenizer

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an image in px."""
        latent = getattr(self.pipeline, self.family.denoiser).config.sample_size
        height, width = (latent, latent) if isinstance(latent, int) else latent
        return width * self.pipeline.vae_scale_factor, height * self.pipeline.vae_scale_factor

    @cached_property
    def previews(self) -> Previews | None:
        """The linear preview of this pipeline's latents; None when memory does not suffice to fit it."""
        try:
            return Previews.fit(self.pipeline.vae, self.device)
        except RuntimeError:
            return None
        finally:
            self.pipeline.maybe_free_model_hooks()

    @property
    def device(self) -> torch.device:
        """The device that computes; offloaded weights wait elsewhere."""
        return self.pipeline._execution_device

    def check(self, encoder: Encoder) -> None:
        """Raises CheckpointError unless a CLIP's text encoder fits this pipeline's tokenizer and denoiser."""
        own, theirs = self.text_encoder.config, encoder.model.text_model.config
        depth = ("num_hidden_layers",) if self.family.partial else ()
        check_same_shape("text tower", self.family.title, own, theirs, (*_SHAPE, *depth))
        if theirs.num_hidden_layers < own.num_hidden_layers:
            raise CheckpointError(
                f"Its text tower has {theirs.num_hidden_layers} layers, and this Stable Diffusion reads layer "
                f"{own.num_hidden_layers}. Seat an encoder of the same architecture."
            )
        if encoder.tokenizer_hash not in self._checked:
            if encoder.tokenizer.get_vocab() != self.tokenizer.get_vocab():
                raise CheckpointError("Its tokenizer has other tokens than that of this Stable Diffusion.")
            self._checked.add(encoder.tokenizer_hash)

    def cut(self, text: str) -> str | None:
        """The part of a text that is read when it has too many tokens; None for a text that is read whole."""
        tokenizer = self.tokenizer
        room = tokenizer.model_max_length - 2  # two are the start and end tokens
        ids = tokenizer(text, add_special_tokens=False).input_ids
        return tokenizer.decode(ids[:room]) if len(ids) > room else None

    def prompts(self, texts: Sequence[str], negative: str = "") -> Prompts:
        """Tokenises prompts, and the negative prompt that they share, to be encoded by one text encoder or another."""
        return (PartlyReplacedPrompts if self.family.partial else Prompts)(self.pipeline, texts, negative)

    def denoise(
        self,
        embeds: PromptEmbeds,
        seeds: Sequence[int],
        *,
        steps: int,
        guidance: float,
        on_step: Callable[[int, torch.Tensor], None] | None = None,
        stop: threading.Event | None = None,
    ) -> torch.Tensor:
        """Denoises n latents (n, c, h, w) in one batch, guided by the embeddings of n prompts.

        Row i starts from the noise of `seeds[i]`, so rows of equal seeds start alike. `guidance` is the scale of
        classifier-free guidance (Ho and Salimans, 2022), none at 1. `on_step` is called after each step with the number
        of steps done and an estimate of the finished latents (n, c, h, w). Raises Stopped between two steps once `stop`
        is set, and torch's RuntimeError when memory runs out.
        """
        before: list[torch.Tensor] = []

        def after_step(pipeline: Any, step: int, time: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
            if stop is not None and stop.is_set():
                raise Stopped
            if on_step is not None:
                on_step(min(step + 1, steps), estimate(pipeline.scheduler, step, before, tensors["latents"]))
                before[:] = [tensors["latents"]]
            give_way(self.device)
            return {}

        try:
            return self.pipeline(
                **embeds.arguments,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
                output_type="latent",
                callback_on_step_end=after_step,
            ).images
        finally:
            self.pipeline.maybe_free_model_hooks()

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> list["Image.Image"]:
        """Decodes latents (n, c, h, w) into n RGB images."""
        vae = self.pipeline.vae
        try:
            latents = latents.to(vae.dtype) / vae.config.scaling_factor + (vae.config.get("shift_factor") or 0.0)
            decoded = vae.decode(latents, return_dict=False)[0]
        finally:
            self.pipeline.maybe_free_model_hooks()
        return self.pipeline.image_processor.postprocess(decoded, output_type="pil")


def move(pipeline: Any, device: torch.device) -> None:
    """Moves the pipeline to `device`, or sets it up to move there part by part when memory is short."""
    parts = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    for part in parts:
        part.eval().requires_grad_(False)
    sample = pipeline.vae.config.sample_size
    if (sample if isinstance(sample, int) else max(sample)) >= _LARGE:
        pipeline.vae.enable_slicing()
    fixed = any(map(is_quantized, parts))
    if device.type != "cuda" or zero_gpu() or fixed:  # ZeroGPU has no GPU to ask before it lends one
        for part in parts:
            if not is_quantized(part):
                place(part, device)
        return
    weights = sum(parameter.nbytes for part in parts for parameter in part.parameters())
    free, _ = torch.cuda.mem_get_info(device)
    if free < 1.2 * weights:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        for part in parts:
            place(part, device)
    if free < 1.2 * weights + 2 * GB:
        pipeline.enable_attention_slicing()
