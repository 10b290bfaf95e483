"""Several processes behind nginx: a visitor stays with one, one that ends is replaced, and all end together."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from demo import cli
from demo.processes import supervisor
from demo.processes.balancer import COOKIE, configuration, find_nginx
from demo.processes.supervisor import free_port, free_ports
from demo.settings import Settings
from safeclip.errors import ProfileError
from safeclip.profiles import load_profile
from tests.fakes.serving import wait_for_page
from tests.package.distribution import ROOT

needs_nginx = pytest.mark.skipif(find_nginx() is None, reason="nginx is not installed")


def start(*flags: str, port: int) -> subprocess.Popen:
    page = [sys.executable, "-m", "tests.demo.processes.several_pages"]
    return subprocess.Popen(
        [*page, "--port", str(port), "--processes", "2", *flags], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def several():
    """The address of two processes, and the one that watches them."""
    port = free_port()
    parent = start(port=port)
    wait_for_page(f"http://127.0.0.1:{port}/health", parent, 60)
    yield f"http://127.0.0.1:{port}", parent
    parent.terminate()
    parent.wait(30)


def get(url: str, **headers: str):
    """What the process that answered says of itself, and the cookie that came with it."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        cookie = (answer.headers["Set-Cookie"] or "").partition(";")
        return json.load(answer), cookie[0], cookie[2]


@needs_nginx
def test_visitors_are_shared_evenly_and_stay_where_their_page_came_from(several):
    url, _ = several
    visitors = [get(f"{url}/") for _ in range(8)]
    assert sorted(Counter(told["pid"] for told, _, _ in visitors).values()) == [4, 4]
    for told, cookie, attributes in visitors:
        assert cookie.startswith(COOKIE) and "SameSite=Lax" in attributes and "HttpOnly" in attributes
        assert {get(f"{url}/gradio_api/{n}", Cookie=cookie)[0]["pid"] for n in range(4)} == {told["pid"]}


@needs_nginx
def test_programs_without_cookies_stay_with_one_process_by_their_address(several):
    url, _ = several
    addresses = {f"10.0.0.{n}": get(f"{url}/call", **{"X-Forwarded-For": f"10.0.0.{n}"})[0]["pid"] for n in range(20)}
    assert len(set(addresses.values())) == 2
    for address, pid in addresses.items():
        assert get(f"{url}/call/event", **{"X-Forwarded-For": address})[0]["pid"] == pid


@needs_nginx
def test_an_upload_arrives_whole_and_one_that_no_page_would_take_is_refused(several):
    url, _ = several
    upload = urllib.request.Request(f"{url}/gradio_api/upload", data=bytes(19 << 20), method="POST")
    with urllib.request.urlopen(upload, timeout=10) as answer:
        assert json.load(answer)["bytes"] == 19 << 20
    upload.data = bytes(22 << 20)
    with pytest.raises((urllib.error.HTTPError, ConnectionError, urllib.error.URLError)):
        urllib.request.urlopen(upload, timeout=10)


@needs_nginx
def test_a_process_learns_who_asks_and_how(several):
    url, _ = several
    outside = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Host": "demo.example"}
    told, _, attributes = get(f"{url}/", **outside)
    assert {name: told[name] for name in outside} == outside
    assert all(each in attributes for each in ("SameSite=None", "Secure", "Partitioned"))


@needs_nginx
def test_one_that_ends_is_replaced_and_its_visitors_are_answered_meanwhile(several):
    url, parent = several
    gone, cookie, _ = get(f"{url}/")
    process = psutil.Process(gone["pid"])
    process.kill()
    with suppress(psutil.NoSuchProcess):  # its parent may have seen it end already
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.005)
    told, other, _ = get(f"{url}/", Cookie=cookie)
    assert told["pid"] != gone["pid"]
    assert {cookie, other} == {f"{COOKIE}=0", f"{COOKIE}=1"}, "the cookie names who answered in the other's place"
    deadline = time.monotonic() + 30
    while len({get(f"{url}/")[0]["pid"] for _ in range(6)}) < 2:
        assert time.monotonic() < deadline and parent.poll() is None
        time.sleep(0.2)


@needs_nginx
def test_all_end_together():
    port = free_port()
    parent = start(port=port)
    wait_for_page(f"http://127.0.0.1:{port}/health", parent, 60)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) >= 4  # two pages, nginx and its worker
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(15) == 0
    assert not psutil.wait_procs(family, timeout=5)[1]


@needs_nginx
def test_one_that_does_not_come_up_is_said():
    parent = start("--broken", port=free_port())
    _, said = parent.communicate(timeout=60)
    assert parent.returncode == 1 and "did not come up" in said


@needs_nginx
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_nginx_takes_the_configuration(tmp_path, host):
    path = tmp_path / "nginx.conf"
    path.write_text(configuration(host, free_port(), [7001, 7002, 7003], tmp_path, 20))
    checked = subprocess.run([find_nginx(), "-t", "-e", "stderr", "-c", str(path)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_what_stands_in_the_way_is_said(monkeypatch):
    monkeypatch.setattr(supervisor, "find_nginx", lambda: "nginx")
    with pytest.raises(OSError, match="Leave --share"):
        supervisor.serve_several(Settings(processes=2, share=True))
    monkeypatch.setattr(supervisor, "find_nginx", lambda: None)
    with pytest.raises(OSError, match="apt install nginx-light"):
        supervisor.serve_several(Settings(processes=2))


def test_an_index_that_is_not_there_is_made_by_one_process_first(monkeypatch):
    monkeypatch.setattr("safeclip.index_making.is_due", lambda lab: True)
    monkeypatch.setattr("safeclip.index_making.searchable_rows", lambda lab: 0)
    with pytest.raises(ProfileError, match="start once without --processes"):
        cli.serve_several(load_profile("emoji"), Settings(processes=2))


def test_no_port_is_given_to_two_processes():
    assert all(len(set(free_ports(64))) == 64 for _ in range(20))
