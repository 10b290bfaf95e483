"""State of an unfinished import: the pieces that are stored already, and how far the source was read for them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safeclip.runtime.atomic_files import write_atomically

from ..errors import BuildError
from ..store.append_log import AppendLog
from .files import next_number, numbered_part

FOLDER, STATE = "importing", "state.json"


@dataclass(frozen=True)
class LeftOut:
    """An item of the source that was not stored, and why."""

    file_name: str
    reason: str


@dataclass(frozen=True)
class Piece:
    """A finished piece of an import: what was done with the source's items up to `position`.

    Their rows are in `file`, None when there are none. `counts` maps an outcome to its number of items.
    """

    file: str | None
    position: int
    counts: dict[str, int]
    left_out: tuple[LeftOut, ...] = ()


class ImportState:
    """The folder `importing` of a gallery, present from the beginning of an import to its publication.

    `first` numbers the first file that the import adds to the gallery.
    """

    def __init__(self, gallery: Path, spec: str, fingerprint: str):
        """Opens the state of the import of `spec`, or begins one. Raises BuildError when another import is unfinished.

        When the source has changed meanwhile it is read from its beginning; what is stored already is recognised.
        """
        self.gallery = gallery
        self.folder = gallery / FOLDER
        path = self.folder / STATE
        begun = _begun(path)
        if begun and begun["spec"] != spec:
            raise BuildError(
                f"The import of {begun['spec']} into {gallery} was stopped before its end. Give that source again to "
                f"finish it, or delete {self.folder} to forget what it stored."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        remedy = f"Delete {self.folder}, and import the source again."
        self._log = AppendLog(self.folder / "pieces.jsonl", _parse, remedy)
        self.first: int = begun["first"] if begun else next_number(gallery)
        self.source_changed = begun is not None and begun["fingerprint"] != fingerprint
        if self.source_changed:
            rows = [piece for piece in self._log.records if piece.file]
            self._log.replace(replace(piece, position=0, counts={}, left_out=()) for piece in rows)
        if not begun or self.source_changed:
            state = {"spec": spec, "fingerprint": fingerprint, "first": self.first}
            write_atomically(path, json.dumps(state).encode())

    @property
    def pieces(self) -> list[Piece]:
        return self._log.records

    @property
    def position(self) -> int:
        """The number of items of the source that need not be read again."""
        return self.pieces[-1].position if self.pieces else 0

    @property
    def counts(self) -> Counter[str]:
        return sum((Counter(piece.counts) for piece in self.pieces), Counter())

    def next_path(self) -> Path:
        """Where the next piece's rows are to be written: behind all that are stored, whatever pieces have no file."""
        numbers = (int(Path(piece.file).stem) for piece in self.pieces if piece.file)
        return self.folder / f"{max(numbers, default=-1) + 1:05d}.parquet"

    def commit(self, piece: Piece) -> None:
        """Records a piece whose file is in place."""
        self._log.append(piece)

    def stored_files(self) -> list[Path]:
        """The files of the pieces, where they are now: unpublished, or published before a crash."""
        return [old if old.exists() else new for old, new in self._moves()]

    def publish_files(self) -> None:
        """Moves the pieces' files into the gallery, in order; may be repeated after a crash.

        Raises BuildError, before anything is moved, for a file of another in the place of one.
        """
        (self.gallery / "data").mkdir(exist_ok=True)
        moves = [(old, new) for old, new in self._moves() if old.exists()]
        if taken := next((new for _, new in moves if new.exists()), None):
            raise BuildError(
                f"{taken} has come while the import was stopped, which would write over it. Move that file away, then "
                "give the same command again."
            )
        for old, new in moves:
            old.rename(new)

    def end(self) -> None:
        """Forgets the import, when everything of it is published."""
        shutil.rmtree(self.folder)

    def _moves(self) -> list[tuple[Path, Path]]:
        names = [piece.file for piece in self.pieces if piece.file]
        return [
            (self.folder / name, numbered_part(self.gallery, self.first + place)) for place, name in enumerate(names)
        ]


def unfinished_source(gallery: Path) -> str | None:
    """The source whose import into a gallery was stopped before its end; None when there is none."""
    begun = _begun(gallery / FOLDER / STATE)
    return begun["spec"] if begun else None


def _begun(path: Path) -> dict[str, Any] | None:
    """The state that an import has written, None where there is none. Raises BuildError for one that is damaged."""
    if not path.exists():
        return None
    try:
        begun = json.loads(path.read_bytes())
        return {name: begun[name] for name in ("spec", "fingerprint", "first")}
    except (ValueError, TypeError, KeyError) as error:
        raise BuildError(
            f"{path} is damaged: this is not the state of an import ({error}). Delete {path.parent} to forget what the "
            "import stored, then give its command again."
        ) from error


def _parse(fields: dict[str, Any]) -> Piece:
    left_out = tuple(LeftOut(**each) for each in fields["left_out"])
    return Piece(**{**fields, "left_out": left_out})
