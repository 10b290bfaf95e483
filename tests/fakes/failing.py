"""A lab with a table of failures of its own."""

from dataclasses import replace
from pathlib import Path

import safeclip
from safeclip.failures.build import BuildOptions, TableBuild
from safeclip.profiles import FailuresSpec


def with_failures(lab: "safeclip.Lab", folder: Path) -> "safeclip.Lab":
    """A lab of the same profile whose table, blends towards "ours" included, lies in `folder`."""
    path = folder / "table.parquet"
    TableBuild(lab, BuildOptions(dial="ours"), folder).write(path)
    return safeclip.open(replace(lab.profile, failures=FailuresSpec(str(path))))
