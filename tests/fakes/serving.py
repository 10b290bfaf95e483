"""Pages for tests to visit, and the context and tabs that tests look at without a browser."""

import socket

import gradio as gr

import demo
from demo.common.context import PageContext
from demo.common.tab import TaskTab
from demo.common.task import Task
from demo.settings import Settings


def context_of(lab, **options) -> PageContext:
    """The context that a page of this lab with these settings gives its tasks."""
    return PageContext(lab, Settings(**options))


def tab_of(task: Task, lab, **options) -> TaskTab:
    """A task's tab, built inside a page that nobody serves."""
    context = context_of(lab, **options)
    service = task.service(context)
    with gr.Blocks(), gr.Tabs() as tabs, gr.Tab(task.title, id=task.key):
        return task.tab(context, service, task.view(context, service), tabs)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(lab, **options):
    """The page of a lab on a free port, and its address; the test closes the page."""
    settings = Settings(port=free_port(), **options)
    page = demo.build(lab, settings)
    _, url, _ = demo.launch(page, settings, prevent_thread_lock=True, quiet=True)
    return page, url
