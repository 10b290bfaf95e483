"""Starts several processes of the page and nginx before them, replaces one that ends, and ends them all."""

import logging
import math
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..serving import GRACE, HEALTH, told_to_end
from .balancer import configuration, find_nginx

if TYPE_CHECKING:
    from ..settings import Settings

log = logging.getLogger(__name__)

NO_NGINX = (
    "--processes needs nginx before the processes, and there is none. Install it (Debian: apt install nginx-light), "
    "or leave --processes out."
)
SHARED = "--share opens a link to one process. Leave --share or --processes out."
_LOOK = 0.2  # seconds between two looks at the processes
_END = GRACE + 3.0  # seconds in which a process may end


def serve_several(settings: "Settings") -> None:
    """Serves the page from `settings.processes` processes until this one is told to end.

    Raises OSError where there is no nginx, and where a process or nginx does not come up.
    """
    nginx = find_nginx()
    if nginx is None:
        raise OSError(NO_NGINX)
    if settings.share:
        raise OSError(SHARED)
    told = told_to_end()
    with tempfile.TemporaryDirectory(prefix="safeclip-") as folder:
        ports = free_ports(settings.processes)
        with _running([_page_command(port) for port in ports]) as pages:
            if not _are_up(ports, pages, told):
                return
            path = Path(folder) / "nginx.conf"
            text = configuration(settings.host, settings.port, ports, Path(folder), settings.max_upload_mb)
            path.write_text(text, encoding="utf-8")
            with _running([[nginx, "-e", "stderr", "-c", str(path)]]) as balancers:
                print(f"{settings.processes} processes answer at http://{settings.host}:{settings.port}", flush=True)
                _watch(pages, balancers[0], told)


def _page_command(port: int) -> list[str]:
    """The command of this process, for one that serves the page alone, at another port."""
    own = ["--processes", "1", "--host", "127.0.0.1", "--port", str(port), "--no-open-browser"]
    return [sys.executable, *sys.orig_argv[1:], *own]


@contextmanager
def _running(commands: Sequence[Sequence[str]]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Processes that are ended with the block. Ctrl-C reaches this process alone, which ends them in order."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes += map(_start, commands)
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def _are_up(ports: Sequence[int], pages: Sequence["subprocess.Popen[bytes]"], told: threading.Event) -> bool:
    """Waits until all pages take questions; False when this process is told to end. Raises OSError when one ends."""
    waiting = list(ports)
    while waiting and not told.wait(_LOOK):
        if any(page.poll() is not None for page in pages):
            raise OSError("A process of the page did not come up; what it said stands above.")
        waiting = [port for port in waiting if not _takes_questions(port)]
    return not told.is_set()


def _takes_questions(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{HEALTH}", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _watch(pages: list["subprocess.Popen[bytes]"], balancer: "subprocess.Popen[bytes]", told: threading.Event) -> None:
    """Replaces pages that end, until this process is told to. Raises OSError when the balancer ends, or a page soon."""
    replaced = [-math.inf] * len(pages)  # when each was last
    while not told.wait(_LOOK):
        if balancer.poll() is not None:
            raise OSError("nginx ended; what it said stands above.")
        for number, page in enumerate(pages):
            if page.poll() is None:
                continue
            if time.monotonic() - replaced[number] < _END:
                raise OSError("A process of the page ended twice within seconds; what it said stands above.")
            log.error("process %d of the page ended with status %s and is started again", number, page.returncode)
            pages[number], replaced[number] = _start(page.args), time.monotonic()  # type: ignore[arg-type]


def free_ports(count: int) -> list[int]:
    """So many different ports of this machine that nobody listens on."""
    with ExitStack() as open_probes:
        probes = [open_probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    (port,) = free_ports(1)
    return port
