"""The wheel, built and installed into a new virtual environment that takes its libraries from the current one."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.package.distribution import ROOT, installed_files
from tests.package.test_contents import MAX_BYTES, NAMES

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]
BUILD_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SAFECLIP_ROOT")}
    return subprocess.run(command, cwd=cwd, env=environment | variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, as setuptools leaves its work beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for path in [*(file.source for file in installed_files()), *(ROOT / name for name in BUILD_FILES)]:
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    done = run(*build, cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """The bin directory of an environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    assert run(sys.executable, "-m", "venv", folder, cwd=folder).returncode == 0
    python = folder / "bin" / "python"
    done = run(python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return folder / "bin"


def test_the_wheel_holds_no_foreign_name_and_is_small(wheel):
    assert wheel.stat().st_size < MAX_BYTES
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith("/top_level.txt")]
        assert set(archive.read(metadata).decode().split()) == set(NAMES)


def test_the_library_answers_from_an_empty_folder(environment, tmp_path):
    code = "import safeclip; print(safeclip.open('emoji').retrieval.compare('a dog', k=3)['safe'].hits)"
    done = run(environment / "python", "-W", "error::UserWarning", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Hit(id=") == 3 and not list(tmp_path.iterdir())


def test_the_page_can_run_from_an_empty_folder(environment, tmp_path):
    done = run(environment / "safeclip-demo", "--check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It can run" in done.stdout


def test_the_index_in_the_wheel_is_verified_from_an_empty_folder(environment, tmp_path):
    done = run(environment / "safeclip-index", "verify", "--seats", "original", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAULT" not in done.stdout


def test_a_command_tells_the_extra_that_it_lacks(environment, tmp_path):
    """A module of the same name that cannot be imported stands for a gradio that is not installed."""
    (tmp_path / "gradio.py").write_text("raise ModuleNotFoundError(\"No module named 'gradio'\", name='gradio')\n")
    done = run(environment / "safeclip-demo", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == ("safeclip-demo: gradio is not installed: pip install 'safeclip-lab[demo]'")
