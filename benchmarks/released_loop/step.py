"""Measures a step of Safe-CLIP's training beside one of the released loop: ViT-B/32's shapes, random weights.

    python -m benchmarks.released_loop.step [--batch 16] [--steps 1] [--copies 1] [--repeats 9] [--recompute 1]

Both take the paper's eight terms of the same quadruplets in float32, and must agree on the first loss. Texts are
captions of the embedded gallery. A step has its images as pixels; the released one tokenises its texts within the step,
as released. This package embeds the safe half with the frozen model before the first step, once for all epochs: the
figure "preparation" says how long it takes to load the model and to do so for one batch. Without a GPU the seconds are
those of one thread of the processor, which other work on the machine changes little. Needs 8 GB of memory.
"""

import argparse
import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from benchmarks import processes
from benchmarks.processes import LIBRARIES, Race, clock, device_and_dtype, peak_bytes
from benchmarks.released_loop.loop import LEARNING_RATE, ReleasedLoop
from safeclip.encoders.processors import openai_tokenizer
from safeclip.paths import root
from safeclip.retrieval.gallery import Gallery
from training.engine.options import RunOptions
from training.evaluation.quadruplets import gallery_pairs
from training.recipes.registry import load_recipe

FOLDER = Path("runs/benchmark-training-step")
SIDE = 224  # px
RECIPE = """
recipe = "safe_clip"
seed = 1
precision = "float32"
checkpoint = {checkpoint}
epochs = 1
batch_size = {batch}
learning_rate = 1e-3
validate_every = 1
data.folder.path = {data}
[objective.safe_clip]
"""
RACE = Race(
    "benchmarks.released_loop.step",
    "a step, ViT-B/32",
    "this_package",
    "released_loop",
    lambda ours, theirs: bool(np.isclose(ours, theirs, rtol=1e-4)),
    options={
        "batch": (16, "quadruplets a step"),
        "steps": (1, "measured steps of a round"),
        "layers": (12, "of each tower"),
        "copies": (0, "1: the reference is a copy, as the paper means it; 0: the tuned model itself, as released"),
        "recompute": (0, "1: this package keeps no activations inside layers"),
        "repeats": (1, "times that a caption stands in its text; 9 fill the model's 77 tokens"),
    },
    rounds=3,
)


def prepare(options: argparse.Namespace) -> None:
    """Writes the model in hub layout and a step's quadruplets: captions of the embedded gallery, random images."""
    torch.manual_seed(0)
    tower = {"num_hidden_layers": options.layers}
    model = CLIPModel(CLIPConfig(text_config=tower, vision_config=tower))  # by default ViT-B/32's sizes
    model.save_pretrained(FOLDER / "model")
    openai_tokenizer()[0].save_pretrained(FOLDER / "model")
    CLIPImageProcessor().save_pretrained(FOLDER / "model")
    noise, data = np.random.default_rng(0), FOLDER / "data"
    data.mkdir(exist_ok=True)
    lines = []
    for number, pair in enumerate(gallery_pairs(Gallery.open(root() / "zoo" / "open-gallery"), options.batch)):
        row = {
            name: " ".join([item.caption] * options.repeats)
            for name, item in zip(("text", "unsafe_text"), pair, strict=True)
        }
        for name in ("image", "unsafe_image"):
            row[name] = f"{name}-{number}.png"
            Image.fromarray(noise.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(data / row[name])
        lines.append(json.dumps(row) + "\n")
    for split in ("train", "validation"):
        (data / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def ours(options: argparse.Namespace) -> Callable[[], float]:
    """A step of this package, on a batch that is made."""
    recipe = FOLDER / "recipe.toml"
    model, data = (json.dumps(str((FOLDER / name).absolute())) for name in ("model", "data"))
    recipe.write_text(RECIPE.format(checkpoint=model, data=data, batch=options.batch), encoding="utf-8")
    job_type, parsed = load_recipe(recipe)
    shutil.rmtree(FOLDER / "run", ignore_errors=True)  # the frozen embeddings of another round
    run = RunOptions(FOLDER / "run", workers=0, device=device_and_dtype()[0], recompute=bool(options.recompute))
    job = job_type(parsed, run)
    batch = job.placement.batch(job.batch_maker()(0))
    return lambda: job.step(0, batch, LEARNING_RATE)["loss"]


def theirs(options: argparse.Namespace) -> Callable[[], float]:
    """A step of the released loop on the same quadruplets, whose order within the batch does not matter."""
    rows = [json.loads(line) for line in (FOLDER / "data" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    loop = ReleasedLoop(FOLDER / "model", device_and_dtype()[0], copies=bool(options.copies))
    texts, pixels = {}, {}
    for half, prefix in (("safe", ""), ("unsafe", "unsafe_")):
        texts[half] = [row[f"{prefix}text"] for row in rows]
        pixels[half] = loop.prepare([Image.open(FOLDER / "data" / row[f"{prefix}image"]) for row in rows])
    return lambda: loop.step(texts, pixels)


def run_way(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measures one way in this process: the first loss, median seconds of a step and peak bytes."""
    if way == LIBRARIES:
        peak = peak_bytes()
        prepare(options)
        return {"peak_bytes": peak}
    started = clock()
    step = (ours if way == RACE.ours else theirs)(options)
    preparation = clock() - started
    first = step()
    times = []
    for _ in range(options.steps):
        started = clock()
        step()
        times.append(clock() - started)
    return {
        "seconds": statistics.median(times),
        "preparation": preparation,
        "peak_bytes": peak_bytes(),
        "answers": first,
    }


if __name__ == "__main__":
    processes.main(RACE, run_way, __doc__)
