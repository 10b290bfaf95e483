"""Answers that come with the page: what the profile's models said of its examples, kept in captions.toml.

    python -m demo.shipped [--profile emoji]

The command asks the models and writes the file. Answers are shown only while the models that gave them are the ones in
the profile; without them the examples are answered like anything else.
"""

import argparse
import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safeclip
from safeclip.compat import tomllib
from safeclip.errors import SafeClipError

from .captions import CaptionAsk
from .examples import SAFE, categories

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.captions import CaptionComparison
    from safeclip.gallery import Gallery, Item

log = logging.getLogger(__name__)

FILE = Path(__file__).with_name("captions.toml")
_HEADER = "# What the models of each profile said of its examples. Written by `python -m demo.shipped`; do not edit.\n"


@dataclass(frozen=True)
class Example:
    """One picture to try; `label` names its category on the page."""

    label: str
    ask: CaptionAsk


def examples(profile: str, gallery: "Gallery", seats: tuple[str, ...]) -> tuple[Example, ...]:
    """A picture for every category of harm, and a safe one, in the order of the other examples. Deterministic."""
    found = []
    for category in categories(profile, gallery):
        items = [item for item in gallery.items if item.category == category and item.unsafe == bool(category)]
        if items:
            label = category.capitalize() or SAFE
            found.append(Example(label, CaptionAsk(item=_typical(items).image_id, seats=seats)))
    return tuple(found)


def _typical(items: list["Item"]) -> "Item":
    return items[2 * len(items) // 5]  # neither the first of its kind nor the retrieval tab's


class Shipped:
    """The shipped answers of one lab, read when they are first looked for. Safe to call from several threads."""

    def __init__(self, lab: "Lab", file: Path = FILE) -> None:
        self._lab = lab
        self._file = file
        self._answers: dict[tuple[str, str], dict[str, str]] | None = None
        self._lock = threading.Lock()

    def find(self, ask: CaptionAsk) -> "CaptionComparison | None":
        """The answer to a greedy question of ordinary length about a gallery picture, if it came with the page."""
        if ask != CaptionAsk(item=ask.item, question=ask.question, seats=ask.seats):
            return None
        with self._lock:
            if self._answers is None:
                self._answers = self._read()
        texts = self._answers.get((ask.item, ask.question), {})
        captioning = self._lab.captioning
        keys = [key for i, key in enumerate(captioning.seats) if not i or key in ask.seats]
        if not all(key in texts for key in keys):
            return None
        return captioning.judged(ask.question, {key: texts[key] for key in keys})

    def _read(self) -> dict[tuple[str, str], dict[str, str]]:
        try:
            table = tomllib.loads(self._file.read_text(encoding="utf-8"))[self._lab.profile.name]
            if table["models"] != self._lab.captioning.fingerprint:
                log.warning("%s: the answers are of other models; run python -m demo.shipped", self._file.name)
                return {}
            return {(row["item"], row["question"]): row["answers"] for row in table["answers"]}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, SafeClipError) as error:
            log.warning("no shipped answers: %s", error)
            return {}


def ask_all(lab: "Lab") -> dict[str, Any]:
    """What the models of `lab` say of its examples, every seat and every suggested question, as the file keeps it."""
    captioning = lab.captioning
    seats = tuple(captioning.seats)[1:]
    rows = []
    for example in examples(lab.profile.name, lab.gallery, seats):
        for question in captioning.questions:
            comparison = captioning.compare(lab.gallery.image(example.ask.item), question)
            failed = [answer.error for answer in comparison.values() if answer.error]
            if failed:
                raise SafeClipError(failed[0])
            answers = {key: answer.text for key, answer in comparison.items()}
            rows.append({"item": example.ask.item, "question": question, "answers": answers})
    return {"models": captioning.fingerprint, "answers": rows}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    options = parser.parse_args()
    lab = safeclip.open(options.profile)
    try:
        table = ask_all(lab)
    except SafeClipError as error:
        raise SystemExit(f"demo.shipped: {error}") from error
    write(FILE, lab.profile.name, table)
    print(f"{FILE}: {len(table['answers'])} answers")


if __name__ == "__main__":
    main()
