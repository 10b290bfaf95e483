"""A page without models, to be started as a script: one process that says who it is, or several behind nginx.

python -m tests.demo.processes.several_pages --port 7860 --processes 2 [--broken]
"""

import argparse
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.processes import supervisor
from demo.settings import Settings


class Who(BaseHTTPRequestHandler):
    """Answers every request with the number of this process and what it was told of the visitor."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = {name: self.headers.get(name) for name in ("Host", "X-Forwarded-For", "X-Forwarded-Proto")}
        self._reply({"pid": os.getpid(), **told})

    def _reply(self, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answers with the number of bytes that arrived."""
        length = int(self.headers["Content-Length"])
        self._reply({"pid": os.getpid(), "bytes": len(self.rfile.read(length))})

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def serve_alone(port: int) -> None:
    """Serves until the process is told to end."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Who)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("port", "processes"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--host")
    parser.add_argument("--broken", action="store_true", help="a process alone ends at once")
    parser.add_argument("--no-open-browser", action="store_true")
    options = parser.parse_args()
    if options.processes == 1 and options.broken:
        return 3
    if options.processes == 1:
        serve_alone(options.port)
        return 0
    try:
        supervisor.serve_several(Settings(processes=options.processes, port=options.port))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
