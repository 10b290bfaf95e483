"""Trains a model by a recipe: a TOML file that names its training and every hyper-parameter.

    safeclip-train RECIPE.toml --out runs/mine [--minutes 9]

RECIPE.toml is a path, or the name of a recipe that comes with this package:

{recipes}

A run that was stopped anywhere goes on where it was when the command is given again; the result goes to `model` or
`adapter` inside --out. `python -m training` is the same command. Other commands, each with a --help of its own:

{commands}
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from safeclip.runtime.atomic_files import write_atomically

from .commands import COMMANDS, find_command, summary
from .engine.job import train
from .engine.large_batches.acceleration import BACKEND
from .engine.large_batches.distributed import World
from .engine.logs import LOGS
from .engine.options import RunOptions, above_zero, from_one, from_zero
from .evaluation.command import guarded
from .recipes.registry import find_recipe, load_recipe, recipe_names

WIDTH = 100  # of the help
UNFINISHED = 75  # EX_TEMPFAIL: call again to go on


def build_parser(program: str) -> argparse.ArgumentParser:
    """The arguments of the command. Their names are the fields of RunOptions, but for the recipe."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__.format(commands=summary(), recipes=fill(", ".join(recipe_names()), WIDTH)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE.toml", help="TOML file with every hyper-parameter")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; a run found there is resumed")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--minutes", type=above_zero, help="stop after so many minutes, saved; call again to go on")
    parser.add_argument("--workers", type=from_zero, default=1, help="processes that prepare batches")
    parser.add_argument("--report-every", type=from_one, default=20, help="steps between two lines of the log")
    parser.add_argument("--language", type=Path, default=Path("runs/language"), help="where texts to learn are kept")
    parser.add_argument("--packed", type=Path, default=Path("runs/open-world"), help="where painted scenes are kept")
    parser.add_argument("--embeddings", type=Path, help="where frozen models' embeddings are kept (default: --out)")
    parser.add_argument("--log", dest="logs", nargs="+", choices=LOGS, default=(), help="write metrics there too")
    parser.add_argument("--fold", action="store_true", help="of a Safe-CLIP without dropout: faster steps")
    parser.add_argument("--recompute", action="store_true", help="of a Safe-CLIP: less memory, slower steps")
    parser.add_argument("--shard", action="store_true", help="of a Safe-CLIP: divide frozen weights among processes")
    parser.add_argument("--compile", nargs="?", const=BACKEND, metavar="BACKEND", help="of a Safe-CLIP: torch.compile")
    parser.add_argument("--strict", action="store_true", help="fail on incomplete rows instead of leaving them out")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


def main(argv: Sequence[str] | None = None, *, program: str = "safeclip-train") -> int:
    """Runs the command; `program` is its name in messages.

    Returns the exit status: 0 for a complete run, 75 for one to be continued, 1 after an error that was printed, 130
    after Ctrl-C outside of the steps of a run.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv and argv[0] in COMMANDS:
        return find_command(argv[0])(argv[1:], program=f"{program} {argv[0]}")
    options = vars(build_parser(program).parse_args(argv))
    complete = [True]

    def action() -> None:
        from .model_card import RECIPE

        path = find_recipe(options.pop("recipe"))
        job_type, recipe = load_recipe(path)
        complete[0] = train(job_type, recipe, RunOptions(**options))
        if complete[0] and World.join().first and not (kept := options["out"] / RECIPE).is_file():
            write_atomically(kept, path.read_bytes())  # for the card of `push`

    status = guarded(program, action)
    if not complete[0]:
        print("The run is not finished; call again to go on.", file=sys.stderr)
        return UNFINISHED
    return status
