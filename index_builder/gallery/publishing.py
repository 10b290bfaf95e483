"""Publishes a finished import: its files, the list of what was left out, the record of the source, and the card."""

from __future__ import annotations

import contextlib
import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from yaml import YAMLError

from safeclip.retrieval.gallery import licenses_of
from safeclip.runtime.atomic_files import sync_folder, write_atomically

from ..errors import BuildError
from ..sources.base import Source, printable
from .files import CARD, QUARANTINE, SOURCES
from .front_matter import CONFIGS, front_matter
from .import_state import ImportState


def publish(state: ImportState, spec: str, source: Source, license: str) -> None:
    """Moves an import into its gallery. Every step may be repeated, so that a crash inside does no harm."""
    gallery, spec = state.gallery, printable(spec)
    state.publish_files()
    sync_folder(gallery / "data")
    left_out = [asdict(each) for piece in state.pieces for each in piece.left_out]
    _replace_lines(gallery / QUARANTINE, {"source": spec}, [{"source": spec, **each} for each in left_out])
    about = {
        "source": spec,
        "first_file": state.first,
        "origin": printable(source.origin),
        "license": license or source.license,
        "counts": dict(state.counts),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    _replace_lines(gallery / SOURCES, {"source": spec, "first_file": state.first}, [about])
    _write_card(gallery, license or source.license)
    state.end()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON lines file, none when there is no file. Raises BuildError for a damaged line."""
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n") if path.exists() else (), start=1):
        try:
            if line:
                found.append(dict(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            raise BuildError(
                f"{path}, line {number}: this is not a JSON object ({error}). Correct that line, or delete it."
            ) from error
    return found


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    """Writes a JSON lines file; without lines there is no file."""
    if lines:
        write_atomically(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    else:
        path.unlink(missing_ok=True)


def _replace_lines(path: Path, key: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    kept = [line for line in read_lines(path) if not key.items() <= line.items()]
    write_lines(path, kept + lines)


def _write_card(gallery: Path, license: str) -> None:
    """Writes the card of a new gallery; into that of another one, a licence that it does not name yet.

    A card whose front matter cannot be read stays as it is.
    """
    path = gallery / CARD
    if not path.exists():
        write_atomically(path, _card(printable(gallery.name), license).encode())
        return
    known = licenses_of(gallery)
    if license and license not in known:
        from huggingface_hub import RepoCard  # takes a while to import

        with contextlib.suppress(ValueError, YAMLError):
            card = RepoCard(path.read_text(encoding="utf-8"))
            card.data["license"] = [*known, license] if known else license
            write_atomically(path, str(card).encode())


def _card(name: str, license: str) -> str:
    front = front_matter({"license": license, "configs": CONFIGS})
    return f"{front}\n# {name}\n\nImported images; {SOURCES} says from where.\n"
