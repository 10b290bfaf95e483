"""One Stable Diffusion whose text encoder is chosen call by call: texts to hidden states to latents to pictures."""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from ..encoders import Encoder
from ..errors import CheckpointError, first_line
from ..runtime.devices import default_device, place, precision
from ..runtime.machine import GB, zero_gpu
from ..runtime.quiet import quiet_loading
from .files import STABLE_DIFFUSION
from .previews import Previews

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline
    from PIL import Image
    from transformers import CLIPTextModel, CLIPTokenizer

_LARGE = 512  # px: from this side on, pictures are decoded one by one
# Of the text encoder and of the pipeline's own: what must be alike, so that the UNet can read its states.
_SHAPE = ("hidden_size", "max_position_embeddings", "vocab_size")


class Stopped(Exception):
    """The painting was cancelled between two steps."""


class StableDiffusionSwap:
    """A `StableDiffusionPipeline` without safety checker. Not safe to call from several threads at once."""

    def __init__(self, pipeline: "StableDiffusionPipeline") -> None:
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline = pipeline
        self._checked: set[str] = set()  # tokenizers with this pipeline's vocabulary

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path, *, device: str | torch.device | None = None, dtype: str = "float16"
    ) -> Self:
        """Load a directory in the layout of a hub repository: float32 on a CPU, torch's `dtype` on a GPU.

        `device` defaults to the GPU when there is one. Where its free memory would not hold the weights, they wait in
        the computer's and come to it part by part; where it is scarce, attention is computed in slices. Only
        safetensors are read. Raises CheckpointError when a file is missing or does not fit.
        """
        from diffusers import StableDiffusionPipeline
        from transformers import CLIPTextModel

        checkpoint, device = Path(checkpoint), torch.device(device or default_device())
        STABLE_DIFFUSION.require(checkpoint)
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
        _settle(pipeline, device)
        return cls(pipeline)

    @property
    def text_encoder(self) -> "CLIPTextModel":
        """The pipeline's own."""
        return self.pipeline.text_encoder

    @property
    def tokenizer(self) -> "CLIPTokenizer":
        return self.pipeline.tokenizer

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture in px."""
        latent = self.pipeline.unet.config.sample_size
        height, width = (latent, latent) if isinstance(latent, int) else latent
        return width * self.pipeline.vae_scale_factor, height * self.pipeline.vae_scale_factor

    @cached_property
    def previews(self) -> Previews | None:
        """Cheap looks at latents; None where there is no memory left to find out how."""
        try:
            return Previews.fit(self.pipeline.vae, self.device)
        except RuntimeError:
            return None
        finally:
            self.pipeline.maybe_free_model_hooks()

    @property
    def device(self) -> torch.device:
        """Where the pipeline computes, which is not where its weights wait when they take turns there."""
        return self.pipeline._execution_device

    def check(self, encoder: Encoder) -> None:
        """Raise CheckpointError unless the UNet can read what a CLIP's text tower makes of this pipeline's tokens."""
        own, theirs = self.text_encoder.config, encoder.model.text_model.config
        for name in _SHAPE:
            if getattr(own, name) != getattr(theirs, name):
                raise CheckpointError(
                    f"Its text tower does not fit this Stable Diffusion: {name.replace('_', ' ')} "
                    f"{getattr(theirs, name)} instead of {getattr(own, name)}. "
                    "Seat an encoder of the same architecture."
                )
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
        """n texts → int64 (n, L): padded and cut to the length that the text encoder reads, as the pipeline does."""
        tokenizer = self.tokenizer
        return tokenizer(
            list(texts),
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids

    def cut(self, text: str) -> str | None:
        """What is read of a text that is too long, None of one that is not."""
        tokenizer = self.tokenizer
        room = tokenizer.model_max_length - 2  # its ends have a marker each
        ids = tokenizer(text, add_special_tokens=False).input_ids
        return tokenizer.decode(ids[:room]) if len(ids) > room else None

    @torch.inference_mode()
    def states(self, ids: torch.Tensor, encoder: "CLIPTextModel | None" = None) -> torch.Tensor:
        """int64 (n, L) → (n, L, width): what the UNet attends to, by `encoder` or by the pipeline's own.

        The layer is that of the pipeline's own encoder, whose last one may be another's second last (SD 2), and the
        final norm follows. There is no attention mask, as in the pipeline.
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

    def paint(
        self,
        states: torch.Tensor,
        negative: torch.Tensor,
        seeds: Sequence[int],
        *,
        steps: int,
        guidance: float,
        seen: Callable[[int, torch.Tensor], None] | None = None,
        stop: threading.Event | None = None,
    ) -> torch.Tensor:
        """States (n, L, width) of prompts and of negative prompts → latents (n, c, h, w) of n pictures, in one batch.

        Row i starts from the noise of `seeds[i]`, so rows of the same seed start alike. `guidance` is that of
        classifier-free guidance (Ho and Salimans, 2022), none at 1. `seen` gets the number of steps done and, after
        each, an estimate of the finished latents. `stop` raises Stopped between two steps.
        """
        before: list[torch.Tensor] = []

        def after_step(pipeline: Any, step: int, time: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
            if stop is not None and stop.is_set():
                raise Stopped
            if seen is not None:
                seen(min(step + 1, steps), _estimate(pipeline.scheduler, step, before, tensors["latents"]))
                before[:] = [tensors["latents"]]
            return {}

        try:
            return self.pipeline(
                prompt_embeds=states,
                negative_prompt_embeds=negative,
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
        """Latents (n, c, h, w) → n RGB pictures."""
        vae = self.pipeline.vae
        try:
            decoded = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
        finally:
            self.pipeline.maybe_free_model_hooks()
        return self.pipeline.image_processor.postprocess(decoded, output_type="pil")


def _estimate(scheduler: Any, step: int, before: list[torch.Tensor], after: torch.Tensor) -> torch.Tensor:
    """The finished latents that a step of DDIM or PNDM points at; for other schedulers the noisy ones themselves.

    Both latents are signal · x₀ + noise · ε with one x₀ and one ε, which two equations give.
    """
    signal = getattr(scheduler, "alphas_cumprod", None)
    if not before or signal is None or hasattr(scheduler, "sigmas") or step + 1 >= len(scheduler.timesteps):
        return after
    here, there = (signal[int(scheduler.timesteps[i])].to(after) for i in (step, step + 1))
    weight = (there * (1 - here)).sqrt() - (here * (1 - there)).sqrt()
    if weight <= 0:
        return after
    return ((1 - here).sqrt() * after - (1 - there).sqrt() * before[0]) / weight


def _missing(part: torch.nn.Module) -> list[str]:
    """The tensors of a module that no file gave a value."""
    return [name for name, tensor in part.state_dict().items() if tensor.is_meta]


def _settle(pipeline: "StableDiffusionPipeline", device: torch.device) -> None:
    """Bring the pipeline to `device`, or as much of it at a time as fits."""
    parts = [getattr(pipeline, name) for name in ("unet", "vae", "text_encoder")]
    for part in parts:
        part.eval().requires_grad_(False)
    sample = pipeline.vae.config.sample_size
    if (sample if isinstance(sample, int) else max(sample)) >= _LARGE:
        pipeline.vae.enable_slicing()
    if device.type != "cuda" or zero_gpu():  # a Space that lends its GPU has none to ask before it does
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
