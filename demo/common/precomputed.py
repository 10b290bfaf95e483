"""Precomputed answers of a profile's models to the examples, in files of the package."""

import argparse
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import safeclip
from safeclip.errors import SafeClipError

if TYPE_CHECKING:
    from safeclip import Lab

K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)


class Precomputed(ABC, Generic[K, V]):
    """Answers in one file, read when the first one is looked for. Safe to call from several threads.

    They are used only while the models that gave them are those of the profile; `command` writes the file anew.
    """

    command: ClassVar[str]

    def __init__(self, file: Path) -> None:
        self.file = file
        self._entries: dict[K, V] | None = None
        self._lock = threading.Lock()

    @abstractmethod
    def read(self) -> dict[str, Any]:
        """The file's content: "models", the fingerprint of those that answered, and what `entries` reads."""

    @abstractmethod
    def fingerprint(self) -> str:
        """The fingerprint of the models that would answer now. Raises SafeClipError."""

    @abstractmethod
    def entries(self, content: dict[str, Any]) -> dict[K, V]:
        """The answers in the file's content by what was asked."""

    def get(self, key: K) -> V | None:
        """The answer to what was asked."""
        with self._lock:
            if self._entries is None:
                self._entries = self._load()
        return self._entries.get(key)

    def _load(self) -> dict[K, V]:
        """All answers, or none where the file is missing, damaged or by other models."""
        try:
            content = self.read()
            if content["models"] != self.fingerprint():
                log.warning("%s: other models gave these answers; run python -m %s", self.file.name, self.command)
                return {}
            return self.entries(content)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafeClipError) as error:
            log.warning("%s: no precomputed answers can be read: %s", self.file.name, error)
            return {}


def nothing_to_answer(task: str, profile: str) -> str:
    """The line of a command whose profile gives a task no examples."""
    return (
        f"{task}: the profile “{profile}” has no examples, which come from a gallery with captions; "
        "nothing was written. Give it a [retrieval] section with a gallery."
    )


def require_all(answers: Iterable[Any]) -> None:
    """Raises SafeClipError with the first `error` among the seats' answers, if there is one."""
    for answer in answers:
        if answer.error:
            raise SafeClipError(answer.error)


def run_command(name: str, doc: str | None, work: Callable[["Lab"], str]) -> None:
    """The command line of a module that writes precomputed answers; `work` returns the line to print at the end."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji", help="name of a profile, or the path of its .toml file")
    try:
        print(work(safeclip.open(parser.parse_args().profile)))
    except SafeClipError as error:
        raise SystemExit(f"{name}: {error}") from error
