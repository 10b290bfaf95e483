"""Compresses the page and Gradio's own files as small as they get, once for all visitors."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware

from safeclip.runtime.recently_used import RecentlyUsed

App = Callable[[Any, Any, Any], Awaitable[None]]
Message = MutableMapping[str, Any]

QUALITY = 10  # of 11: Gradio compresses each file anew at 4, which is 12 % more bytes
SMALLEST = 400  # bytes; less is sent as it is
_KEPT = 512  # bodies
_PAGES = ("/", "/config")
_FILES = (".js", ".css")


class PageCompression:
    """Sends the page and its scripts and styles in Brotli, and the page in gzip to a browser without that.

    Brotli sees an image that stands in three columns as one. A compressed body is kept by the hash of what it was made
    of, so that a crowd costs one compression.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app, minimum_size=SMALLEST)
        self._kept: RecentlyUsed[bytes] = RecentlyUsed(_KEPT)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        page, file = path in _PAGES, path.endswith(_FILES)
        if scope["type"] != "http" or scope["method"] != "GET" or not (page or file):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "br" in headers.get("accept-encoding", "") and "range" not in headers:
            await self._app(_uncompressed(scope), receive, _Compressed(self._compress, send))
        elif page:
            await self._gzip(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _compress(self, body: bytes) -> bytes:
        key = hashlib.sha256(body).digest()
        return self._kept.get(key, lambda: brotli.compress(body, mode=brotli.MODE_TEXT, quality=QUALITY))


class _Compressed:
    """Gathers the messages of a response, and sends them on with a compressed body."""

    def __init__(self, compress: Callable[[bytes], bytes], send: Any) -> None:
        self._compress = compress
        self._send = send
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        body, headers = bytes(self._body), MutableHeaders(raw=self._start["headers"])
        if len(body) >= SMALLEST and "content-encoding" not in headers:
            body = await asyncio.to_thread(self._compress, body)
            headers["Content-Encoding"] = "br"
            headers["Content-Length"] = str(len(body))
            headers.add_vary_header("Accept-Encoding")
        await self._send(self._start)
        await self._send({**message, "body": body})


def _uncompressed(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    """The request as of a browser that takes no compression, for what stands behind."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "headers": headers}
