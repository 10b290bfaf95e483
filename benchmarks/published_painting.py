"""What two seats of SD 1.4 take on this machine, beside two pipelines: its shapes, random weights, few pixels.

    python -m benchmarks.published_painting [--latent 32] [--steps 1]

The embedded models are so small that what torch needs to compute at all hides them; these show what sharing saves.
Needs 10 GB of memory and a few minutes on a CPU. `benchmarks.gpu` measures 512 px on a GPU.
"""

import argparse
from typing import Any

import torch

from benchmarks import gpu_painting, processes
from benchmarks.processes import LIBRARIES, Race, peak_bytes

RACE = Race(
    "benchmarks.published_painting",
    "SD 1.4, 2 seats",
    "side_by_side",
    "two_pipelines",
    agree=lambda ours, theirs: ours == theirs,
)


def run_way(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one way in this process: median seconds and peak bytes."""
    if way == LIBRARIES:
        return {"peak_bytes": peak_bytes()}
    on_gpu = torch.cuda.is_available()
    device, dtype = ("cuda", torch.float16) if on_gpu else ("cpu", torch.float32)
    shapes = gpu_painting.Shapes(latent=options.latent)
    measure = gpu_painting.side_by_side if way == RACE.ours else gpu_painting.two_pipelines
    seconds, _ = measure(device, dtype, shapes, options.steps, repeats=1)
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "answers": [options.latent, options.steps]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latent", type=int, default=32, help="side of the latents, an eighth of the picture's")
    parser.add_argument("--steps", type=int, default=1, help="of denoising")
    processes.main(RACE, parser, run_way, absent=lambda profile: "")


if __name__ == "__main__":
    main()
