"""`safeclip-train selftest`: trains the same few steps in one and in several processes and compares the weights.

    safeclip-train selftest --ranks 1 2 8 --out selftest.json

Every number of ranks runs under torchrun, over NCCL where there are GPUs and Gloo elsewhere, in float32 without
dropout, on random images. The JSON has steps a second, and how far the weights are from those of one process: the
largest difference of any weight, and that of any matrix in parts of its norm, by which they count as equal.
"""

import argparse
import json
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from safeclip.errors import SafeClipError
from safeclip.runtime.atomic_files import write_atomically
from safeclip.schema import toml_string

from ..engine.checkpoints import load_state
from ..engine.options import from_one
from ..engine.progress import METRICS
from ..evaluation.command import guarded
from ..json_lines import read_lines
from .toy_data import write_quadruplets

PROGRAM = "safeclip-train selftest"
RUN = "safeclip-train: "  # begins the line of a run that failed
TOLERANCE = 1e-3  # of a matrix's norm: rounding makes some 1e-5, and ranks that do not share their gradients 0.8
RECIPE = """
recipe = "safe_clip"
seed = 0
precision = "float32"
checkpoint = {checkpoint}
epochs = {epochs}
batch_size = {batch}
learning_rate = 1e-3
validate_every = {steps}
[data.folder]
path = {data}
[lora]
dropout = 0.0
[objective.safe_clip]
[objective.mixed_gallery]
"""


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], help="numbers of processes; 1 is always run")
    parser.add_argument("--checkpoint", default="zoo/open-clip", help="CLIP in transformers' layout")
    parser.add_argument("--batch-size", type=from_one, default=16, help="quadruplets of all processes together")
    parser.add_argument("--steps", type=from_one, default=8, help="steps to take (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("selftest.json"), help="JSON to write (default: %(default)s)")
    return parser


def compare(options: argparse.Namespace, work: Path) -> dict:
    """The figures of every number of ranks.

    Raises ValueError for a batch that cannot be shared, SafeClipError when a run fails.
    """
    for count in options.ranks:
        if count < 1 or options.batch_size % count:
            raise ValueError(
                f"a batch of {options.batch_size} cannot be divided among {count} processes; choose others."
            )
    write_quadruplets(work / "data", options.batch_size)
    recipe = work / "recipe.toml"
    recipe.write_text(
        RECIPE.format(
            checkpoint=toml_string(options.checkpoint),
            data=toml_string(str(work / "data")),
            batch=options.batch_size,
            epochs=options.steps,
            steps=options.steps,
        ),
        encoding="utf-8",
    )
    reference: dict[str, torch.Tensor] = {}
    ranks = {}
    for count in sorted({1, *options.ranks}):
        folder = work / f"ranks-{count}"
        _run(recipe, folder, count, options.steps)
        weights = load_state(folder)["trainable"]["parts"]["adapter"]
        reference = reference or weights
        difference = relative_difference(weights, reference)
        ranks[str(count)] = {
            "largest_difference": max(float((weights[name] - each).abs().max()) for name, each in reference.items()),
            "relative_difference": difference,
            "equal": difference <= TOLERANCE,
            "steps_per_second": _rate(folder),
        }
    return {
        "machine": platform.platform(),
        "torch": torch.__version__,
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or ["cpu"],
        "backend": "nccl" if torch.cuda.is_available() else "gloo",
        "batch_size": options.batch_size,
        "steps": options.steps,
        "ranks": ranks,
    }


def relative_difference(weights: Mapping[str, torch.Tensor], reference: Mapping[str, torch.Tensor]) -> float:
    """The largest ‖w − r‖ / ‖r‖ of any of the tensors, which have the same names and shapes.

    The norm of a whole tensor tells a wrong gradient from rounding. A single weight does not: Adam divides a gradient
    by its own size, so where that is nearly zero, its rounding moves the weight as far as a gradient would. The B of
    an adapter begins at zero, so its norm is that of its update.
    """
    smallest = torch.finfo(torch.float32).tiny
    differences = [(weights[name] - each).norm() / each.norm().clamp_min(smallest) for name, each in reference.items()]
    return float(torch.stack(differences).max())


def _run(recipe: Path, out: Path, ranks: int, steps: int) -> None:
    """Trains in `ranks` processes. Raises SafeClipError with the error that a failed run printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = (
        ["-m", "torch.distributed.run", f"--nproc-per-node={ranks}", f"--master-port={port}"] if ranks > 1 else []
    )
    package = __package__.rpartition(".")[0]  # "safeclip_train" where it is installed
    options = ["--out", str(out), "--workers", "0", "--report-every", str(steps)]
    command = [sys.executable, *launcher, "-m", package, str(recipe), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        said = [line for line in lines if line.startswith(RUN)]  # torchrun's own report follows it
        raise SafeClipError(f"The run in {ranks} processes failed: {(said or lines or ['nothing was printed'])[-1]}")


def _rate(folder: Path) -> float:
    """Steps a second by the log of a run."""
    lines = read_lines(folder / METRICS)
    return next(line["steps_per_second"] for line in lines if "steps_per_second" in line)


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status: 1 after an error, or when a number of ranks gives other weights."""
    options = build_parser(program).parse_args(argv)
    unequal: list[str] = []

    def action() -> None:
        with tempfile.TemporaryDirectory(prefix="safeclip-selftest-") as work:
            result = compare(options, Path(work))
        write_atomically(options.out, (json.dumps(result, indent=2) + "\n").encode())
        for ranks, figures in result["ranks"].items():
            rate, difference = figures["steps_per_second"], figures["relative_difference"]
            print(f"{ranks:>3} processes: {rate:.2f} steps a second, relative difference {difference:.1e}")
        unequal.extend(ranks for ranks, figures in result["ranks"].items() if not figures["equal"])
        if unequal:
            print(f"{program}: other weights than one process with {', '.join(unequal)} processes.", file=sys.stderr)

    return guarded(program, action) or bool(unequal)
