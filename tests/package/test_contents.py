"""The installed package: its names, its data and its imports. Nothing is built here; `test_wheel.py` builds."""

import ast
import zlib
from pathlib import Path

import pytest

from tests.package.distribution import ROOT, Installed, installed_files, source_files

NAMES = {
    "safeclip": "safeclip",
    "safeclip_demo": "demo",
    "safeclip_index": "index_builder",
    "safeclip_train": "training",
    "safeclip_zoo": "zoo",
}
MAX_BYTES = 95_000_000  # of the wheel; the package index takes 100 MB


@pytest.fixture(scope="module")
def files() -> list[Installed]:
    return installed_files()


def test_only_names_that_begin_with_safeclip_are_installed(files):
    assert {file.place.partition("/")[0] for file in files} == set(NAMES)


def test_every_file_of_the_packages_is_installed_where_its_folder_goes(files):
    expected = {
        f"{name}/{path.relative_to(ROOT / folder).as_posix()}": path
        for name, folder in NAMES.items()
        for path in source_files(folder)
    }
    assert {file.place: file.source for file in files} == expected


def test_the_wheel_is_small_enough_for_the_package_index(files):
    assert sum(len(zlib.compress(file.source.read_bytes(), 1)) for file in files) < MAX_BYTES


def imports_of(path: Path) -> list[str]:
    """The absolute imports of a module, those inside functions included."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module)
    return names


@pytest.mark.parametrize("folder", ["demo", "index_builder", "training"])
def test_a_package_that_is_installed_under_another_name_imports_itself_relatively(folder):
    for path in source_files(folder):
        if path.suffix == ".py":
            assert folder not in {name.partition(".")[0] for name in imports_of(path)}, path
