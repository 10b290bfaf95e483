"""`safeclip-train ablate`: what each setting of the tuned recipe, and each ingredient of ours, does alone.

    safeclip-train ablate --out runs/ablation [--rows paper rate] [--seeds 1 2 3]

Every row is a recipe of the open world with one change, at one short budget, measured on validation quadruplets. Each
run is one JSON file in rows/ of --out; given again, the command goes on where it was stopped. All of them go to
ablation.json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from safeclip.runtime.atomic_files import write_atomically

from ..engine.options import RunOptions, from_one
from ..evaluation.command import guarded
from .measure import Study
from .report import content
from .rows import ORIGINAL, ROWS, Budget

PROGRAM = "safeclip-train ablate"
RESULT = "ablation.json"


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    budget = Budget()
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--rows", nargs="+", choices=[ORIGINAL, *ROWS], default=[ORIGINAL, *ROWS], metavar="ROW")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--checkpoint", default="zoo/open-clip", help="CLIP that all start from")
    parser.add_argument("--train", type=from_one, default=budget.train, help="quadruplets to train on, each once")
    parser.add_argument("--measured", type=from_one, default=budget.measured, help="validation quadruplets of a split")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--packed", type=Path, default=Path("runs/open-world"), help="where painted scenes are kept")
    parser.add_argument("--language", type=Path, default=Path("runs/language"), help="where WordNet is kept")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare batches")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


def ablate(options: argparse.Namespace) -> list[dict]:
    """The records of all rows and seeds; those that are not there yet are trained. Writes them to RESULT."""
    kept = {name: getattr(options, name) for name in ("artwork", "packed", "language", "workers", "device")}
    run = RunOptions(options.out, **kept)
    study = Study(Budget(options.train, options.measured), options.checkpoint, run)
    records = []
    for row in options.rows:
        for seed in [0] if row == ORIGINAL else options.seeds:
            print(f"{row}, seed {seed}", file=sys.stderr, flush=True)
            records.append(study.record(row, seed))
    write_atomically(options.out / RESULT, (json.dumps(records, indent=1) + "\n").encode())
    return records


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)
    return guarded(program, lambda: print(content(ablate(options))))
