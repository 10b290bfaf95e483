"""Command line of the evaluations: shared arguments, messages, and the metrics file that they write."""

import argparse
import datetime
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from safeclip.errors import SafeClipError
from safeclip.paths import resolve

from .tables import Table

METRICS = "zoo/metrics.json"
_FIGURE = re.compile(r'\{\s+"mean": [^{}]*\}')  # with its interval: it takes one line of the file


def build_parser(doc: str | None, quadruplets: int) -> argparse.ArgumentParser:
    """The arguments that every evaluation has; `quadruplets` is how many it looks at by default."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--quadruplets", type=int, default=quadruplets, help="N, from the start of the gallery")
    parser.add_argument("--output", type=Path, help=f"metrics file (default: {METRICS})")
    return parser


def provenance(module: str, profile: str, **changed: object) -> dict[str, str]:
    """The command that gives the figures again, and today's date. `changed` are options, None where not given."""
    options = "".join(f" --{name} {value}" for name, value in changed.items() if value is not None)
    return {
        "command": f"python -m training.evaluation.{module} --profile {profile}{options}",
        "date": datetime.date.today().isoformat(),
    }


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
    """Runs `action`; an error that a user can meet becomes one line on stderr and exit status 1."""
    try:
        action()
    except (SafeClipError, ValueError, RuntimeError, OSError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0


def merge_into(path: Path, result: dict) -> None:
    """Writes the figures into a metrics file; what other evaluations wrote there stays."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    text = json.dumps({**known, **result}, indent=2)
    path.write_text(_FIGURE.sub(lambda figure: " ".join(figure[0].split()), text) + "\n", encoding="utf-8")
