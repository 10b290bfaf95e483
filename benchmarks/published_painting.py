"""Measures two seats of SD 1.4 on this machine beside two pipelines: its shapes, random weights, few pixels.

    python -m benchmarks.published_painting [--latent 32] [--steps 1]

The embedded models are so small that torch's own memory hides them; these shapes show what sharing saves.
Needs 10 GB of memory and a few minutes on a CPU. `benchmarks.gpu` measures 512 px on a GPU.
"""

import argparse
import operator
from typing import Any

from benchmarks import gpu_painting, processes
from benchmarks.processes import LIBRARIES, Race, device_and_dtype, peak_bytes

RACE = Race(
    "benchmarks.published_painting",
    "SD 1.4, 2 seats",
    "side_by_side",
    "two_pipelines",
    operator.eq,
    options={"latent": (32, "side of the latents, an eighth of the image's"), "steps": (1, "of denoising")},
)


def run_way(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measures one way in this process: median seconds and peak bytes."""
    if way == LIBRARIES:
        return {"peak_bytes": peak_bytes()}
    device, dtype = device_and_dtype()
    shapes = gpu_painting.Shapes(latent=options.latent)
    measure = gpu_painting.side_by_side if way == RACE.ours else gpu_painting.two_pipelines
    seconds, _ = measure(device, dtype, shapes, options.steps, repeats=1)
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "answers": [options.latent, options.steps]}


if __name__ == "__main__":
    processes.main(RACE, run_way, __doc__)
