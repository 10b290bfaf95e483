"""A hub that takes uploads: the requests of the real client that make a repository and commit files to it."""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.fakes.hub import http_server


class UploadHub:
    """`created` are the bodies of requests for a repository, `files` what was committed, by its path.

    `public` says that the repository was there before and is public. `asked` are the paths of all requests; `refused`
    is set once one was answered with an error.
    """

    def __init__(self) -> None:
        self.address = ""
        self.refuses = ""  # a message, to answer every request with an error
        self.refused = threading.Event()
        self.asked: list[str] = []
        self.created: list[dict] = []
        self.public = False  # of a repository that was there before
        self.files: dict[str, bytes] = {}

    def answer(self, path: str, body: bytes) -> tuple[int, dict | list]:
        self.asked.append(path)
        if self.refuses:
            self.refused.set()
            return 403, {"error": self.refuses}
        parts = urlsplit(path).path.strip("/").split("/")
        if parts == ["api", "repos", "create"]:
            self.created.append(json.loads(body))
            return 200, {"url": f"{self.address}/datasets/me/mine"}
        if parts[-2:-1] == ["preupload"]:
            asked = json.loads(body)["files"]
            return 200, {"files": [{**file, "uploadMode": "regular", "shouldIgnore": False} for file in asked]}
        if parts[-2:-1] == ["commit"]:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del self.files[line["value"]["path"]]
            url = f"{self.address}/datasets/me/mine/commit/{'0' * 40}"
            return 200, {"commitUrl": url, "commitOid": "0" * 40, "pullRequestUrl": None}
        if "tree" in parts:
            listed = [{"type": "file", "path": path, "size": len(data)} for path, data in self.files.items()]
            return 200, [{**each, "oid": "0" * 40} for each in listed]
        made = {"name": "me", "id": "me/mine", "private": not self.public}
        return 200, {**made, "siblings": [], "sha": "0" * 40, "errors": [], "warnings": []}


@contextlib.contextmanager
def serve_uploads() -> Iterator[UploadHub]:
    """Serves an empty hub on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, reply = served.answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            content = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    served = UploadHub()
    with http_server(Handler) as served.address:
        yield served
