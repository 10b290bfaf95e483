"""Content hashes, which identify gallery items, index files and encoders."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from .errors import CheckpointError

_CHUNK = 1 << 20
_CONTENT_ID = re.compile("[0-7][0-9a-f]{15}")
_DECIDING = {".json", ".jinja", ".safetensors", ".bin", ".pt", ".pth"}
_RECORDS = {"training.json", "metrics.json"}  # of how a model was trained and measured: they decide nothing


def content_id(content: bytes | str) -> str:
    """Hashes `content` (text as UTF-8) to 16 hex digits: the first 64 bits of its SHA-256, the top bit cleared.

    So the number fits a signed 64-bit integer, which is what an index stores beside a vector.
    """
    data = content.encode() if isinstance(content, str) else content
    number = int.from_bytes(hashlib.sha256(data).digest()[:8], "big") & (2**63 - 1)
    return f"{number:016x}"


def is_content_id(value: object) -> bool:
    """Whether a value is what `content_id` gives."""
    return isinstance(value, str) and _CONTENT_ID.fullmatch(value) is not None


def file_sha256(path: str | Path) -> str:
    """Hashes a file by SHA-256, in hex; it is read in pieces of a megabyte."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def json_sha256(value: Any) -> str:
    """Hashes a value by the SHA-256, in hex, of its canonical JSON: keys sorted, no spaces, UTF-8.

    A path whose bytes are no UTF-8 is hashed by its bytes.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogateescape")).hexdigest()


def _decides(path: Path) -> bool:
    return path.name == "merges.txt" or (path.suffix in _DECIDING and path.name not in _RECORDS)


def checkpoint_hashes(folder: Path) -> list[str]:
    """Hashes every file of a checkpoint that decides what it computes, those in subfolders included, by SHA-256.

    Raises CheckpointError where there are none.
    """
    found = (path for path in folder.rglob("*") if _decides(path))
    hashes = [file_sha256(path) for path in sorted(found)]
    if not hashes:
        raise CheckpointError(f"{folder}: there is no checkpoint here. Correct its path in the profile.")
    return hashes
