"""Trains for equal time on the closed world, by the released loop and by this package's recipe: what each reaches.

    python -m benchmarks.released_loop.equal_time [--seconds 120] [--released-rate 1e-3]

The two take turns, step by step, in one process of one thread, each until its steps have taken so many seconds of the
processor; making their batches is in neither. The released loop has the paper's settings (eight terms, logit scale 100,
r = 16, alpha = 1, Adam 1e-3) in float32 and true copies as its reference, this package its recipe safe-clip-mixed in
bfloat16, as it comes. Both begin at the recipe's checkpoint, which the recipe clip trains, and see the same batches.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.released_loop.loop import LEARNING_RATE, ReleasedLoop
from safeclip.paths import resolve
from training.data.quadruplets.schema import QuadrupletSource
from training.engine.options import RunOptions
from training.engine.validation import recalls
from training.losses.embeddings import Embeddings
from training.recipes.registry import find_recipe, load_recipe
from training.recipes.safe_clip import SafeClipTraining

RECIPE = "safe-clip-mixed"
WARMUP = 20  # steps; the recipe has 60, of a thousand
HALVES = ("safe", "unsafe")
FIGURES = ("text_to_image", "image_to_text", "unsafe_text", "unsafe_text_safe", "unsafe_image", "unsafe_image_safe")


class Way:
    """A way to train, and the seconds of the processor that its steps have taken."""

    def __init__(self, name: str, job: SafeClipTraining):
        self.name, self.job = name, job
        self.steps, self.seconds = 0, 0.0

    def step(self) -> None:
        """Takes a step on the batch of its number; both ways have the same batches."""
        work = self.prepared(self.steps)
        started = time.process_time()
        work()
        self.seconds += time.process_time() - started
        self.steps += 1

    def prepared(self, number: int) -> Callable[[], object]:
        """A step whose batch is made."""
        raise NotImplementedError

    def measure(self) -> dict[str, float]:
        """Validation figures, in percent."""
        raise NotImplementedError


class Ours(Way):
    """This package's recipe."""

    def prepared(self, number: int) -> Callable[[], object]:
        batch = self.job.data.make(self.job.recipe.seed, number)
        rate = self.job.recipe.learning_rate * min(1.0, (number + 1) / WARMUP)
        return lambda: self.job.step(number, batch, rate)

    def measure(self) -> dict[str, float]:
        measured, _ = self.job.validate(self.steps)
        return {name: measured[f"validation_{name}"] for name in FIGURES}


class Theirs(Way):
    """The released loop on the same quadruplets."""

    def __init__(self, name: str, job: SafeClipTraining, loop: ReleasedLoop):
        super().__init__(name, job)
        self._loop = loop

    def prepared(self, number: int) -> Callable[[], object]:
        numbers = self.job.data.numbers(self.job.recipe.seed, number)
        texts, pixels = self._rows(self.job.data.source, numbers.tolist())
        return lambda: self._loop.step(texts, pixels)

    def measure(self) -> dict[str, float]:
        source = self.job.held_out.source
        texts, pixels = self._rows(source, range(len(source)))
        (text, image), (unsafe_text, unsafe_image) = (self._loop.embed(texts[half], pixels[half]) for half in HALVES)
        embeddings = Embeddings(text, unsafe_text, image, unsafe_image)
        measured = recalls([(embeddings, embeddings)])
        return {name: measured[name] for name in FIGURES}

    def _rows(self, source: QuadrupletSource, numbers: Iterable[int]) -> tuple[dict, dict]:
        items = [source.item(number) for number in numbers]
        texts = dict(zip(HALVES, zip(*((item.text, item.unsafe_text) for item in items), strict=True), strict=True))
        images = zip(*((item.image, item.unsafe_image) for item in items), strict=True)
        return texts, {half: self._loop.prepare(each) for half, each in zip(HALVES, images, strict=True)}


def recipe_job(options: argparse.Namespace) -> SafeClipTraining:
    """The recipe with a smaller batch and world."""
    job_type, recipe = load_recipe(find_recipe(f"{RECIPE}.toml"))
    drawn = replace(recipe.data.emoji, train=options.train, validation=options.validation)
    recipe = replace(recipe, batch_size=options.batch, data=replace(recipe.data, emoji=drawn))
    run = RunOptions(Path("runs/benchmark-equal-time"), artwork=options.artwork, workers=0, device="cpu")
    return job_type(recipe, run)


def race(options: argparse.Namespace) -> list[dict]:
    """Figures of both ways at each part of the time."""
    job = recipe_job(options)
    loop = ReleasedLoop(resolve(job.recipe.checkpoint), "cpu", copies=True, learning_rate=options.released_rate)
    ways = [Ours("this package", job), Theirs("released loop", job, loop)]
    found = []
    for part in range(1, options.parts + 1):
        until = options.seconds * part / options.parts
        while waiting := [way for way in ways if way.seconds < until]:
            for way in waiting:
                way.step()
        for way in ways:
            found.append({"way": way.name, "seconds": way.seconds, "steps": way.steps, **way.measure()})
            print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="of the processor, for each")
    parser.add_argument("--parts", type=int, default=3, help="measurements on the way")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--train", type=int, default=2048, help="quadruplets to train on")
    parser.add_argument("--validation", type=int, default=256, help="quadruplets to measure with")
    parser.add_argument("--released-rate", type=float, default=LEARNING_RATE, help="learning rate of the released loop")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = race(options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
