"""A model hub on this machine that the real client talks to, and the cache that such a client keeps on disk."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from safeclip.retrieval.gallery import license_of
from safeclip.runtime import network

SHA = "0123456789abcdef0123456789abcdef01234567"
CUT, BUSY = "cut half-way", "too many requests"
NO_HUB = "http://127.0.0.1:9"  # nobody listens to that port


class Hub:
    """Repositories by their id: a folder of files, or the error code that the hub answers with instead."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cache = Path()  # where its client keeps what it downloads
        self.repositories: dict[str, Path | str] = {}
        self.downloads: list[str] = []
        self.ranges: list[str] = []  # as clients asked for them, to go on with a file
        self.troubles: dict[str, list[str]] = {}  # file name → what befalls its next transfers: CUT or BUSY

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """A path as the hub's client asks for it → status, headers, body."""
        parts = unquote(urlsplit(path).path).strip("/").split("/")
        if parts == [""]:
            return 200, {}, b"hub"
        api = parts[0] == "api" and parts[1] in ("models", "datasets")
        if parts[0] == "datasets":  # of a dataset's files, not of its description
            parts = parts[1:]
        id = "/".join(parts[2:4] if api else parts[:2])
        folder = self.repositories.get(id, "RepoNotFound")
        rest = parts[4:] if api else parts[2:]
        if isinstance(folder, str):
            if folder == "GatedRepo" and api and rest[:1] != ["auth-check"]:  # what is in it may be known to all
                files = [{"type": "file", "path": "config.json", "size": 2, "oid": "0"}]
                about = {"id": id, "sha": SHA, "gated": "auto", "siblings": []}
                return 200, {}, json.dumps(files if rest[:1] == ["tree"] else about).encode()
            return (403 if folder == "GatedRepo" else 404), {"X-Error-Code": folder}, b"{}"
        files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
        if api and rest[:1] == ["revision"] and rest[1] not in ("main", SHA):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        if api and rest[:1] == ["tree"]:
            tree = _tree(folder, "/".join(rest[2:]), recursive="recursive=false" not in path.lower())
            return 200, {}, json.dumps(tree).encode()
        if api:
            siblings = [{"rfilename": name, "size": file.stat().st_size} for name, file in files.items()]
            about = {"id": id, "sha": SHA, "gated": False, "siblings": siblings}
            return 200, {}, json.dumps({**about, "cardData": {"license": license_of(folder)}}).encode()
        name = "/".join(rest[2:])
        if name not in files:
            return 404, {"X-Error-Code": "EntryNotFound"}, b"{}"
        return 200, {"ETag": f'"{name.replace("/", "-")}"', "X-Repo-Commit": SHA}, files[name].read_bytes()


def _tree(folder: Path, below: str, *, recursive: bool) -> list[dict]:
    """What the hub lists of a repository's folder: its files, or with `recursive` all files under it, and folders."""
    entries = []
    for entry in sorted((folder / below).glob("**/*" if recursive else "*")):
        about = {"type": "directory"} if entry.is_dir() else {"type": "file", "size": entry.stat().st_size}
        entries.append({**about, "path": entry.relative_to(folder).as_posix(), "oid": "0"})
    return entries


def _part(asked: str, headers: dict[str, str], content: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request for the bytes from some place on: "bytes=100-"."""
    start, _, end = asked.removeprefix("bytes=").partition("-")
    first, last = int(start), min(int(end or len(content)), len(content) - 1)
    return 206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first : last + 1]


@contextlib.contextmanager
def http_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serves on a free port of this machine; the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    often = 0.01  # s between its looks whether it shall end, which every test waits for
    threading.Thread(target=server.serve_forever, args=(often,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def serve_hub() -> Iterator[Hub]:
    """Serves a hub without repositories on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._reply(body=False)

        def do_GET(self) -> None:
            self._reply(body=True)

        def _reply(self, *, body: bool) -> None:
            status, headers, content = served.answer(self.path)
            trouble = ""
            if body and "/resolve/" in self.path:
                name = self.path.rsplit("/", 1)[-1]
                served.downloads.append(name)
                trouble = served.troubles[name].pop(0) if served.troubles.get(name) else ""
            if trouble == BUSY:
                status, headers, content = 429, {"Retry-After": "0"}, b"{}"
            asked = self.headers.get("Range")
            if body and asked and status == 200:
                served.ranges.append(asked)
                status, headers, content = _part(asked, headers, content)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(content[: len(content) // 2] if trouble == CUT else content)
            self.close_connection = bool(trouble)

        def log_message(self, *_: object) -> None:
            pass

    with http_server(Handler) as address:
        served = Hub(address)
        yield served


class HubCache:
    """The folder in which the hub's client keeps repositories: blobs, snapshots of links to them, and refs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def repository(self, id: str) -> Path:
        return self.folder / f"models--{id.replace('/', '--')}"

    def add(self, id: str, files: Path | Mapping[str, bytes], revision: str = "main", commit: str = SHA) -> Path:
        """Writes a repository as a finished download leaves it; returns the snapshot's folder."""
        if isinstance(files, Path):
            found = [path for path in files.rglob("*") if path.is_file()]
            files = {path.relative_to(files).as_posix(): path.read_bytes() for path in found}
        repository = self.repository(id)
        snapshot = repository / "snapshots" / commit
        for folder in (repository / "blobs", snapshot, repository / "refs"):
            folder.mkdir(parents=True, exist_ok=True)
        (repository / "refs" / revision).write_text(commit)
        for name, content in files.items():
            blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
            blob.write_bytes(content)
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            (snapshot / name).symlink_to(blob)
        return snapshot


def use_hub(monkeypatch: pytest.MonkeyPatch, address: str, cache: Path) -> HubCache:
    """Points everything that asks for the hub at `address`, and away from the user's cache."""
    import huggingface_hub.constants as constants

    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    network.forget_answers()
    return HubCache(cache)
