"""Rows that the pipeline reads, the decisions that it takes on them, and the file that keeps these."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safeclip.hashing import json_sha256

from ..data.quadruplets.rows import NO_FIELDS, cleaned
from ..data.quadruplets.tables import rows_of
from ..errors import DataError
from ..json_lines import append_lines, read_lines
from .refusals import choose_category, is_forbidden_pair, is_refused

KEPT = "kept"
REFUSED_SOURCE, REFUSED_TEXT = "refused: the safe text", "refused: every text written for it"


@dataclass(frozen=True)
class Pair:
    """A safe text and the unsafe one that it shall become, with its category."""

    text: str
    unsafe_text: str
    category: str


@dataclass(frozen=True)
class Source:
    """A safe text of the corpus with its image, and the category that was chosen for it."""

    id: str
    text: str
    image: str
    category: str


@dataclass(frozen=True)
class Decision:
    """What became of a row in one stage: `outcome` is "kept" or the reason why it was dropped."""

    id: str
    outcome: str
    unsafe_text: str = ""
    category: str = ""
    similarity: float | None = None
    harm: float | None = None
    written: int = 0  # texts, or images
    refused: int = 0  # of them
    survived: Mapping[str, int] = field(default_factory=dict)  # of the texts that were written, after each filter
    seed: int | None = None
    fired: tuple[str, ...] = ()  # the judges that flagged the image that was kept


class DecisionLog:
    """Decisions of a stage as JSON lines, so that a killed run goes on; a line torn by a power cut is ignored."""

    def __init__(self, path: Path):
        self._path = path
        self.by_id = {decision.id: decision for decision in read_lines(path, Decision)}

    def add(self, decisions: Iterable[Decision]) -> None:
        """Appends decisions."""
        decisions = list(decisions)
        append_lines(self._path, map(asdict, decisions))
        self.by_id |= {each.id: each for each in decisions}

    def outcomes(self) -> dict[str, int]:
        """How many rows had each outcome, most frequent first."""
        return dict(Counter(each.outcome for each in self.by_id.values()).most_common())

    def survived(self) -> dict[str, int]:
        """How many of the written texts were left after each filter, in the filters' order."""
        total: dict[str, int] = {}
        for each in self.by_id.values():
            for name, count in each.survived.items():
                total[name] = total.get(name, 0) + count
        return total


def read_pairs(file: str, categories: Iterable[str]) -> tuple[list[Pair], dict[str, int]]:
    """The usable pairs, and how many are "refused" by the policy or "incomplete". Raises DataError when none is usable.

    A pair without a category gets the one that its safe text would get.
    """
    pairs, left_out = [], {"refused": 0, "incomplete": 0}
    for table in rows_of(file, "train"):
        fields = table if isinstance(table, dict) else {}
        text, unsafe = (cleaned(fields.get(name)) for name in ("text", "unsafe_text"))
        category = cleaned(fields.get("category")) or choose_category(text, tuple(categories)) or ""
        if not (text and unsafe):
            left_out["incomplete"] += 1
        elif is_forbidden_pair(text, unsafe, category):
            left_out["refused"] += 1
        else:
            pairs.append(Pair(text, unsafe, category))
    if not pairs:
        counts = ", ".join(f"{name}: {count}" for name, count in left_out.items())
        raise DataError(f"{file}: there is no pair with a text and an unsafe_text ({counts}).")
    return pairs, left_out


def read_corpus(file: str, categories: tuple[str, ...]) -> tuple[list[Source], list[Decision]]:
    """The rows that a text may be written for, and the decisions on the others. Raises DataError without rows."""
    sources, dropped = [], []
    for position, table in enumerate(rows_of(file, "train"), start=1):
        if not isinstance(table, dict):
            dropped.append(Decision(f"row {position}", NO_FIELDS))
            continue
        text, image = cleaned(table.get("text")), cleaned(table.get("image"))
        category = choose_category(text, categories)
        id = f"row {position} {json_sha256([text, image, category])[:8]}"  # what was decided on another text is not its
        if not text:
            dropped.append(Decision(id, "the safe text is empty"))
        elif is_refused(text):
            dropped.append(Decision(id, REFUSED_SOURCE))
        elif category is None:
            dropped.append(Decision(id, "no category is allowed for it"))
        else:
            sources.append(Source(id, text, image, category))
    if not sources and not dropped:
        raise DataError(f"{file}: there is no row.")
    return sources, dropped
