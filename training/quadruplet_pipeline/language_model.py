"""The language model that writes unsafe texts: loading, the prompt that it is tuned on, and sampling."""

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from safeclip.errors import CheckpointError, first_line
from safeclip.runtime import devices
from safeclip.runtime.checkpoint_names import locate

from ..engine.device import dtype_of
from ..models.encoder_kind import named_here
from .spec import ModelSpec, WritingSpec


def prompt_of(text: str, category: str) -> str:
    """What the model reads; its answer is the unsafe text."""
    return f"Category: {category}\nSafe: {text}\nUnsafe:"


class Writer:
    """A causal language model with its tokenizer. Sampling is decided by the seed of each call."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        self.model = model
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, spec: ModelSpec, adapter: Path | None = None, device: str | torch.device = "cpu") -> "Writer":
        """Loads a checkpoint, with an adapter merged into it.

        Raises CheckpointError when it cannot be read, ProfileError for a precision that does not exist, DeviceError for
        a device that is not there.
        """
        dtype = dtype_of(spec.precision, "model.precision")
        place = locate(named_here(spec.checkpoint))
        try:
            tokenizer = AutoTokenizer.from_pretrained(place)
            model: Any = AutoModelForCausalLM.from_pretrained(place, dtype=dtype)
            if adapter is not None:
                from peft import PeftModel

                model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(
                f"{spec.checkpoint}: no causal language model can be read ({first_line(error)})."
            ) from error
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return cls(devices.place(model, device).eval(), tokenizer)

    @torch.inference_mode()
    def write(self, prompts: Sequence[str], options: WritingSpec, *, each: int, seed: int) -> list[list[str]]:
        """Samples `each` answers to every prompt; an answer ends at its first line break."""
        answers: list[list[str]] = []
        for start in range(0, len(prompts), options.batch_size):
            part = list(prompts[start : start + options.batch_size])
            with _left_padding(self.tokenizer):
                inputs = self.tokenizer(part, return_tensors="pt", padding=True).to(self.model.device)
            torch.manual_seed(seed * 1_000_003 + start)
            rows = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                do_sample=True,
                temperature=options.temperature,
                top_p=options.top_p,
                max_new_tokens=options.max_new_tokens,
                num_return_sequences=each,
                pad_token_id=self.tokenizer.pad_token_id,
            )
            texts = self.tokenizer.batch_decode(rows[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            firsts = [(text.strip().splitlines() or [""])[0].strip() for text in texts]
            answers += [firsts[i * each : (i + 1) * each] for i in range(len(part))]
        return answers


@contextmanager
def _left_padding(tokenizer: PreTrainedTokenizerBase):
    """Pads on the left, so that every prompt of a batch ends where its answer begins."""
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    try:
        yield
    finally:
        tokenizer.padding_side = side
