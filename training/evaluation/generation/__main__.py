"""Evaluates generation: a profile's Stable Diffusion paints the test prompts with the text encoder of every seat.

    python -m training.evaluation.generation --profile emoji --seats paper=zoo/open-clip+zoo/open-safe-clip-paper

Prints tables and writes the figures into `zoo/metrics.json` as "generation": in percent, with 95 % intervals clustered
on what makes the harm. The prompts are captions of test quadruplets of three splits of the open world, the seed of a
prompt is the number of its quadruplet, and the profile's judge of scenes says what each image shows. The first seat is
also asked for a balanced sample of concepts, one by one. A seat that the profile lacks is `row=checkpoint+adapter`.
Images are kept in --work, so that a run that was stopped anywhere goes on when it is called again. With --phase
validation, by which adapters are chosen, the figures need an --output of their own.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..command import METRICS, changed, provenance, run
from .evaluate import measure
from .options import DECIDING, build_parser, open_evaluation
from .prompts import TEST
from .tables import generation_tables


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser(__doc__)
    parser.add_argument("--output", type=Path, help=f"metrics file (default: {METRICS})")
    options = parser.parse_args(argv)
    if options.phase != TEST and not options.output:
        parser.error(f"{METRICS} has the figures of the test; give --output a file for those of {options.phase}")

    def measured() -> dict:
        figures = measure(options.profile, open_evaluation(options))
        how = provenance("generation", profile=options.profile, **changed(parser, options, DECIDING))
        return {"generation": {**how, "quadruplets": options.quadruplets, **figures}}

    return run("generation", options.output, measured, lambda result: generation_tables(result["generation"]))


if __name__ == "__main__":
    sys.exit(main())
