"""A table of failures over the tiny world, built once."""

from pathlib import Path

import pytest

from safeclip.failures.build import BuildOptions, TableBuild
from safeclip.failures.slices import FailureTable
from safeclip.failures.table import StoredTable


@pytest.fixture(scope="session")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("failures")


@pytest.fixture(scope="session")
def stored(tiny_lab, work) -> StoredTable:
    return TableBuild(tiny_lab, BuildOptions(dial="ours"), work).write(work / "tiny.parquet")


@pytest.fixture(scope="session")
def table(stored) -> FailureTable:
    return FailureTable(stored)
