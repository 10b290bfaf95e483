"""A page for a test to visit."""

import socket

import demo
from demo.settings import Settings


def serve(lab, **options):
    """The page of a lab on a free port, and its address; the test closes the page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = Settings(port=probe.getsockname()[1], **options)
    page = demo.build(lab, settings)
    _, url, _ = demo.launch(page, settings, prevent_thread_lock=True, quiet=True)
    return page, url
