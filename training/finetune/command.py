"""`safeclip-train finetune`: makes a CLIP of your own safe with your own quadruplets, and measures it.

    safeclip-train finetune --base openai/clip-vit-base-patch32 --quadruplets my/quadruplets --out my/safe-clip

Trains a LoRA by the paper's recipe with the mixed-gallery contrast (--paper leaves that out), measures base and
fine-tune on test.jsonl, or without one on the validation quadruplets, and writes a gallery of the quadruplets' images
with a profile of both models.
Given again, it goes on where it was stopped. docs/training.md says how the folder of quadruplets looks.
"""

import argparse
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

from safeclip.command_names import INDEXER, PAGE
from safeclip.errors import CheckpointError
from safeclip.runtime.atomic_files import write_atomically

from ..cli import UNFINISHED
from ..data.quadruplets.collection import QuadrupletCollection
from ..data.quadruplets.folder import FolderSpec, table_of
from ..data.sources import DataSpec, open_source
from ..engine.checkpoints import has_state
from ..engine.job import train
from ..engine.large_batches.distributed import World
from ..engine.options import RunOptions, above_zero, from_one, from_zero
from ..errors import DataError
from ..evaluation.command import guarded
from ..evaluation.papers.command import evaluate
from ..evaluation.papers.report import tables, write
from ..evaluation.papers.spec import EvaluationSpec, QuadrupletsSpec
from ..models.encoder_kind import kind_of, named_here
from ..recipes.registry import load_recipe
from .base import logit_scale, prepared_base
from .gallery import write_gallery
from .profile_text import profile_text
from .recipe_text import FinetuneChoices, recipe_text

PROGRAM = "safeclip-train finetune"
BASE = "base"  # an open_clip model in the layout of transformers
SPLITS = ("train", "validation")
CHOSEN_BY = (
    "These validation quadruplets also chose the step of the fine-tune whose adapter is kept, so its figures are a "
    "little too good. Put quadruplets that training never meets into test.jsonl to measure it by them."
)
DATA = "data.txt"  # the fingerprints of the quadruplets, beside the recipe


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command. Those of FinetuneChoices have its fields' names."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", required=True, help="CLIP or SigLIP of transformers, or CLIP of open_clip")
    parser.add_argument("--quadruplets", type=Path, required=True, help="folder with images and a table of quadruplets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run and of everything that it makes")
    parser.add_argument("--epochs", type=from_one, default=10, help="passes over the data (default: %(default)s)")
    parser.add_argument("--batch-size", type=from_one, default=32, help="quadruplets a step (default: %(default)s)")
    parser.add_argument("--learning-rate", type=above_zero, default=1e-3, help="of Adam (default: %(default)s)")
    parser.add_argument("--seed", type=from_zero, default=0, help="of order and dropout (default: %(default)s)")
    parser.add_argument("--paper", action="store_true", help="the paper's eight terms alone")
    parser.add_argument("--minutes", type=above_zero, help="stop after so many minutes, saved; call again to go on")
    parser.add_argument("--strict", action="store_true", help="fail on incomplete rows instead of leaving them out")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


def run(choices: FinetuneChoices, options: RunOptions) -> bool:
    """Writes the recipe, trains by it, and then evaluates; returns whether the training is complete."""
    world, called = World.join(), choices.base
    base = named_here(called)
    choices = replace(choices, base=world.first_before_others(lambda: prepared_base(base, options.out / BASE)))
    recipe, source = options.out / "recipe.toml", cache(lambda split: _source(choices, split, options))
    world.first_before_others(lambda: _write_once(recipe, _recipe(choices, source("train"))))
    world.first_before_others(lambda: _write_once(options.out / DATA, _fingerprints(map(source, SPLITS))))
    tested = "test" if table_of(choices.quadruplets, "test") else "validation"
    job_type, parsed = load_recipe(recipe)
    if not train(job_type, parsed, options):
        return False
    if world.first:
        _measure(called, choices, options, job_type.result, map(source, SPLITS), tested)
    world.wait()
    return True


def _measure(
    called: str,
    choices: FinetuneChoices,
    options: RunOptions,
    adapter: str,
    sources: Iterable[QuadrupletCollection],
    split: str,
) -> None:
    """Writes gallery and profile, and compares base and fine-tune; `called` is the base's name for people.

    `split` has the quadruplets that they are compared on.
    """
    rows = [row for source in sources for row in source.rows]
    print(f"{write_gallery(rows, options.out / 'gallery')} images are in {options.out / 'gallery'}.")
    profile = options.out / "profile.toml"
    folders = (options.out / name for name in (adapter, "gallery", "index"))
    write_atomically(profile, profile_text(called, choices.base, *folders, kind=kind_of(choices.base)).encode())
    data = DataSpec(folder=FolderSpec(str(choices.quadruplets)))
    spec = EvaluationSpec(profile=str(profile), quadruplets=QuadrupletsSpec(data, split))
    flags = ("--profile", profile, "--quadruplets", choices.quadruplets, "--split", split, "--out", options.out)
    result = evaluate(spec, options, shlex.join(("safeclip-train", "evaluate", *map(str, flags))))
    if split == "validation":
        result["note"] = CHOSEN_BY
    write(result, options.out)
    for table in tables(result):
        print(table.text(), end="\n\n")
    if note := result.get("note"):
        print(note)
    commands = (f"{program} --profile {shlex.quote(str(profile))}" for program in (f"{INDEXER} build", PAGE))
    print("Now index the images and open the page:", *commands, sep="\n  ")


def _recipe(choices: FinetuneChoices, source: QuadrupletCollection) -> str:
    rows = len(source)
    if rows < 2:
        raise DataError(
            f"{choices.quadruplets}: training needs at least two complete quadruplets, and there are {rows}."
        )
    kind = kind_of(choices.base)
    return recipe_text(choices, kind=kind, logit_scale=logit_scale(choices.base, kind), rows=rows)


def _fingerprints(sources: Iterable[QuadrupletCollection]) -> str:
    """A line for each split, which names its texts and images."""
    return "".join(f"{split} {source.fingerprint}\n" for split, source in zip(SPLITS, sources, strict=True))


def _write_once(path: Path, text: str) -> None:
    """Writes a file that stays from the first saved step on. Raises CheckpointError for another content after it."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    if path.is_file() and has_state(path.parent):
        raise CheckpointError(f"{path.parent} holds a run with other choices or other data; choose another --out.")
    write_atomically(path, text.encode())


def _source(choices: FinetuneChoices, split: str, options: RunOptions) -> QuadrupletCollection:
    return open_source(DataSpec(folder=FolderSpec(str(choices.quadruplets))), split, options)


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status: 0, 1 after an error that was printed, 75 for one to be continued."""
    arguments = build_parser(program).parse_args(argv)
    choices = FinetuneChoices(**{each.name: getattr(arguments, each.name) for each in fields(FinetuneChoices)})
    options = RunOptions(arguments.out, minutes=arguments.minutes, strict=arguments.strict, device=arguments.device)
    complete = [True]

    def action() -> None:
        complete[0] = run(choices, options)

    status = guarded(program, action)
    if not complete[0]:
        print("The run is not finished; call again to go on.", file=sys.stderr)
    return status or (0 if complete[0] else UNFINISHED)
