"""Rates of embedding images: decoding, preparing and the forward pass each alone, and all of it as a build runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat
from typing import Any

import psutil
import torch

from safeclip.encoders import Encoder
from safeclip.encoders.pixels import pixels
from safeclip.errors import ImageError
from safeclip.images.loading import open_image

from ..engines import find_engine
from ..engines.batches import Batch, EmbeddingTask, batches
from ..engines.cores import usable_cores
from ..errors import BuildError
from ..workspace import Workspace

# Batches of one row that are embedded before the clock starts, after a whole one for every core: all processes are up
# by then, and hardly any of the warm-up is still on its way.
WARM_UP = 16


@dataclass
class Spent:
    """Wall time and processor time, of all processes, that a number of images took."""

    images: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.images / max(self.seconds, 1e-9)

    @property
    def cpu_per_image(self) -> float:
        return self.cpu_seconds / max(self.images, 1)

    def figures(self) -> dict[str, float]:
        rounded = {key: round(value, 4) for key, value in asdict(self).items()}
        return {
            **rounded,
            "per_second": round(self.per_second, 2),
            "cpu_ms_per_image": round(1e3 * self.cpu_per_image, 3),
        }


def measure_rates(
    work: Workspace, images: int, rounds: int, batch_size: int, workers: int, engine: str
) -> dict[str, Any]:
    """Embeds the gallery's first `images` images once stage by stage and `rounds` times at full speed.

    Returns plain JSON values. `allowed_per_second` is what the machine allows: all cores busy with nothing but the
    three stages, or the GPU with the forward pass, whichever is slower. `share_of_allowed` is the rate of the build
    against it, by the clock; `cpu_share` is the processor time of the stages against that of the build, which does
    not depend on what else runs on the machine. Raises BuildError for a gallery without a usable image.
    """
    engine_for = find_engine(engine)
    task, cut = embedding_task(work, images, batch_size, workers)
    alone, size = stages_alone(task, cut)
    total = sum(len(batch.rows) for batch in cut)
    if not alone["forward"].images:
        raise BuildError(f"{work.gallery_path}: none of the first {total:,} images can be decoded.")
    together = run_engine(engine_for(task), cut, rounds)
    on_gpu = any(encoder.device.type != "cpu" for encoder in task.encoders)
    allowed = _allowed(alone, on_gpu)
    return {
        "profile": work.profile.name,
        "seats": [seat.key for seat in task.seats],
        "widths": {seat.key: encoder.dim for seat, encoder in work.encoders.items()},
        "device": str(task.encoders[0].device),
        "cores": usable_cores(),
        "bytes_per_image": round(size / total),
        "batch_size": batch_size,
        "workers": workers,
        "engine": engine,
        "alone": {stage: spent.figures() for stage, spent in alone.items()},
        "together": together.figures(),
        "allowed_per_second": round(allowed, 2),
        "share_of_allowed": round(together.per_second / allowed, 3),
        "cpu_share": round(sum(spent.cpu_per_image for spent in alone.values()) / together.cpu_per_image, 3),
    }


def embedding_task(work: Workspace, images: int, batch_size: int, workers: int) -> tuple[EmbeddingTask, list[Batch]]:
    """The task of embedding the gallery's first `images` images with every encoder, and its batches."""
    rows = work.gallery["images"].rows[:images]
    encoders = {encoder.fingerprint: (seat, encoder) for seat, encoder in work.encoders.items()}
    seats, distinct = zip(*encoders.values(), strict=True)
    task = EmbeddingTask(work.gallery.reader, seats, distinct, work.device, workers)
    return task, list(batches(rows, "images", batch_size=batch_size, unit_rows=len(rows)))


def _allowed(alone: dict[str, Spent], on_gpu: bool) -> float:
    on_cores = [alone["decode"], alone["prepare"]] + ([] if on_gpu else [alone["forward"]])
    by_cores = usable_cores() / sum(spent.cpu_per_image for spent in on_cores)
    return min(by_cores, alone["forward"].per_second) if on_gpu else by_cores


def stages_alone(task: EmbeddingTask, cut: list[Batch]) -> tuple[dict[str, Spent], int]:
    """What each stage takes in this process with one thread, a batch at a time; and the bytes of the encoded images."""
    stages = {"decode": Spent(), "prepare": Spent(), "forward": Spent()}
    size, threads = 0, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number, batch in enumerate([cut[0], *cut]):
            if number == 1:  # the first time warms up
                stages, size = {name: Spent() for name in stages}, 0
            rows = list(task.reader.read("images", batch.rows))
            size += sum(len(row.data) for row in rows)
            contents = _timed(stages["decode"], len(rows), partial(_decoded, task, batch))
            inputs = _timed(stages["prepare"], len(contents), partial(_inputs, task, contents))
            _timed(stages["forward"], len(contents), partial(_embed, task.encoders, inputs))
    finally:
        torch.set_num_threads(threads)
    return stages, size


def _timed(spent: Spent, images: int, stage: Callable[[], Any]) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    result = stage()
    spent.seconds += time.perf_counter() - wall
    spent.cpu_seconds += time.process_time() - cpu
    spent.images += images
    return result


def _decoded(task: EmbeddingTask, batch: Batch) -> list[Any]:
    decoded = []
    for row in task.reader.read("images", batch.rows):
        try:
            if not row.fault:
                decoded.append(open_image(row.data))
        except ImageError:
            continue
    return decoded


def _inputs(task: EmbeddingTask, contents: list[Any]) -> dict[str, torch.Tensor]:
    return {hash: pixels(processor, contents) for hash, processor in task.preparation.image_processors.items()}


def _embed(encoders: Iterable[Encoder], inputs: dict[str, torch.Tensor]) -> None:
    for encoder in encoders:
        encoder.embed_pixels(inputs[encoder.preprocessing_hash])


def run_engine(engine: Callable, cut: list[Batch], rounds: int = 1, warm_up: int = WARM_UP) -> Spent:
    """What an engine takes for all stages, from the moment that it asks for the first batch after a warm-up."""
    begun: list[tuple[float, float]] = []
    whole = usable_cores()

    def feed() -> Iterator[Batch]:
        yield from repeat(cut[0], whole)
        yield from (Batch("images", 0, cut[0].rows[:1]) for _ in range(warm_up))
        begun.append((time.perf_counter(), processor_seconds()))
        for _ in range(rounds):
            yield from cut

    images = rounds * sum(len(batch.rows) for batch in cut)
    left, spent = whole * len(cut[0].rows) + warm_up + images, Spent()
    for result in engine(feed()):
        left -= result.planned
        if begun:  # some of the warm-up is still on its way when the clock starts, and counts
            spent.images += result.planned
        if not left:  # the worker processes are still there to be asked
            spent.seconds, spent.cpu_seconds = time.perf_counter() - begun[0][0], processor_seconds() - begun[0][1]
    return spent


def processor_seconds() -> float:
    """Processor seconds of this process and of its children so far."""
    children = psutil.Process().children(recursive=True)
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)
