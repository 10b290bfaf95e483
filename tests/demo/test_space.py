"""What a Space needs: the front matter, and an app that starts from a checkout it may not write to."""

import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.fakes.serving import client_of

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = shutil.ignore_patterns(
    ".git", ".venv", "runs", "my", "node_modules", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis"
)
# What gradio throws in a thread of its own where this package, which every Space has, is not installed.
HOT_RELOADING = "RuntimeError: `spaces` package is required to run hot-reloading in Spaces"
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def front_matter() -> dict:
    _, header, _ = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header)


def test_the_front_matter_is_whole():
    space = front_matter()
    assert space["sdk"] == "gradio" and (ROOT / space["app_file"]).is_file()
    assert space["sdk_version"] == version("gradio"), "the version that the tests run with"
    assert isinstance(space["python_version"], str), "3.10 without quotes would be the number 3.1"
    assert {space["colorFrom"], space["colorTo"]} <= COLOURS
    assert len(space["short_description"]) <= 60 and len(space["title"]) <= 60
    assert "not-for-all-audiences" in space["tags"]
    assert re.fullmatch(r"\d+(h|m)", space["startup_duration_timeout"])
    assert space["license"] == "apache-2.0" and space["disable_embedding"] is False
    assert space["suggested_hardware"] == "cpu-basic", "what the default profile needs"


def test_the_requirements_name_the_sdk_of_the_front_matter():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"gradio=={front_matter()['sdk_version']}" in lines


@pytest.fixture
def checkout(tmp_path):
    """A copy of what is pushed to a Space, which nobody may write to."""
    copy = Path(shutil.copytree(ROOT, tmp_path / "app", ignore=NOT_SHIPPED))
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    yield copy
    for path in (copy, *copy.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def state_of(folder: Path) -> dict[str, str]:
    """Every file and its content: root may write to what is read-only, so that it did not has to be looked up."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextlib.contextmanager
def started(python: str, checkout: Path, home: Path, limit: float):
    """app.py as a Space starts it: no terminal, the port in the environment, no flag; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/safe-clip",
        "SPACE_HOST": "somebody-safe-clip.hf.space",
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", ""),
    }
    log = home / "log"
    with log.open("wb") as output:
        app = subprocess.Popen(
            [python, "app.py"],
            cwd=checkout,
            env={name: value for name, value in environment.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + limit
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            assert app.poll() is None, f"the app ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"the page was not up in time:\n{log.read_text()}"
            time.sleep(0.2)
        yield address, log
    finally:
        app.terminate()
        app.wait(20)


def check_as_a_space(python: str, checkout: Path, home: Path, limit: float) -> None:
    before = state_of(checkout)
    with started(python, checkout, home, limit) as (address, log):
        client = client_of(address)
        answer = client.predict(query="a bomb on the beach", k=3, api_name="/retrieve")
        assert [len(seat["hits"]) for seat in answer["seats"].values()] == [3, 3, 3]
        assert client.predict(api_name="/profile")["profile"] == "emoji"
        said = log.read_text()
    assert set(re.findall(r"^\w+(?:Error|Exception): .*", said, re.MULTILINE)) <= {HOT_RELOADING}, said
    assert "Loading weights" not in said
    assert "0.0.0.0" in said, "the proxy of a Space is another machine"
    assert state_of(checkout) == before


@pytest.mark.slow
def test_it_starts_as_a_space_from_a_checkout_that_it_may_not_write_to(checkout, tmp_path):
    check_as_a_space(sys.executable, checkout, tmp_path / "home", limit=200)


@pytest.mark.full  # downloads all libraries
@pytest.mark.timeout(1500)
def test_the_requirements_alone_are_enough(checkout, tmp_path):
    """In an empty virtual environment, as a Space builds it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--requirement", checkout / "requirements.txt"]
    subprocess.run(install, check=True, stdin=subprocess.DEVNULL)
    check_as_a_space(python, checkout, tmp_path / "home", limit=400)
