"""Answers that come with the page: what the profile's models said of its examples, kept in captions.toml.

    python -m demo.captioning.precomputed [--profile emoji]

The command asks the models and writes the file. Answers are shown only while the models that gave them are the ones in
the profile; without them the examples are answered like anything else.
"""

import argparse
import json
import logging
import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import safeclip
from safeclip.errors import SafeClipError

from ..common.examples import SAFE, categories
from .request import CaptioningRequest

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.captioning.results import CaptionComparison
    from safeclip.retrieval.gallery import Gallery, Item

A = TypeVar("A")
K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)

FILE = Path(__file__).parents[1] / "content" / "captions.toml"
_HEADER = (
    "# What the models of each profile said of its examples. "
    "Written by `python -m demo.captioning.precomputed`; do not edit.\n"
)


@dataclass(frozen=True)
class Example(Generic[A]):
    """One thing to try; `label` names its category on the page."""

    label: str
    ask: A


class Precomputed(Generic[K, V]):
    """What models gave beforehand, by what they were asked, read when first looked for. Safe to call from threads.

    A subclass says how its file is read; `command` writes it.
    """

    command: ClassVar[str]

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[K, V] | None = None
        self._lock = threading.Lock()

    def _get(self, key: K) -> V | None:
        with self._lock:
            if self._kept is None:
                self._kept = self._read()
        return self._kept.get(key)

    def _read(self) -> dict[K, V]:
        """Everything in the file, or nothing when it is missing, damaged or of other models."""
        try:
            table = self._table()
            if table["models"] != self._fingerprint():
                log.warning("%s: this is of other models; run python -m %s", self._file.name, self.command)
                return {}
            return self._entries(table)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafeClipError) as error:
            log.warning("%s: nothing comes with the page: %s", self._file.name, error)
            return {}

    def _table(self) -> dict[str, Any]:
        raise NotImplementedError

    def _fingerprint(self) -> str:
        """Of the models that would be asked now."""
        raise NotImplementedError

    def _entries(self, table: dict[str, Any]) -> dict[K, V]:
        raise NotImplementedError


class PrecomputedCaptions(Precomputed[tuple[str, str], dict[str, str]]):
    """The shipped answers of one lab."""

    command = "demo.captioning.precomputed"

    def __init__(self, lab: "Lab", file: Path = FILE) -> None:
        super().__init__(file)
        self._lab = lab

    def find(self, ask: CaptioningRequest) -> "CaptionComparison | None":
        """The answer to a greedy question of ordinary length about a gallery picture, if it came with the page."""
        if ask != CaptioningRequest(item=ask.item, question=ask.question, seats=ask.seats):
            return None
        texts = self._get((ask.item, ask.question)) or {}
        captioning = self._lab.captioning
        keys = [key for i, key in enumerate(captioning.seats) if not i or key in ask.seats]
        if not all(key in texts for key in keys):
            return None
        return captioning.judged(ask.question, {key: texts[key] for key in keys})

    def _table(self) -> dict[str, Any]:
        return tomllib.loads(self._file.read_text(encoding="utf-8"))[self._lab.profile.name]

    def _fingerprint(self) -> str:
        return self._lab.captioning.fingerprint

    def _entries(self, table: dict[str, Any]) -> dict[tuple[str, str], dict[str, str]]:
        return {(row["item"], row["question"]): row["answers"] for row in table["answers"]}


def examples(profile: str, gallery: "Gallery", seats: tuple[str, ...]) -> tuple[Example[CaptioningRequest], ...]:
    """A picture for every category of harm, and a safe one, in the order of the other examples. Deterministic."""
    found = []
    for category in categories(profile, gallery):
        items = [item for item in gallery.items if item.category == category and item.unsafe == bool(category)]
        if items:
            label = category.capitalize() or SAFE
            found.append(Example(label, CaptioningRequest(item=_typical(items).image_id, seats=seats)))
    return tuple(found)


def _typical(items: list["Item"]) -> "Item":
    return items[2 * len(items) // 5]  # neither the first of its kind nor the retrieval tab's


def ask_all(lab: "Lab") -> dict[str, Any]:
    """What the models of `lab` say of its examples, every seat and every suggested question, as the file keeps it."""
    captioning = lab.captioning
    seats = tuple(captioning.seats)[1:]
    rows = []
    for example in examples(lab.profile.name, lab.gallery, seats):
        for question in captioning.questions:
            comparison = captioning.compare(lab.gallery.image(example.ask.item), question)
            require_all(comparison.values())
            answers = {key: answer.text for key, answer in comparison.items()}
            rows.append({"item": example.ask.item, "question": question, "answers": answers})
    return {"models": captioning.fingerprint, "answers": rows}


def require_all(answers: Any) -> None:
    """Raise SafeClipError with the first `error` among the seats' answers, if there is one."""
    for answer in answers:
        if answer.error:
            raise SafeClipError(answer.error)


def write(file: Path, profile: str, table: dict[str, Any]) -> None:
    """Put a profile's table into the file, beside those of other profiles."""
    tables = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    tables[profile] = table
    text = _HEADER
    for name, each in tables.items():
        text += f"\n[{_quoted(name)}]\nmodels = {_quoted(each['models'])}\n"
        for row in each["answers"]:
            answers = ", ".join(f"{_quoted(key)} = {_quoted(said)}" for key, said in row["answers"].items())
            text += f"\n[[{_quoted(name)}.answers]]\nitem = {_quoted(row['item'])}\n"
            text += f"question = {_quoted(row['question'])}\nanswers = {{ {answers} }}\n"
    file.write_text(text, encoding="utf-8")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def run_command(name: str, doc: str | None, work: Callable[["Lab"], str]) -> None:
    """The command line of a module that writes what is shipped; `work` returns what to print when it is done."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    try:
        print(work(safeclip.open(parser.parse_args().profile)))
    except SafeClipError as error:
        raise SystemExit(f"{name}: {error}") from error


def _write_all(lab: "Lab") -> str:
    table = ask_all(lab)
    write(FILE, lab.profile.name, table)
    return f"{FILE}: {len(table['answers'])} answers"


if __name__ == "__main__":
    run_command(PrecomputedCaptions.command, __doc__, _write_all)
