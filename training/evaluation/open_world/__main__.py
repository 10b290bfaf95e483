"""Evaluates encoders on the open world: every split and baseline, neutral queries, all with 95 % intervals.

    python -m training.evaluation.open_world --profile emoji --seats paper=zoo/open-clip+zoo/open-safe-clip-paper
    python -m training.evaluation.open_world --seats original=my/clip ours=my/clip+my/safe-clip

A seat is `row=checkpoint` or `row=checkpoint+adapter`; a row that is given several times has several seeds. Rows are
original, paper, safe and ours; a profile gives those that it seats. The outcomes of each row are kept in --work as they
are done, so an interrupted run goes on where it was; the figures go into the metrics file.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from safeclip.paths import resolve
from safeclip.profiles import load_profile

from ..command import METRICS, changed, guarded, merge_into, provenance
from .baselines import Budget
from .evaluate import SEATED, SeatSource, evaluate
from .held_out import HeldOutSets
from .painted import Easel
from .training_set import TrainingSet

PROGRAM = "open_world"
DEFAULT_PROFILE = "emoji"
QUADRUPLETS = 1000
DECIDING = ("profile", "seats", "quadruplets", "trials", "train", "validation")  # options that change the figures


def _seats(options: argparse.Namespace) -> list[SeatSource]:
    """The seats of the profile, then those that are given."""
    seats = load_profile(options.profile).seats if options.profile else ()
    own = [SeatSource(seat.key, seat.checkpoint, seat.adapter) for seat in seats if seat.key in SEATED]
    return own + [SeatSource.parse(text) for text in options.seats]


def _about(options: argparse.Namespace, made_by: Mapping[str, str], seats: Sequence[SeatSource]) -> dict:
    """What the page and the tables say of how the figures were measured."""
    return {
        "open_world": {
            "profile": options.profile,
            **made_by,
            "seats": [vars(seat) for seat in seats],
            "n": options.quadruplets,
            "trials": options.trials,
            "baselines": {"training_quadruplets": options.train, "validation_quadruplets": options.validation},
        }
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", help=f"seats to measure (without --seats: {DEFAULT_PROFILE})")
    parser.add_argument(
        "--seats", nargs="+", default=[], metavar="ROW=CHECKPOINT[+ADAPTER]", help="others beside those of the profile"
    )
    parser.add_argument("--quadruplets", type=int, default=QUADRUPLETS, help="N, of each split")
    parser.add_argument("--trials", type=int, default=25, help="thresholds, as many as settings of safe and ours")
    parser.add_argument("--train", type=int, default=24576, help="training quadruplets of the baselines")
    parser.add_argument("--validation", type=int, default=200, help="validation quadruplets of each split")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--packed", type=Path, default=Path("runs/open-world"), help="where painted scenes are kept")
    parser.add_argument("--language", type=Path, default=Path("runs/language"), help="where WordNet is kept")
    parser.add_argument("--work", type=Path, default=Path("runs/open-evaluation"), help="where outcomes are kept")
    parser.add_argument("--workers", type=int, default=1, help="processes that paint training scenes")
    parser.add_argument("--output", type=Path, help=f"metrics file (default: {METRICS})")
    options = parser.parse_args(argv)
    options.profile = options.profile or (None if options.seats else DEFAULT_PROFILE)
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    def action() -> None:
        seats = _seats(options)
        easel = Easel(options.artwork, options.work / "painted")
        folders = (options.artwork, options.packed, options.language)
        budget = Budget(TrainingSet(options.train, *folders, options.workers), options.validation, options.trials)
        sets = HeldOutSets.draw(options.quadruplets, easel)
        made_by = provenance(PROGRAM, **changed(parser, options, DECIDING))
        figures = evaluate(seats, sets, easel, options.work, budget)
        merge_into(options.output or resolve(METRICS), _about(options, made_by, seats) | figures)

    return guarded(PROGRAM, action)


if __name__ == "__main__":
    sys.exit(main())
