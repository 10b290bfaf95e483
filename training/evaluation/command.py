"""Command line of the evaluations: shared arguments, messages, and the metrics file that they write."""

import argparse
import datetime
import json
import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from safeclip.errors import SafeClipError, first_line
from safeclip.paths import resolve
from safeclip.runtime.atomic_files import write_atomically

from .tables import Table

METRICS = "zoo/metrics.json"
log = logging.getLogger(__name__)

INTERRUPTED = 130  # as a shell has it
_FIGURE = re.compile(r'\{\s+"mean": [^{}]*\}')  # with its interval: it takes one line of the file


def build_parser(
    doc: str | None, quadruplets: int, where: str = "from the start of the gallery"
) -> argparse.ArgumentParser:
    """The arguments that every evaluation has; `quadruplets` is how many it looks at by default, `where` says which."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--quadruplets", type=int, default=quadruplets, help=f"N, {where}")
    parser.add_argument("--output", type=Path, help=f"metrics file (default: {METRICS})")
    return parser


def provenance(module: str, **given: object) -> dict[str, str]:
    """The command that gives the figures again, and today's date. `given` are its options: None, a value, or a list."""
    parts = ["python", "-m", f"training.evaluation.{module}"]
    for name, value in given.items():
        if value is not None:
            parts += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return {"command": shlex.join(parts), "date": datetime.date.today().isoformat()}


def changed(parser: argparse.ArgumentParser, options: argparse.Namespace, names: Iterable[str]) -> dict[str, object]:
    """Those of the options `names` that are not the default."""
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value != parser.get_default(name)}


def run(
    program: str, output: Path | None, measure: Callable[[], dict], tables: Callable[[dict], Iterable[Table]]
) -> int:
    """Measures, prints the tables and adds the figures to the metrics file. Returns the exit status."""

    def action() -> None:
        result = measure()
        for table in tables(result):
            print(table.text(), end="\n\n")
        merge_into(output or resolve(METRICS), result)

    return guarded(program, action)


def guarded(program: str, action: Callable[[], None]) -> int:
    """Runs `action`; an error that a user can meet becomes one line on stderr and exit status 1, Ctrl-C status 130.

    A KeyboardInterrupt may bring the line to print.
    """
    try:
        action()
    except (SafeClipError, ValueError, RuntimeError, OSError) as error:
        log.debug("where it was raised", exc_info=True)
        print(f"{program}: {_sentence(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(str(stop) or "Stopped. Give the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _sentence(error: Exception) -> str:
    if isinstance(error, SafeClipError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: this file or folder cannot be used ({error.strerror})."
    if isinstance(error, torch.OutOfMemoryError):
        advice = "choose smaller batches, or rows_at_once in the recipe"
        return f"The device's memory is full; {advice} ({first_line(error)})."
    return str(error)


def merge_into(path: Path, result: dict) -> None:
    """Writes the figures into a metrics file, whole or not at all; what other evaluations wrote there stays."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    text = json.dumps({**known, **result}, indent=2)
    text = _FIGURE.sub(lambda figure: " ".join(figure[0].split()), text)
    write_atomically(path, (text + "\n").encode())
