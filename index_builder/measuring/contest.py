"""Measures how fast the index builder embeds images, beside what the cores allow and beside straightforward ways.

    python -m index_builder.measuring.contest [--profile emoji] [--gallery DIR] [--images 512] [--rounds 5]
    python -m index_builder.measuring.contest --vit-l-14 --images 16 --batch-size 4 --rounds 3
    python -m index_builder.measuring.contest --seats original --clip-retrieval VENV/bin/python

The ways embed the same images in turns, every second round in the opposite order, so that other work on the machine
slows all of them alike; a ratio is taken within each round, and given as the median with the least and the largest.
`stages` are decoding, preparing and the forward pass, each alone with one thread: what the cores allow. `loop` is
torch's DataLoader with a process a core, `forward` the forward pass of pixels that are ready; torch has all cores for
both. `--vit-l-14` takes one seat of that shape with random weights in place of the profile's; `--clip-retrieval`
names a Python with that package (see `clip_retrieval_loop.py`). No way's start-up counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from safeclip.encoders.pixels import pixels
from safeclip.encoders.processors import openai_tokenizer
from safeclip.errors import SafeClipError
from safeclip.images.loading import open_image
from safeclip.paths import resolve

from ..engines.batches import Batch, EmbeddingTask
from ..engines.cores import keep_freed_memory, usable_cores
from ..engines.local import local_engine
from ..errors import BuildError
from ..options import ProfileOptions
from ..workspace import Workspace, describe
from .clip_retrieval_loop import ClipRetrieval
from .rates import WARM_UP, Spent, embedding_task, processor_seconds, run_engine, stages_alone

Rounds = Mapping[str, list[Spent]]  # way → what each round took


class Images(Dataset[torch.Tensor]):
    """Pixels (3, H, W) of encoded images, by one preprocessing that all encoders share."""

    def __init__(self, encoded: list[bytes], processor: CLIPImageProcessor) -> None:
        self._encoded, self._processor = encoded, processor

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self._processor([open_image(self._encoded[place])], return_tensors="pt")["pixel_values"][0]


class Loop:
    """The straightforward way: a DataLoader decodes and prepares in processes, and each encoder embeds every batch."""

    def __init__(self, task: EmbeddingTask, encoded: list[bytes], batch_size: int) -> None:
        cores = usable_cores()
        data = Images(encoded, task.encoders[0].image_processor)
        self._loader = DataLoader(data, batch_size, num_workers=cores, persistent_workers=True)
        self._encoders = task.encoders

    def __call__(self) -> Spent:
        """Embeds all images but those of the first batch, with which the processes start."""
        batches, spent = iter(self._loader), Spent()
        next(batches)
        spent.seconds, spent.cpu_seconds = -time.perf_counter(), -processor_seconds()
        for batch in batches:
            for encoder in self._encoders:
                encoder.embed_pixels(batch)
            spent.images += len(batch)
        spent.seconds, spent.cpu_seconds = spent.seconds + time.perf_counter(), spent.cpu_seconds + processor_seconds()
        return spent


class Forward:
    """The forward pass of pixels that are ready: no builder is faster."""

    def __init__(self, task: EmbeddingTask, encoded: list[bytes], batch_size: int) -> None:
        parts = [encoded[start : start + batch_size] for start in range(0, len(encoded), batch_size)]
        processor = task.encoders[0].image_processor
        self._batches = [pixels(processor, [open_image(each) for each in part]) for part in parts]
        self._encoders = task.encoders

    def __call__(self) -> Spent:
        spent = Spent(sum(map(len, self._batches)), -time.perf_counter(), -processor_seconds())
        for batch in self._batches:
            for encoder in self._encoders:
                encoder.embed_pixels(batch)
        spent.seconds, spent.cpu_seconds = spent.seconds + time.perf_counter(), spent.cpu_seconds + processor_seconds()
        return spent


# Way beside the builder → what makes it of the task, its batches, the encoded images and the size of a batch.
WAYS: dict[str, Callable[[EmbeddingTask, list[Batch], list[bytes], int], Callable[[], Spent]]] = {
    "stages": lambda task, cut, encoded, size: lambda: _sum(stages_alone(task, cut)[0]),
    "loop": lambda task, cut, encoded, size: Loop(task, encoded, size),
    "forward": lambda task, cut, encoded, size: Forward(task, encoded, size),
}


def take_turns(ways: Mapping[str, Callable[[], Spent]], rounds: int) -> Rounds:
    """Runs every way once to warm up, then in each round, forwards and backwards by turns."""
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            result = ways[name]()
            print(f"round {number} of {rounds}: {name} {result.per_second:,.1f} images/s", file=sys.stderr, flush=True)
            if number:
                spent[name].append(result)
    return spent


def ratios(spent: Rounds, cores: int) -> dict[str, dict[str, list[float]]]:
    """The builder's speed against that of every other way, round by round: by the clock, and by processor time."""
    ours = spent["builder"]
    found = {}
    for name, theirs in spent.items():
        pairs = list(zip(ours, theirs, strict=True))
        by_clock = [b.seconds / b.images / (a.seconds / a.images) for a, b in pairs]
        if name == "stages":  # one thread took these: all cores would take a part of it
            by_clock = [b.cpu_per_image / cores / (a.seconds / a.images) for a, b in pairs]
        found[name] = {"clock": by_clock, "processor": [b.cpu_per_image / a.cpu_per_image for a, b in pairs]}
    return {name: each for name, each in found.items() if name != "builder"}


def measure(work: Workspace, options: argparse.Namespace) -> tuple[Rounds, dict[str, dict[str, list[float]]]]:
    """Lets all ways take turns. Raises BuildError for a gallery without a usable image."""
    task, cut = embedding_task(work, options.images, options.batch_size, usable_cores())
    encoded = [row.data for batch in cut for row in task.reader.read("images", batch.rows) if not row.fault]
    if not encoded:
        raise BuildError(f"{work.gallery_path}: none of the first {options.images:,} images can be decoded.")
    torch.set_num_threads(usable_cores())
    warm_up = 2 * usable_cores() if options.vit_l_14 else WARM_UP  # images that take seconds leave time enough
    ways: dict[str, Callable[[], Spent]] = {
        "builder": lambda: run_engine(local_engine(task), cut, warm_up=warm_up),
        **{name: WAYS[name](task, cut, encoded, options.batch_size) for name in options.ways},
    }
    if options.clip_retrieval:
        checkpoint = str(resolve(task.seats[0].checkpoint))
        with ClipRetrieval(options.clip_retrieval, checkpoint, encoded, options.batch_size) as rival:
            spent = take_turns({**ways, "clip-retrieval": lambda: Spent(*rival.run())}, options.rounds)
    else:
        spent = take_turns(ways, options.rounds)
    return spent, ratios(spent, usable_cores())


def write_vit_l_14(folder: Path) -> Path:
    """Writes a CLIP with the vision tower of ViT-L/14 and random weights, and a profile of it; returns the profile."""
    text = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    vision |= {"patch_size": 14, "image_size": 224}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=768)).save_pretrained(folder / "clip")
    CLIPImageProcessor().save_pretrained(folder / "clip")
    openai_tokenizer()[0].save_pretrained(folder / "clip")
    profile = folder / "vit-l-14.toml"
    seat = f'[[seats]]\nkey = "original"\nlabel = "CLIP"\ncheckpoint = "{folder / "clip"}"\n'
    profile.write_text(f'title = "ViT-L/14"\ndescription = "Random weights."\nlicense = "none"\n{seat}')
    return profile


def show(spent: Rounds, found: Mapping[str, dict[str, list[float]]]) -> str:
    """A line for each way: its rate, its processor time, and the builder's ratio to it."""
    lines = []
    for name, rounds in spent.items():
        rate, cpu = median(each.per_second for each in rounds), 1e3 * median(each.cpu_per_image for each in rounds)
        line = f"{name:15} {rate:8.1f} images/s {cpu:9.2f} ms of a core an image"
        for clock, values in found.get(name, {}).items():
            line += f"   builder by {clock} {median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
        lines.append(line)
    return "\n".join(lines)


def _sum(stages: Mapping[str, Spent]) -> Spent:
    seconds = sum(each.seconds for each in stages.values())
    return Spent(stages["forward"].images, seconds, sum(each.cpu_seconds for each in stages.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--seats", nargs="+", default=(), help="only these encoders; all when left out")
    parser.add_argument("--gallery", help="a gallery in Parquet; that of emoji when left out")
    parser.add_argument("--images", type=int, default=512, help="images to embed in a round (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--ways", nargs="+", choices=WAYS, default=list(WAYS), help="beside the builder; all when left out"
    )
    parser.add_argument("--vit-l-14", action="store_true", help="one seat of this shape with random weights")
    parser.add_argument("--clip-retrieval", metavar="PYTHON", help="a Python that has clip-retrieval")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does; it serves all ways in this process
    with TemporaryDirectory() as folder:
        profile = str(write_vit_l_14(Path(folder))) if options.vit_l_14 else options.profile
        try:
            where = ProfileOptions(
                profile, options.gallery or "zoo/open-gallery", tuple(options.seats), "cpu", "unused"
            )
            spent, found = measure(describe(where), options)
        except SafeClipError as error:
            raise SystemExit(str(error)) from error
    print(show(spent, found))
    if options.json:
        figures = {name: [each.figures() for each in rounds] for name, rounds in spent.items()}
        options.json.write_text(json.dumps({"rounds": figures, "ratios": found}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
