"""`failures`: builds the table of failures of a profile, exports its rows, and shares it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .reporting import progress

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.failures.slices import FailureTable
    from safeclip.failures.table import StoredTable

DOC = """Builds the table of failures of a profile: every test item under every seat, and what went wrong.

A build that was stopped, even by a power cut, goes on where it was when the same command is given again.

  {program} --profile emoji --dial ours
  {program} --profile my.toml --queries prompts.csv --tasks retrieval generation --output my/failures.parquet
  {program} --profile vit-l-14 --queries i2p --tasks generation --push me/failures-of-i2p
  {program} --profile emoji --export leaks.csv --seat safe --kind leaks
"""
WORK = Path("runs/failures")


def main(argv: Sequence[str], program: str) -> int:
    """Builds and writes a table, or exports from one that is there. Raises SafeClipError."""
    options = read_options(argv, program)
    import safeclip
    from safeclip.failures.hub_texts import local_texts, push
    from safeclip.failures.slices import FailureTable
    from safeclip.failures.table import StoredTable
    from safeclip.paths import resolve

    lab = safeclip.open(options.profile)
    spec = lab.profile.failures
    texts = local_texts(options.queries) if options.queries is not None else None
    default = resolve(spec.table) if spec is not None and texts is None else None
    name = lab.profile.name if texts is None else f"{lab.profile.name}-{texts.stem}"
    path = options.output or default or WORK / f"{name}.parquet"
    if options.export:
        table = FailureTable(StoredTable.read(path))
        print(f"{export(table, options)} rows written to {options.export}")
        return 0
    table = FailureTable(build(lab, options, texts, path))
    print(f"{len(table):,} rows written to {path}")
    print(summary(table))
    if options.push:
        print(push(table.stored, path, options.push, public=options.public))
    return 0


def read_options(argv: Sequence[str], program: str) -> argparse.Namespace:
    """Reads the flags; an invalid one ends the program with status 2."""
    from safeclip.failures.build import BuildOptions
    from safeclip.failures.hub_texts import NAMED
    from safeclip.failures.kinds import KINDS, TASKS

    defaults = BuildOptions()
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(program, description=DOC.format(program=program), formatter_class=raw)
    add = parser.add_argument
    add("--profile", default="emoji", help="name of a profile, or the path of its .toml file")
    add(
        "--queries",
        metavar="FILE",
        help="texts to ask instead of the gallery's items: a file (CSV, JSON, JSON lines, Parquet, text), "
        f"hf://datasets/OWNER/NAME[@REVISION][/FILE], or {', '.join(NAMED)}",
    )
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="which tasks to ask, of those seated")
    add("--dial", default="", metavar="SEAT", help="also ask blends of the reference with this seat: ¼, ½, ¾")
    add("--quadruplets", type=int, metavar="N", help="search with the first N quadruplets (default: all)")
    add("--captioned", type=int, metavar="N", default=defaults.captioned, help="ask LLaVA about N quadruplets")
    add("--painted", type=int, metavar="N", default=defaults.painted, help="paint N quadruplets")
    add("--steps", type=int, metavar="N", help="of denoising (default: the profile's)")
    add("--output", type=Path, metavar="FILE", help="the table (default: the profile's, or one in runs/failures)")
    add("--work", type=Path, default=WORK, metavar="DIR", help="where finished parts are kept")
    add("--push", metavar="OWNER/NAME", help="upload the table into a dataset of the hub, a private one")
    add("--public", action="store_true", help="with --push: make a new dataset public")
    add("--export", type=Path, metavar="FILE", help="write rows of the table to a .csv or .jsonl file; build nothing")
    add("--seat", default="", help="with --export: the column whose failures are written (default: every one)")
    kinds = f"with --export: only failures of this kind: {', '.join(KINDS)}"
    add("--kind", default="", choices=["", *KINDS], metavar="KIND", help=kinds)
    return parser.parse_args(argv)


def build(lab: "Lab", options: argparse.Namespace, queries: Path | None, path: Path) -> "StoredTable":
    """Builds and writes the table that the flags ask for, of the texts of a file where there is one."""
    from safeclip.failures.build import BuildOptions, TableBuild
    from safeclip.failures.texts import read_texts

    texts = tuple(read_texts(queries)) if queries is not None else ()
    wanted = BuildOptions(
        tasks=tuple(options.tasks),
        source=queries.stem if queries is not None else "test",
        texts=texts,
        dial=options.dial,
        quadruplets=options.quadruplets,
        captioned=options.captioned,
        painted=options.painted,
        steps=options.steps,
    )
    return TableBuild(lab, wanted, options.work, progress).write(path)


def export(table: "FailureTable", options: argparse.Namespace) -> int:
    """Writes the failures of the columns that the flags name, worst first. Returns how many. Raises QueryError."""
    from safeclip.errors import QueryError
    from safeclip.failures.export import to_csv, to_jsonl
    from safeclip.failures.slices import Filter
    from safeclip.runtime.atomic_files import write_atomically

    from ..failures.links import link_of

    writers = {".csv": to_csv, ".jsonl": to_jsonl}
    write = writers.get(options.export.suffix)
    if write is None:
        raise QueryError(f"{options.export}: an export ends in {' or '.join(writers)}.")
    known = table.provenance.columns
    if options.seat and options.seat not in known:
        raise QueryError(f"The table has no column “{options.seat}”. Its columns are {', '.join(known)}.")
    seats = [options.seat] if options.seat else list(known)
    rows = [row for seat in seats for row in table.rows(table.select(Filter(seat, kind=options.kind)))]
    write_atomically(options.export, write(rows, table.provenance, link_of).encode())
    return len(rows)


def summary(table: "FailureTable") -> str:
    """A line for each column and task: the failures of each kind among the questions asked."""
    from safeclip.failures.slices import Filter

    lines = []
    for seat, label in table.provenance.columns.items():
        for task in table.values("task"):
            counts = {}
            for kind in table.values("kind"):
                shares = table.shares(Filter(seat, task, kind=kind), by="task")
                counts[kind] = sum(share.failed for share in shares)
                asked = sum(share.n for share in shares)
            said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "no failure"
            if counts and asked:
                lines.append(f"{label}, {task}, {asked:,} questions: {said}")
    return "\n".join(lines)
