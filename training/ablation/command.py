"""`safeclip-train ablate`: what each setting of the tuned recipe, and each ingredient of ours, does alone.

    safeclip-train ablate --out runs/ablation [--rows paper rate] [--seeds 1 2 3]

Every row is a recipe of the open world with one change, at one short budget, measured on validation quadruplets. Each
run is one JSON file in rows/ of --out; given again, the command goes on where it was stopped. All files there go to
ablation.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..comparison.records import all_records, known_runs, rows_parser
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
    parser = rows_parser(program, __doc__, [ORIGINAL, *ROWS], seeds=[1], checkpoint="zoo/open-clip")
    parser.add_argument("--train", type=from_one, default=budget.train, help="quadruplets to train on, each once")
    parser.add_argument("--measured", type=from_one, default=budget.measured, help="validation quadruplets of a split")
    parser.add_argument("--packed", type=Path, default=Path("runs/open-world"), help="where painted scenes are kept")
    parser.add_argument("--language", type=Path, default=Path("runs/language"), help="where WordNet is kept")
    return parser


def ablate(options: argparse.Namespace) -> list[dict]:
    """The records of all rows and seeds that are asked for or were kept before; what is not there yet is trained.

    Writes them to RESULT.
    """
    kept = {name: getattr(options, name) for name in ("artwork", "packed", "language", "workers", "device")}
    run = RunOptions(options.out, **kept)
    study = Study(Budget(options.train, options.measured), options.checkpoint, run)
    asked = {(row, seed) for row in options.rows for seed in ([0] if row == ORIGINAL else options.seeds)}
    runs = asked | known_runs(options.out, study.origin)
    ordered = [(row, seed) for row in (ORIGINAL, *ROWS) for seed in sorted(seed for name, seed in runs if name == row)]
    return all_records(options.out / RESULT, ordered, study.record)


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)
    return guarded(program, lambda: print(content(ablate(options))))
