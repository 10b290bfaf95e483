"""Pages for tests to visit, and the context and tabs that tests look at without a browser."""

import asyncio
import contextlib
import dataclasses
import subprocess
import time
import urllib.request
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
from gradio_client import Client

import demo
from demo.common.context import PageContext
from demo.common.tab import TaskTab
from demo.common.task import Task
from demo.processes.supervisor import free_port
from demo.settings import Settings


def context_of(lab, **options) -> PageContext:
    """The context that a page of this lab with these settings gives its tasks."""
    return PageContext(lab, Settings(**options))


def tab_of(task: Task, lab, making=None, **options) -> TaskTab:
    """A task's tab, built inside a page that nobody serves; `making` is that of its index."""
    context = dataclasses.replace(context_of(lab, **options), making=making)
    service = task.service(context)
    with gr.Blocks(), gr.Tabs() as tabs, gr.Tab(task.title, id=task.key):
        return task.tab(context, service, task.view(context, service), tabs)


def in_own_loop(coroutine: Coroutine):
    """Runs a coroutine in a thread of its own: a test with a browser, run before, keeps a loop in the main one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def client_of(url: str) -> Client:
    """A client of a page that may answer slowly, where other tests need the machine: httpx gives up after 5 seconds."""
    return Client(url, verbose=False, httpx_kwargs={"timeout": 60})


def wait_for_page(url: str, app: subprocess.Popen, seconds: float) -> None:
    """Waits until the page of another process answers."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        assert app.poll() is None and time.monotonic() < deadline, "the page is not up"
        time.sleep(0.2)


def wait_for_answer(client: Client, seconds: float, **query) -> dict:
    """Asks /retrieve until there is an index to search."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return client.predict(**query, api_name="/retrieve")
        except Exception as error:
            assert "index is being made" in str(error) and time.monotonic() < deadline, error
            time.sleep(1)


def serve(lab, making=None, **options):
    """The page of a lab on a free port, and its address; the test closes the page."""
    settings = Settings(port=free_port(), **options)
    page = demo.build(lab, settings, making)
    _, url, _ = demo.launch(page, settings, prevent_thread_lock=True, quiet=True)
    return page, url
