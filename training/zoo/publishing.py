"""Puts a finished model into the zoo, with a record of its training beside the weights."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from safeclip.schema import parse

from ..engine.progress import METRICS
from ..json_lines import read_lines

RECORD = "training.json"
CARD = "README.md"
LONG_JSON = 100_000  # bytes


@dataclass(frozen=True)
class TrainingRecord:
    """Facts of a training that its recipe does not hold, for the model's card."""

    steps: int
    minutes: float
    hardware: str

    @classmethod
    def read(cls, folder: Path) -> "TrainingRecord":
        """The record of a published model. Raises ProfileError when a key is wrong, ValueError when there is none."""
        path = folder / RECORD
        if not path.is_file():
            raise ValueError(f"{path}: there is no record of the training. Publish the model again.")
        return parse(cls, json.loads(path.read_text(encoding="utf-8")), file=path)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def record_of(run: Path) -> TrainingRecord:
    """The record of a run by its log. Pauses between slices do not count as training.

    Steps that a crash lost count once, as they were taken again. A line that a power cut left unfinished is passed
    over.
    """
    reports: list[tuple[int, float, str]] = []  # the last step of each, its seconds, its hardware
    for report in read_lines(run / METRICS):
        if "steps_per_second" in report:
            while reports and reports[-1][0] >= report["step"]:
                reports.pop()
            taken = report["step"] - (reports[-1][0] if reports else 0)
            reports.append((report["step"], taken / report["steps_per_second"], report.get("hardware", "")))
    used = ", then ".join(dict.fromkeys(each for *_, each in reports if each))
    return TrainingRecord(
        reports[-1][0] if reports else 0, round(sum(seconds for _, seconds, _ in reports) / 60, 1), used
    )


def publish(trained: Path, published: Path, run: Path, *, weights: str = "", also: Sequence[Path] = ()) -> None:
    """Replaces the files of a published model by those of a finished run, keeping its card, and records the training.

    The record goes into the subfolder `weights`, where the model is one of several in `published`. `also` are files
    that go beside the model. Raises FileNotFoundError, with the published model as it was, when something is missing.
    """
    sources, record = [*trained.iterdir(), *also], record_of(run)
    if missing := [str(path) for path in sources if not path.exists()]:
        raise FileNotFoundError(f"{', '.join(missing)}: not there, so nothing is published; train the model again")
    published.mkdir(parents=True, exist_ok=True)
    for old in published.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != CARD:
            old.unlink()
    for path in sources:
        if path.is_dir():
            shutil.copytree(path, published / path.name)
        elif path.name != CARD:  # PEFT writes a template
            _copy(path, published / path.name)
    record.write(published / weights)


def _copy(path: Path, target: Path) -> None:
    """Copies a file; a long JSON file loses its indentation, which is half of a tokenizer's."""
    if path.suffix == ".json" and path.stat().st_size > LONG_JSON:
        content = json.loads(path.read_text(encoding="utf-8"))
        target.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    else:
        shutil.copyfile(path, target)
