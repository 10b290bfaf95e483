"""Arguments that the commands of this package share."""

import argparse
from pathlib import Path

from safeclip.profiles import DTYPES

from .competence import CONCEPTS
from .evaluate import QUADRUPLETS, WORK, Evaluation
from .prompts import TEST, VALIDATION

DECIDING = ("phase", "quadruplets", "concepts", "steps", "dtype", "seats")  # arguments that change the figures


def build_parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser of what decides which images are generated."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument(
        "--phase",
        choices=(VALIDATION, TEST),
        default=TEST,
        help="of the captions: models are chosen on validation",
    )
    parser.add_argument("--quadruplets", type=int, default=QUADRUPLETS, help="N, of each split")
    parser.add_argument(
        "--concepts", type=int, default=CONCEPTS, help="N, which the first seat is asked for one by one"
    )
    parser.add_argument("--steps", type=int, help="of denoising (default: the profile's)")
    parser.add_argument(
        "--dtype", choices=DTYPES, help="of the UNet: bfloat16 halves the time of a CPU (default: the profile's)"
    )
    parser.add_argument(
        "--seats", nargs="+", default=[], metavar="ROW=CHECKPOINT[+ADAPTER]", help="others beside those of the profile"
    )
    parser.add_argument("--work", type=Path, default=WORK, help="where generated images are kept")
    return parser


def open_evaluation(options: argparse.Namespace) -> Evaluation:
    """The evaluation that the arguments ask for."""
    return Evaluation.open(
        options.profile,
        options.quadruplets,
        phase=options.phase,
        concepts=options.concepts,
        seats=options.seats,
        work=options.work,
        steps=options.steps,
        dtype=options.dtype,
    )
