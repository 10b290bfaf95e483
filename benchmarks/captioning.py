"""Captioning's claims of speed and memory, beside two complete models that run one after the other.

    python -m benchmarks.captioning [--profile emoji] [--pictures 20] [--tokens 32]

The baseline is what one would write first: a LLaVA for every seat, each with a language model and projector of its own,
asked in turn. Each way runs in a process of its own, so that its peak of memory is its own; a third process that only
imports the libraries is what both peaks are counted from.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import safeclip
from benchmarks.retrieval import median_seconds
from safeclip.errors import SafeClipError
from safeclip.profiles import resolve

WAYS = ("libraries", "side_by_side", "two_models")
SEATS = 2


class CompleteModel:
    """One seat's LLaVA, whole and alone."""

    def __init__(self, checkpoint: Path, tower: Any | None) -> None:
        from transformers import LlavaForConditionalGeneration, LlavaProcessor

        on_gpu = torch.cuda.is_available()
        dtype = torch.float16 if on_gpu else torch.float32
        model = LlavaForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype).eval()
        if tower is not None:
            model.model.vision_tower = tower
        self._model = model.to("cuda" if on_gpu else "cpu", dtype)
        self._processor = LlavaProcessor.from_pretrained(checkpoint)

    @torch.inference_mode()
    def answer(self, picture: Any, question: str, tokens: int) -> str:
        message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
        prompt = self._processor.apply_chat_template([message], add_generation_prompt=True)
        inputs = self._processor(images=picture, text=prompt, return_tensors="pt").to(self._model.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        out = self._model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
        new = out[0, inputs["input_ids"].shape[1] :]
        return self._processor.decode(new, skip_special_tokens=True).strip()


def peak_bytes() -> int:
    """The most memory that this process ever held: the GPU's where there is one, else its own."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def run_way(way: str, profile: str, pictures: int, tokens: int) -> dict[str, Any]:
    """Measure one way in this process: median seconds a picture, peak bytes, and the answers."""
    lab = safeclip.open(profile)
    captioning, gallery = lab.captioning, lab.gallery
    seats = list(captioning.seats)[:SEATS]
    question = captioning.questions[0]
    images = [gallery.image(item.image_id) for item in gallery.items[:pictures]]
    if way == "libraries":
        import peft  # noqa: F401
        from transformers import LlavaForConditionalGeneration, LlavaProcessor  # noqa: F401

        return {"peak_bytes": peak_bytes()}
    if way == "side_by_side":

        def ask(image: Any) -> dict[str, str]:
            found = captioning.compare(image, question, seats=seats, max_new_tokens=tokens)
            return {key: answer.text for key, answer in found.items()}
    else:
        checkpoint = resolve(captioning.spec.checkpoint)
        encoders = captioning.encoders
        models = {
            key: CompleteModel(checkpoint, None if key == encoders.reference else encoders[key].model.vision_model)
            for key in seats
        }

        def ask(image: Any) -> dict[str, str]:
            return {key: model.answer(image, question, tokens) for key, model in models.items()}

    answers = [ask(image) for image in images]
    return {"seconds": median_seconds(ask, images), "peak_bytes": peak_bytes(), "answers": answers}


def measure(profile: str, pictures: int, tokens: int) -> dict[str, Any]:
    """Both ways and their ratios. Raises SystemExit when a way fails or the two disagree."""
    found = {}
    for way in WAYS:
        options = ["--way", way, "--profile", profile, "--pictures", str(pictures), "--tokens", str(tokens)]
        command = [sys.executable, "-m", "benchmarks.captioning", *options]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        if done.returncode:
            raise SystemExit(
                f"captioning, {way}: {(done.stderr.strip() or 'it ended without a word').splitlines()[-1]}"
            )
        found[way] = json.loads(done.stdout.splitlines()[-1])
    ours, theirs = found["side_by_side"], found["two_models"]
    if ours.pop("answers") != theirs.pop("answers"):
        raise SystemExit("the two ways disagree, so there is no point in racing them")
    floor = found["libraries"]["peak_bytes"]
    return {
        "side_by_side": ours,
        "two_models": theirs,
        "libraries": found["libraries"],
        "time_ratio": ours["seconds"] / theirs["seconds"],
        "memory_ratio": (ours["peak_bytes"] - floor) / (theirs["peak_bytes"] - floor),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=32, help="longest answer")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        if options.way:
            print(json.dumps(run_way(options.way, options.profile, options.pictures, options.tokens)))
            return
        spec = safeclip.open(options.profile).profile.captioning
        if spec is None or not resolve(spec.checkpoint).is_dir():
            where = "no [captioning] section" if spec is None else f"no {spec.checkpoint} on this machine"
            print(f"captioning              not measured: the profile {options.profile} has {where}")
            return
        figures = measure(options.profile, options.pictures, options.tokens)
    except SafeClipError as error:
        raise SystemExit(str(error)) from error
    ours, theirs = figures["side_by_side"], figures["two_models"]
    print(
        f"captioning, {SEATS} seats    {ours['seconds'] * 1e3:6.0f} ms   "
        f"two models {theirs['seconds'] * 1e3:6.0f} ms   "
        f"ratio {figures['time_ratio']:.2f}"
    )
    floor = figures["libraries"]["peak_bytes"]
    print(
        f"peak memory, models     {(ours['peak_bytes'] - floor) / 1e6:6.0f} MB   "
        f"two models {(theirs['peak_bytes'] - floor) / 1e6:6.0f} MB   ratio {figures['memory_ratio']:.2f}"
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
