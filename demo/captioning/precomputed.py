"""Precomputed captions of the examples by the profile's models, in content/captions.toml.

    python -m demo.captioning.precomputed [--profile emoji]

The command asks the models and writes the file. Answers are shown only while the models that gave them are the ones in
the profile; without them the examples are answered like anything else.
"""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safeclip.schema import toml_string

from ..common.examples import gallery_of
from ..common.precomputed import Precomputed, nothing_to_answer, require_all, run_command
from .examples import examples
from .request import CaptioningRequest

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.captioning.results import CaptionComparison

FILE = Path(__file__).parents[1] / "content" / "captions.toml"
_HEADER = (
    "# What the models of each profile said of its examples. "
    "Written by `python -m demo.captioning.precomputed`; do not edit.\n"
)


class PrecomputedCaptions(Precomputed[tuple[str, str], dict[str, str]]):
    """The captions of one lab: (gallery id, question) → seat key → text."""

    command = "demo.captioning.precomputed"

    def __init__(self, lab: "Lab", file: Path | None = None) -> None:
        super().__init__(file or FILE)
        self._lab = lab

    def find(self, request: CaptioningRequest) -> "CaptionComparison | None":
        """The answer to a greedy question of ordinary length about a gallery image, judged anew."""
        usual = CaptioningRequest(item=request.item, question=request.question, seats=request.seats)
        texts = self.get((request.item, request.question)) if request == usual else None
        captioning = self._lab.captioning
        keys = [captioning.reference, *request.seats]
        if texts is None or not all(key in texts for key in keys):
            return None
        return captioning.judged(request.question, {key: texts[key] for key in keys})

    def read(self) -> dict[str, Any]:
        tables = tomllib.loads(self.file.read_text(encoding="utf-8"))
        if self._lab.profile.name not in tables:
            raise FileNotFoundError(f"{self.file.name}: there is nothing for the profile {self._lab.profile.name}")
        return tables[self._lab.profile.name]

    def fingerprint(self) -> str:
        return self._lab.captioning.fingerprint

    def entries(self, content: dict[str, Any]) -> dict[tuple[str, str], dict[str, str]]:
        return {(row["item"], row["question"]): row["answers"] for row in content["answers"]}


def compute_all(lab: "Lab") -> dict[str, Any]:
    """The captions of the examples, of every seat and every suggested question, as a profile's table of the file."""
    captioning = lab.captioning
    models = captioning.fingerprint  # first: where the models cannot be named, nothing is asked in vain
    rows = []
    for example in examples(lab.profile.name, gallery_of(lab), CaptioningRequest()):
        for question in captioning.questions:
            request = replace(example.request, question=question)
            comparison = captioning.compare(lab.gallery.image(request.item), question)
            require_all(comparison.values())
            answers = {key: answer.text for key, answer in comparison.items()}
            rows.append({"item": request.item, "question": question, "answers": answers})
    return {"models": models, "answers": rows}


def write(file: Path, profile: str, table: dict[str, Any]) -> None:
    """Puts a profile's table into the file, beside those of other profiles."""
    tables = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    tables[profile] = table
    text = _HEADER
    for name, each in tables.items():
        text += f"\n[{toml_string(name)}]\nmodels = {toml_string(each['models'])}\n"
        for row in each["answers"]:
            answers = ", ".join(f"{toml_string(key)} = {toml_string(said)}" for key, said in row["answers"].items())
            text += f"\n[[{toml_string(name)}.answers]]\nitem = {toml_string(row['item'])}\n"
            text += f"question = {toml_string(row['question'])}\nanswers = {{ {answers} }}\n"
    file.write_text(text, encoding="utf-8")


def write_all(lab: "Lab", file: Path | None = None) -> str:
    """Captions the examples and writes the file. Returns a line that says what was written."""
    table = compute_all(lab)
    if not table["answers"]:
        return nothing_to_answer("captioning", lab.profile.name)
    write(file or FILE, lab.profile.name, table)
    return f"{file or FILE}: {len(table['answers'])} answers"


if __name__ == "__main__":
    run_command(PrecomputedCaptions.command, __doc__, write_all)
