"""Wraps a Stable Diffusion pipeline whose text encoder is chosen call by call: tokens, embeddings, latents, images."""

import json
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from ..encoders import Encoder
from ..encoders.weights import require_finite
from ..errors import CheckpointError, first_line
from ..runtime.devices import default_device, place, precision
from ..runtime.machine import GB, zero_gpu
from ..runtime.quiet import quiet_loading
from ..shared_model import check_same_shape
from .files import STABLE_DIFFUSION
from .previews import Previews

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline
    from PIL import Image
    from transformers import CLIPTextModel, CLIPTokenizer

_LARGE = 512  # px: from this side on, images are decoded one by one
# Settings that a text encoder must share with the pipeline's own, so that the UNet can read its embeddings.
_SHAPE = ("hidden_size", "max_position_embeddings", "vocab_size")


class Stopped(Exception):
    """Raised between two denoising steps when the caller asked to stop."""


class StableDiffusionSwap:
    """A `StableDiffusionPipeline`, without its safety checker, that takes another text encoder for single calls.

    Not safe to call from several threads at once.
    """

    def __init__(self, pipeline: "StableDiffusionPipeline") -> None:
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline = pipeline
        self._checked: set[str] = set()  # tokenizers with this pipeline's vocabulary

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path, *, device: str | torch.device | None = None, dtype: str = "float16"
    ) -> Self:
        """Loads a directory in diffusers' layout: float32 on a CPU, `dtype` (torch's name) on a GPU.

        `device` defaults to the GPU when there is one. When its free memory does not hold the weights, they stay in the
        computer's memory and are moved to the GPU part by part; when it is scarce, attention is computed in slices.
        Only safetensors are read. Raises CheckpointError when a file is missing or does not fit, DeviceError when the
        device cannot take the weights.
        """
        from diffusers import StableDiffusionPipeline
        from transformers import CLIPTextModel

        checkpoint, device = Path(checkpoint), torch.device(device or default_device())
        STABLE_DIFFUSION.require(checkpoint)
        _require_one_text_encoder(checkpoint)
        weights = precision(device, dtype)
        options = {"use_safetensors": True, "local_files_only": True}
        try:
            with quiet_loading():
                text_encoder, info = CLIPTextModel.from_pretrained(
                    checkpoint / "text_encoder", dtype=weights, output_loading_info=True, **options
                )
                pipeline = StableDiffusionPipeline.from_pretrained(
                    checkpoint,
                    text_encoder=text_encoder,
                    dtype=weights,
                    safety_checker=None,
                    feature_extractor=None,
                    requires_safety_checker=False,
                    **options,
                )
        except Exception as error:  # the libraries raise many kinds for a file that they cannot use
            raise CheckpointError(f"{checkpoint}: the pipeline cannot be loaded: {first_line(error)}") from error
        absent = {"text_encoder": info["missing_keys"], "unet": _missing(pipeline.unet), "vae": _missing(pipeline.vae)}
        for name, keys in absent.items():
            if keys:  # both libraries would go on without them
                raise CheckpointError(f"{checkpoint}/{name}: the weights lack {len(keys)} tensors, as {min(keys)}.")
            require_finite(getattr(pipeline, name), f"{checkpoint}/{name}")
        _move(pipeline, device)
        return cls(pipeline)

    @property
    def text_encoder(self) -> "CLIPTextModel":
        """The pipeline's own text encoder."""
        return self.pipeline.text_encoder

    @property
    def tokenizer(self) -> "CLIPTokenizer":
        return self.pipeline.tokenizer

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an image in px."""
        latent = self.pipeline.unet.config.sample_size
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
        """Raises CheckpointError unless a CLIP's text encoder fits this pipeline's tokenizer and UNet."""
        own, theirs = self.text_encoder.config, encoder.model.text_model.config
        check_same_shape("text tower", "Stable Diffusion", own, theirs, _SHAPE)
        if theirs.num_hidden_layers < own.num_hidden_layers:
            raise CheckpointError(
                f"Its text tower has {theirs.num_hidden_layers} layers, and this Stable Diffusion reads layer "
                f"{own.num_hidden_layers}. Seat an encoder of the same architecture."
            )
        if encoder.tokenizer_hash not in self._checked:
            if encoder.tokenizer.get_vocab() != self.tokenizer.get_vocab():
                raise CheckpointError("Its tokenizer has other tokens than that of this Stable Diffusion.")
            self._checked.add(encoder.tokenizer_hash)

    def tokenize(self, texts: Sequence[str]) -> torch.Tensor:
        """Tokenises n texts into ids (n, L) int64, padded and cut to the encoder's length as the pipeline does."""
        tokenizer = self.tokenizer
        return tokenizer(
            list(texts),
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids

    def cut(self, text: str) -> str | None:
        """The part of a text that is read when it has too many tokens; None for a text that is read whole."""
        tokenizer = self.tokenizer
        room = tokenizer.model_max_length - 2  # two are the start and end tokens
        ids = tokenizer(text, add_special_tokens=False).input_ids
        return tokenizer.decode(ids[:room]) if len(ids) > room else None

    @torch.inference_mode()
    def encode_tokens(self, ids: torch.Tensor, encoder: "CLIPTextModel | None" = None) -> torch.Tensor:
        """Encodes token ids (n, L) int64 into prompt embeddings (n, L, width) in the UNet's dtype.

        `encoder` None stands for the pipeline's own. Another one is read at the depth of the pipeline's own, followed
        by its final layer norm: the last layer of SD 2's text encoder is the second-last of ViT-H/14's. There is no
        attention mask, as in diffusers: padding comes last, so earlier states of a causal encoder do not depend on it.
        """
        encoder = encoder or self.text_encoder
        depth = self.text_encoder.config.num_hidden_layers
        device = self.device if encoder is self.text_encoder else encoder.device
        if encoder.config.num_hidden_layers == depth:
            states = encoder(ids.to(device))[0]
        else:
            layers = encoder(ids.to(device), output_hidden_states=True).hidden_states
            states = encoder.final_layer_norm(layers[depth])
        return states.to(self.device, self.pipeline.unet.dtype)

    def denoise(
        self,
        prompt_embeds: torch.Tensor,
        negative_prompt_embeds: torch.Tensor,
        seeds: Sequence[int],
        *,
        steps: int,
        guidance: float,
        on_step: Callable[[int, torch.Tensor], None] | None = None,
        stop: threading.Event | None = None,
    ) -> torch.Tensor:
        """Denoises n latents (n, c, h, w) in one batch, guided by two sets of embeddings (n, L, width).

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
                on_step(min(step + 1, steps), _estimate(pipeline.scheduler, step, before, tensors["latents"]))
                before[:] = [tensors["latents"]]
            return {}

        try:
            return self.pipeline(
                prompt_embeds=prompt_embeds,
                negative_prompt_embeds=negative_prompt_embeds,
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
            decoded = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
        finally:
            self.pipeline.maybe_free_model_hooks()
        return self.pipeline.image_processor.postprocess(decoded, output_type="pil")


def _estimate(scheduler: Any, step: int, before: list[torch.Tensor], after: torch.Tensor) -> torch.Tensor:
    """Estimates the finished latents x₀ from two successive ones of DDIM or PNDM; other schedulers' are returned noisy.

    Both latents are sqrt(ᾱ) · x₀ + sqrt(1 − ᾱ) · ε with one x₀ and one ε: two equations, solved for x₀.
    """
    signal = getattr(scheduler, "alphas_cumprod", None)
    if not before or signal is None or hasattr(scheduler, "sigmas") or step + 1 >= len(scheduler.timesteps):
        return after
    here, there = (signal[int(scheduler.timesteps[i])].to(after) for i in (step, step + 1))
    weight = (there * (1 - here)).sqrt() - (here * (1 - there)).sqrt()
    if weight <= 0:
        return after
    return ((1 - here).sqrt() * after - (1 - there).sqrt() * before[0]) / weight


def _require_one_text_encoder(checkpoint: Path) -> None:
    """Raises CheckpointError for a pipeline whose prompt is read by more than one text encoder."""
    file = checkpoint / "model_index.json"
    try:
        parts = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{file}: this is not valid JSON: {error}") from error
    readers = 1 + sum(name.startswith("text_encoder_") and any(part or ()) for name, part in parts.items())
    if readers > 1:
        raise CheckpointError(
            f"{checkpoint}: this is a {parts.get('_class_name', 'pipeline')}, whose prompt is read by {readers} text "
            "encoders. A seat can take the place of the first alone, so what it paints would say little of the seat: "
            "use Stable Diffusion 1.4, 1.5 or 2."
        )


def _missing(part: torch.nn.Module) -> list[str]:
    """Names of a module's tensors for which no file had a value."""
    return [name for name, tensor in part.state_dict().items() if tensor.is_meta]


def _move(pipeline: "StableDiffusionPipeline", device: torch.device) -> None:
    """Moves the pipeline to `device`, or sets it up to move there part by part when memory is short."""
    parts = [getattr(pipeline, name) for name in ("unet", "vae", "text_encoder")]
    for part in parts:
        part.eval().requires_grad_(False)
    sample = pipeline.vae.config.sample_size
    if (sample if isinstance(sample, int) else max(sample)) >= _LARGE:
        pipeline.vae.enable_slicing()
    if device.type != "cuda" or zero_gpu():  # ZeroGPU has no GPU to ask before it lends one
        for part in parts:
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
