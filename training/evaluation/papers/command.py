"""`safeclip-train evaluate`: the papers' evaluation of any profile.

    safeclip-train evaluate evaluation.toml --out runs/evaluation
    safeclip-train evaluate --profile my.toml --quadruplets my/quadruplets --out runs/evaluation

The file names a profile and has a table for each measurement: [quadruplets], [[captioned]], [unsafe_images],
[zero_shot], [prompts], [fidelity], [captions]; docs/training.md explains them. Writes evaluation.json, evaluation.md
and a plot of safety against utility. What cannot be measured here is said with the way to get it. Ctrl-C keeps the
measurements that were finished; --resume goes on with the others, with models and data as they were.
"""

import argparse
import datetime
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import safeclip
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import ProfileError
from safeclip.hashing import json_sha256
from safeclip.schema import parse, read_table

from ...data.quadruplets.folder import FolderSpec
from ...data.sources import DataSpec
from ...engine.options import RunOptions
from ..command import guarded
from .context import EvaluationContext
from .report import absent, read_stopped, standing, tables, write
from .sections import SECTIONS, measure_all
from .spec import EvaluationSpec, QuadrupletsSpec, ZeroShotSpec

PROGRAM = "safeclip-train evaluate"


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("evaluation", nargs="?", type=Path, help="TOML file of the evaluation")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--profile", help="name or path of a profile, instead of the file's")
    parser.add_argument("--quadruplets", help="folder of quadruplets, instead of the file's [quadruplets]")
    parser.add_argument("--split", default="validation", help="split of --quadruplets")
    parser.add_argument("--zero-shot", metavar="FOLDER", action="append", help="an ImageFolder; may be repeated")
    parser.add_argument("--resume", action="store_true", help="keep the finished figures of a stopped evaluation")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


def read_spec(options: argparse.Namespace) -> EvaluationSpec:
    """The evaluation of the file, with what the flags change. Raises ProfileError when nothing is to be measured."""
    file = options.evaluation
    spec = parse(EvaluationSpec, read_table(file, "evaluation"), file=file) if file else EvaluationSpec()
    if options.profile:
        spec = replace(spec, profile=options.profile)
    if options.quadruplets:
        spec = replace(
            spec, quadruplets=QuadrupletsSpec(DataSpec(folder=FolderSpec(options.quadruplets)), options.split)
        )
    if options.zero_shot:
        spec = replace(spec, zero_shot=ZeroShotSpec(folders=tuple(options.zero_shot)))
    if not any(getattr(spec, name) for name in SECTIONS):
        raise ProfileError(
            f"There is nothing to measure: add one of the tables {', '.join(SECTIONS)}, or --quadruplets."
        )
    return spec


def evaluate(spec: EvaluationSpec, options: RunOptions, command: str, *, resume: bool = False) -> dict:
    """Every figure of an evaluation, with the command that gives it. Raises ProfileError for an unknown profile.

    With `resume`, the figures that stand in the folder of the report are taken over, when they are of this evaluation.
    """
    lab = safeclip.open(spec.profile, device=options.device)
    encoders = EncoderSet(spec.seats, device=options.device) if spec.seats else lab.encoders
    context = EvaluationContext(spec, lab, encoders, options)
    seats = {
        key: seat.checkpoint + (f" + {seat.adapter}" if seat.adapter else "") for key, seat in encoders.seats.items()
    }
    identity = {"profile": lab.profile.name, "seats": seats, "asked": json_sha256(asdict(spec))}
    before = read_stopped(options.out, identity) if resume else None
    return {
        **identity,
        "command": command,
        "date": datetime.date.today().isoformat(),
        **measure_all(context, before),
    }


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns its exit status: 1 after an error or with nothing measured, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = build_parser(program).parse_args(arguments)
    made: dict = {}

    def action() -> None:
        run = RunOptions(options.out, artwork=options.artwork, device=options.device)
        made.update(evaluate(read_spec(options), run, f"{program} {shlex.join(arguments)}", resume=options.resume))
        write(made, options.out)
        for table in tables(made):
            print(table.text(), end="\n\n")
        for name, reason in absent(made).items():
            print(f"Not measured: {name}: {reason}", file=sys.stderr)
        if made["stopped"]:
            raise KeyboardInterrupt(standing(made, options.out))  # after what was finished is written

    return guarded(program, action) or (0 if made["sections"] else 1)
