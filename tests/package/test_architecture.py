"""The shape of the code: which way imports point, whether types agree, and how large folders and files may grow."""

import os
import subprocess
import sys
from graphlib import TopologicalSorter

import grimp
import pytest

from tests.package.distribution import ROOT, source_files

PACKAGES = ("safeclip", "demo", "index_builder", "training", "benchmarks")
MAX_MODULES = 15  # of a folder, its __init__ apart
MAX_LINES = 400


def test_the_contracts_of_pyproject_are_kept():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_that_make_types_checks_agree():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_modules_import_each_other_in_a_circle():
    """Imports inside functions and for type checkers are counted, as grimp reads the syntax tree."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    assert len(graph.modules) > 200
    TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules}).prepare()


@pytest.mark.parametrize("top", [*PACKAGES, "tests"])
def test_folders_and_files_are_small(top):
    modules = [path for path in source_files(top) if path.suffix == ".py"]
    folders = {path.parent for path in modules}
    counts = {folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in modules}
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}
