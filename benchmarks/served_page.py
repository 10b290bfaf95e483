"""Starts the page in a process of its own, as a visitor's machine does."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.processes.supervisor import free_port

ROOT = Path(__file__).parent.parent
START_LIMIT = 120  # seconds


@dataclass(frozen=True)
class ServedPage:
    """A page that answers at `url`, `seconds` after its command was started, from the process `pid`."""

    url: str
    seconds: float
    pid: int


@contextmanager
def served_page(profile: str, *flags: str) -> Iterator[ServedPage]:
    """Serves a profile's page until the block ends. Raises SystemExit when it does not start."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    started = time.perf_counter()
    port = free_port()
    command = [sys.executable, "app.py", "--profile", profile, "--port", str(port), *flags]
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as app:
        try:
            _wait_for(url, app, started)
            yield ServedPage(url, time.perf_counter() - started, app.pid)
        finally:
            app.terminate()


def _wait_for(url: str, app: "subprocess.Popen[bytes]", started: float) -> None:
    while time.perf_counter() - started < START_LIMIT:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                page.read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        if app.poll() is not None:
            raise SystemExit("the app did not start")
    raise SystemExit(f"the page was not up after {START_LIMIT} s")
