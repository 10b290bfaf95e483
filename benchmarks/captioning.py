"""Measures captioning's speed and memory beside two complete models that run one after the other.

    python -m benchmarks.captioning [--profile emoji] [--pictures 20] [--tokens 32]

The baseline is the straightforward way: a LLaVA for every seat, each with a language model and projector of its own,
asked in turn.
"""

import argparse
import operator
from pathlib import Path
from typing import Any

import torch

import safeclip
from benchmarks import processes
from benchmarks.processes import LIBRARIES, Race, device_and_dtype, peak_bytes
from benchmarks.retrieval import median_seconds
from safeclip.paths import resolve

SEATS = 2
RACE = Race(
    "benchmarks.captioning",
    f"captioning, {SEATS} seats",
    "side_by_side",
    "two_models",
    operator.eq,
    options={"pictures": (20, "images of the gallery"), "tokens": (32, "longest answer")},
    task="captioning",
    rounds=3,
)


class CompleteModel:
    """A whole LLaVA for one seat, through transformers alone."""

    def __init__(self, checkpoint: Path, tower: Any | None) -> None:
        from transformers import LlavaForConditionalGeneration, LlavaProcessor

        device, dtype = device_and_dtype()
        model = LlavaForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype).eval()
        if tower is not None:
            model.model.vision_tower = tower
        self._model = model.to(device, dtype)
        self._processor = LlavaProcessor.from_pretrained(checkpoint)

    @torch.inference_mode()
    def answer(self, image: Any, question: str, tokens: int) -> str:
        message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
        prompt = self._processor.apply_chat_template([message], add_generation_prompt=True)
        inputs = self._processor(images=image, text=prompt, return_tensors="pt").to(self._model.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        out = self._model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
        new = out[0, inputs["input_ids"].shape[1] :]
        return self._processor.decode(new, skip_special_tokens=True).strip()


def run_way(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measures one way in this process: median seconds per image, peak bytes, and the answers."""
    lab = safeclip.open(options.profile)
    captioning, gallery = lab.captioning, lab.gallery
    seats = list(captioning.seats)[:SEATS]
    question = captioning.questions[0]
    images = [gallery.image(item.image_id) for item in gallery.items[: options.pictures]]
    if way == LIBRARIES:
        import peft  # noqa: F401
        from transformers import LlavaForConditionalGeneration, LlavaProcessor  # noqa: F401

        return {"peak_bytes": peak_bytes()}
    if way == RACE.ours:

        def ask(image: Any) -> dict[str, str]:
            found = captioning.compare(image, question, seats=seats, max_new_tokens=options.tokens)
            return {key: answer.text for key, answer in found.items()}
    else:
        checkpoint = resolve(captioning.spec.checkpoint)
        encoders = captioning.encoders
        models = {
            key: CompleteModel(checkpoint, None if key == encoders.reference else encoders[key].model.vision_model)
            for key in seats
        }

        def ask(image: Any) -> dict[str, str]:
            return {key: model.answer(image, question, options.tokens) for key, model in models.items()}

    answers = [ask(image) for image in images]
    return {"seconds": median_seconds(ask, images), "peak_bytes": peak_bytes(), "answers": answers}


if __name__ == "__main__":
    processes.main(RACE, run_way, __doc__)
