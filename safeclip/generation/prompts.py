"""Encodes the prompts of one run: by a pipeline's own text encoders, or with a seat's in the place of the first."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import torch

from ..runtime.device_lock import computing_on

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer


@dataclass(frozen=True)
class PromptEmbeds:
    """Embeddings of n prompts and of their negative prompts, by the names of a pipeline's arguments.

    Each is (n, L, width) in the denoiser's dtype, or (n, width) where it is pooled; a pipeline of one text encoder
    takes none that is pooled.
    """

    prompt_embeds: torch.Tensor
    negative_prompt_embeds: torch.Tensor
    pooled_prompt_embeds: torch.Tensor | None = None
    negative_pooled_prompt_embeds: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.prompt_embeds)

    @property
    def arguments(self) -> dict[str, torch.Tensor]:
        """Name → tensor of those that there are."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def repeated(self, times: int) -> Self:
        """Every prompt `times` in a row."""
        return type(self)(**{name: rows.repeat_interleave(times, 0) for name, rows in self.arguments.items()})

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The prompts of all parts, of one pipeline, in turn."""
        names = parts[0].arguments
        return cls(**{name: torch.cat([part.arguments[name] for part in parts]) for name in names})


class Prompts:
    """n prompts and the negative prompt that they share, for a pipeline with one text encoder: Stable Diffusion 1, 2.

    Texts are tokenised once for all encoders.
    """

    def __init__(self, pipeline: Any, texts: Sequence[str], negative: str) -> None:
        self._pipeline = pipeline
        self._texts, self._negative = list(texts), negative
        self._ids = tokenize(pipeline.tokenizer, [*texts, negative])

    @torch.inference_mode()
    def embeds(self, encoder: "CLIPTextModel | None" = None) -> PromptEmbeds:
        """Encodes the prompts by `encoder`, None for the pipeline's own.

        Another encoder is read at the depth of the pipeline's own, followed by its final layer norm: the last layer of
        SD 2's text encoder is the second-last of ViT-H/14's. There is no attention mask, as in diffusers: padding comes
        last, so earlier states of a causal encoder do not depend on it.
        """
        own = replaced_encoder(self._pipeline)
        encoder, depth = encoder or own, own.config.num_hidden_layers
        device = self._pipeline._execution_device if encoder is own else encoder.device
        ids = self._ids.to(device)
        with computing_on(device):
            if encoder.config.num_hidden_layers == depth:
                states = encoder(ids)[0]
            else:
                states = encoder.final_layer_norm(encoder(ids, output_hidden_states=True).hidden_states[depth])
        states = states.to(self._pipeline._execution_device, self._pipeline.unet.dtype)
        return PromptEmbeds(states[:-1], states[-1:].expand_as(states[:-1]))


class PartlyReplacedPrompts(Prompts):
    """The same for a pipeline with further text encoders, whose share is computed once: Stable Diffusion XL and 3.

    Both pipelines put the first encoder's states into the first channels of the first tokens, and Stable Diffusion 3
    its pooled embedding into the first channels of the pooled one.
    """

    @torch.inference_mode()
    def embeds(self, encoder: "CLIPTextModel | None" = None) -> PromptEmbeds:
        """Encodes the prompts; `encoder` None stands for the pipeline's own first one, whose shape another must have.

        The states are those before the encoder's last layer, as diffusers takes them. The projection of a pooled
        embedding stays the pipeline's: the published one is the identity.
        """
        if encoder is None:
            return self._original
        with computing_on(encoder.device):
            output = encoder(self._ids.to(encoder.device), output_hidden_states=True)
        parts = {"prompt_embeds": output.hidden_states[-2]}
        projection = getattr(self._pipeline.text_encoder, "text_projection", None)
        if projection is not None:
            parts["pooled_prompt_embeds"] = projection(output.pooler_output.to(projection.weight))
        replaced = dict(self._original.arguments)
        for name, rows in parts.items():
            replaced[name] = _with_first(replaced[name], rows[:-1])
            if not self._negative_is_zero:
                replaced[f"negative_{name}"] = _with_first(replaced[f"negative_{name}"], rows[-1:])
        return PromptEmbeds(**replaced)

    @cached_property
    def _original(self) -> PromptEmbeds:
        """Prompt embeddings that diffusers makes without any seat."""
        asked = inspect.signature(self._pipeline.encode_prompt).parameters
        further = dict.fromkeys(name for name in ("prompt_2", "prompt_3") if name in asked)
        found = self._pipeline.encode_prompt(
            prompt=self._texts,
            **further,
            negative_prompt=self._negative or None,  # as a caller of diffusers who names none
            device=self._pipeline._execution_device,
            do_classifier_free_guidance=True,
        )
        return PromptEmbeds(*found)

    @property
    def _negative_is_zero(self) -> bool:
        """Whether the pipeline takes zeros for an empty negative prompt, as Stable Diffusion XL does."""
        return not self._negative and bool(self._pipeline.config.get("force_zeros_for_empty_prompt", False))


def tokenize(tokenizer: "CLIPTokenizer", texts: Sequence[str]) -> torch.Tensor:
    """Tokenises n texts into ids (n, L) int64, padded and cut to the encoder's length as diffusers does."""
    length = tokenizer.model_max_length
    return tokenizer(
        list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids


def replaced_encoder(pipeline: Any) -> "CLIPTextModel":
    """The pipeline's own text encoder in whose place a seat's is put, without its projection."""
    return getattr(pipeline.text_encoder, "text_model", pipeline.text_encoder)


def _with_first(whole: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Copies `whole` with `part` in the place of its first tokens' first channels; one row of `part` serves all."""
    found = whole.clone()
    found[(slice(None), *(slice(size) for size in part.shape[1:]))] = part.to(whole)
    return found
