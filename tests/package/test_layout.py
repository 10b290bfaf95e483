"""The package under the names that it has when installed: links stand for what a wheel unpacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.distribution import ROOT
from tests.package.test_contents import NAMES


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder like site-packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name, source in NAMES.items():
        (folder / name).symlink_to(ROOT / source, target_is_directory=True)
    return folder


def run(code: str, site: Path, cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    cwd.mkdir()
    environment = os.environ | {"PYTHONPATH": str(site)} | variables
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_paths_of_a_profile_lead_to_the_installed_zoo_or_to_the_working_directory(site, tmp_path):
    code = "from safeclip.paths import resolve; print(*map(resolve, ('zoo/open-clip', 'my/gallery', 'zoo/mine')))"
    here = tmp_path / "empty"
    done = run(code, site, here)
    assert done.stdout.split() == [str(site / "safeclip_zoo" / "open-clip"), f"{here}/my/gallery", f"{here}/zoo/mine"]


def test_a_root_of_ones_own_wins_over_the_installed_zoo(site, tmp_path):
    code = "from safeclip.paths import resolve; print(resolve('zoo/open-clip'))"
    done = run(code, site, tmp_path / "empty", SAFECLIP_ROOT=str(tmp_path))
    assert done.stdout == f"{tmp_path}/zoo/open-clip\n"


def test_a_repository_whose_owner_is_named_zoo_is_the_installed_zoo(site, tmp_path):
    code = "from safeclip.runtime.checkpoint_names import is_repository as known; "
    code += "print(known('zoo/none'), known('openai/clip'))"
    assert run(code, site, tmp_path / "empty").stdout == "False True\n"


def test_the_page_can_run_under_its_installed_name(site, tmp_path):
    code = "import sys; from safeclip import commands; sys.exit(commands.demo())"
    done = run(code, site, tmp_path / "empty", "--check")
    assert done.returncode == 0 and "It can run: safeclip-demo --profile emoji" in done.stdout, done.stderr
