"""The command line that every recipe shares."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """Where a recipe runs and how it is sliced; what it computes is in the recipe alone."""

    recipe: Path
    out: Path
    artwork: Path
    minutes: float | None
    workers: int
    report_every: int


def parse_run(doc: str, argv: list[str] | None = None) -> RunOptions:
    """Parse a training command's arguments; `doc` is its module's docstring."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, help="TOML file with every hyper-parameter")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; a run found there is resumed")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes, saved; call again to go on")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare batches")
    parser.add_argument("--report-every", type=int, default=20, help="steps between two lines of the log")
    return RunOptions(**vars(parser.parse_args(argv)))
