"""Runs the benchmarks, each way beside its baseline, and writes their table into docs/results.md.

    python -m benchmarks [retrieval] [captioning] [generation] [training] [indexing] [faiss]
    python -m benchmarks --table

Without names all run, for some twenty minutes on two cores. What each measured is kept in `measured.json` beside this
file, from which the table is written; `--table` measures nothing. What a large index costs stands in docs/scaling.md.
"""

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import safeclip
from benchmarks.table import page

MEASURED = Path(__file__).with_name("measured.json")
PAGE = Path(__file__).parents[1] / "docs" / "results.md"
RUNS = {
    "retrieval": ["benchmarks.retrieval"],
    "captioning": ["benchmarks.captioning"],
    "generation": ["benchmarks.generation"],
    "training": ["benchmarks.released_loop.step", "--batch", "8", "--repeats", "2"],
    "indexing": ["index_builder.measuring.contest", "--images", "3840", "--rounds", "3", "--ways", "stages", "loop"],
    "faiss": ["index_builder.measuring.large_indexes", "--rows", "200000", "--kinds", "flat16", "ivf-flat"],
}


def run(name: str) -> dict:
    """Runs a benchmark; returns its figures. Raises SystemExit when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        done = subprocess.run([sys.executable, "-m", *RUNS[name], "--json", str(file)])
        if done.returncode or not file.is_file():
            raise SystemExit(f"the benchmark “{name}” failed")
        figures = json.loads(file.read_text(encoding="utf-8"))
    today = datetime.date.today().isoformat()
    return {"date": today, "version": safeclip.__version__, "machine": platform.machine(), "figures": figures}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(RUNS)}")
    parser.add_argument("--table", action="store_true", help="write the table of what was measured before")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in RUNS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from: {', '.join(RUNS)}")
    measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    for name in () if options.table else options.names or RUNS:
        measured[name] = run(name)
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")


if __name__ == "__main__":
    main()
