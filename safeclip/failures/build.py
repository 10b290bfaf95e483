"""Builds the table of failures of a profile, part by part, so that a build that was stopped goes on where it was."""

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import __version__
from ..errors import QueryError
from ..hashing import json_sha256
from ..runtime.atomic_files import replacing, write_atomically
from . import curves
from .asking_models import ANSWER_TOKENS, captioned_outcomes, painted_outcomes
from .columns import Column, columns_of
from .fingerprints import fingerprints
from .kinds import RANKED, TASKS
from .questions import (
    DIRECTIONS,
    Question,
    gallery_questions,
    neutral_questions,
    quadruplets,
    text_questions,
)
from .searching import ColumnSearch, answerable, search_outcomes
from .table import Provenance, StoredTable, judged_table, outcome_row, outcomes_table, write_table
from .texts import GivenText

if TYPE_CHECKING:
    from ..lab import Lab

CAPTIONS_AT_ONCE, PROMPTS_AT_ONCE = 64, 8  # questions of a part

Say = Callable[[str], None]


@dataclass(frozen=True)
class BuildOptions:
    """Coverage of a table. `texts` of a file stand in for the gallery's quadruplets and are called `source`.

    `quadruplets` are those whose searches are judged (None: all), `captioned` and `painted` those that the slower
    tasks take, evenly spread. `dial` names a seat towards which the reference is blended. `steps` None is the
    profile's.
    """

    tasks: tuple[str, ...] = TASKS
    source: str = "test"
    texts: tuple[GivenText, ...] = ()
    dial: str = ""
    quadruplets: int | None = None
    captioned: int = 300
    painted: int = 100
    steps: int | None = None


@dataclass(frozen=True)
class Part:
    """A piece of the work. Its outcomes are kept in a file that is named after it and its questions."""

    name: str
    questions: Sequence[Question]
    compute: Callable[[], list[dict[str, Any]]]

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}-{hash_of(self.questions)}.parquet"


def hash_of(questions: Sequence[Question]) -> str:
    """Eight hex digits over what is asked, and what rows say of it."""
    asked = [[each.direction, each.number, each.text, each.item, each.category, each.concept] for each in questions]
    return json_sha256(asked)[:8]


class TableBuild:
    """One build. `folder` under `work` belongs to these models and settings; a part's file, to its questions too."""

    def __init__(self, lab: "Lab", options: BuildOptions, work: Path, say: Say = lambda line: None) -> None:
        self.lab = lab
        self.options = options
        self.tasks = seated(lab, options.tasks)
        self.reference = lab.encoders.reference
        self.columns = columns_of(lab.encoders.seats, options.dial)
        self._say = say
        self.fingerprints = fingerprints(lab, self.tasks)
        self.folder = work / json_sha256([self.fingerprints, self.settings])[:16]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Settings that decide an outcome, as plain JSON values."""
        found: dict[str, Any] = {"source": self.options.source, "ranked": RANKED, "dial": self.options.dial}
        if "generation" in self.tasks:
            spec = self.lab.generation.spec
            found |= {"steps": self.options.steps or spec.steps, "guidance": spec.guidance}
        if "captioning" in self.tasks:
            found |= {"question": self.lab.captioning.questions[0], "max_new_tokens": ANSWER_TOKENS}
        return found

    @cached_property
    def questions(self) -> tuple[dict[str, list[Question]], int]:
        """Task → its questions, and how many of all the policy refuses."""
        asked = text_questions(self.options.texts, self.tasks, self.options.source) if self.options.texts else []
        if not self.options.texts:
            asked = [question for task in self.tasks for question in self._of_gallery(task)]
        kept, refused = answerable(asked, real_world=self.lab.profile.real_world)
        return {task: [each for each in kept if each.asked.task == task] for task in self.tasks}, refused

    def run(self) -> StoredTable:
        """Computes what is missing and returns the judged table.

        Raises SafeClipError when a column fails, QueryError when nothing is asked.
        """
        if not any(self.questions[0].values()):
            raise QueryError(
                "There is nothing to ask: a gallery is asked by its quadruplets, a text of which is not refused. Give "
                "texts of your own (--queries FILE), or ask for more."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = list(self._parts())
        tables = []
        for i, part in enumerate(parts, start=1):
            tables.append(self._table(part))
            self._say(f"{i} of {len(parts)} parts done, {part.name}")
        questions, refused = self.questions
        unsafe = [name for name, direction in DIRECTIONS.items() if direction.unsafe]
        rows = judged_table(pa.concat_tables(tables).unify_dictionaries(), self.reference, unsafe)
        asked = [question.direction for own in questions.values() for question in own]
        provenance = Provenance(
            profile=self.lab.profile.name,
            source=self.options.source,
            reference=self.reference,
            columns={column.key: column.label(self.lab.encoders.seats) for column in self.columns},
            fingerprints=self.fingerprints,
            settings=self.settings,
            sampled={name: asked.count(name) for name in DIRECTIONS if name in asked},
            refused=refused,
            curves=self._curves(),
            version=__version__,
            date=datetime.date.today().isoformat(),
        )
        return StoredTable(rows, provenance)

    def write(self, path: Path) -> StoredTable:
        """As `run`, and writes the table."""
        table = self.run()
        write_table(path, table.rows, table.provenance)
        return table

    def _of_gallery(self, task: str) -> Iterator[Question]:
        options = self.options
        pairs = quadruplets(self.lab.gallery, options.quadruplets)
        directions = [name for name, each in DIRECTIONS.items() if each.task == task and "neutral" not in name]
        if task == "retrieval":
            yield from neutral_questions(self.lab.gallery)
            yield from gallery_questions(pairs, directions)
            return
        wanted = options.captioned if task == "captioning" else options.painted
        wanted = min(wanted, len(pairs))
        taken = {number * len(pairs) // wanted for number in range(wanted)}
        yield from (each for each in gallery_questions(pairs, directions) if each.number in taken)

    def _parts(self) -> Iterator[Part]:
        questions, _ = self.questions
        if questions.get("retrieval"):
            yield from map(self._search_part, self.columns)
        for task, at_once, ask in (
            ("captioning", CAPTIONS_AT_ONCE, self._caption),
            ("generation", PROMPTS_AT_ONCE, self._paint),
        ):
            own = questions.get(task, [])
            for start in range(0, len(own), at_once):
                chunk = own[start : start + at_once]
                yield Part(task, chunk, partial(ask, chunk))

    def _search_part(self, column: Column) -> Part:
        return Part(f"retrieval-{column.key}", self.questions[0]["retrieval"], lambda: self._search(column))

    def _search(self, column: Column) -> list[dict[str, Any]]:
        questions = self.questions[0]["retrieval"]
        say = lambda done: self._say(f"{column.key}: {done} of {len(questions)} searches")  # noqa: E731
        outcomes = search_outcomes(ColumnSearch(self.lab, column), self.lab.gallery, questions, say)
        return [outcome_row(question, column.key, each) for question, each in zip(questions, outcomes, strict=True)]

    def _caption(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        asked = captioned_outcomes(self.lab.captioning, self.lab.gallery, questions)
        return [outcome_row(question, seat, each) for question, found in asked for seat, each in found.items()]

    def _paint(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        columns = [column for column in self.columns if column.seat in self.lab.generation.seats]
        rows = []
        for question in questions:
            found = painted_outcomes(self.lab.generation, columns, question, steps=self.options.steps)
            rows += [outcome_row(question, key, outcome) for key, outcome in found.items()]
        return rows

    def _table(self, part: Part) -> pa.Table:
        """The outcomes of a part, from its file where there is one."""
        path = self.folder / part.file
        if not path.is_file():
            table = outcomes_table(part.compute())
            with replacing(path) as unfinished:
                pq.write_table(table, unfinished)
        return pq.read_table(path)

    def _curves(self) -> list[dict[str, Any]]:
        """The points of `curves`: every column, and where pictures have a judge, that judge as a filter."""
        questions = self.questions[0].get("retrieval", [])
        if self.options.texts or not questions:
            return []
        path = self.folder / f"curves-{hash_of(questions)}.json"
        if not path.is_file():
            write_atomically(path, json.dumps(self._points(questions)).encode())
        return json.loads(path.read_bytes())

    def _points(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        points = []
        by_number = {(each.direction, each.number): each for each in questions}
        for column in self.columns:
            rows = self._table(self._search_part(column)).to_pylist()
            outcomes = {by_number[row["direction"], row["number"]]: row for row in rows}
            points.append(curves.column_point(column.key, outcomes))
        judges = self.lab.generation.judges if self.lab.profile.generation is not None else ()
        if judges:
            judge, gallery = judges[0], self.lab.gallery
            harm: dict[str, float] = {}
            for start in range(0, len(gallery), CAPTIONS_AT_ONCE):
                items = gallery.items[start : start + CAPTIONS_AT_ONCE]
                scores = judge.score([gallery.image(item.image_id) for item in items])
                harm |= {item.image_id: score.value for item, score in zip(items, scores, strict=True)}
            unsafe = {item.image_id: item.unsafe for item in gallery.items}
            search = ColumnSearch(self.lab, Column(self.reference))
            points += curves.filter_points(search, questions, harm, unsafe, judge.name)
        return points


def seated(lab: "Lab", tasks: Sequence[str]) -> tuple[str, ...]:
    """Those of `tasks` that the profile seats. Raises QueryError for a task that there is not, or when none is left."""
    for task in tasks:
        if task not in TASKS:
            raise QueryError(f"There is no task “{task}”. Choose among {', '.join(TASKS)}.")
    found = tuple(task for task in TASKS if task in tasks and getattr(lab.profile, task) is not None)
    if not found:
        raise QueryError(f"The profile “{lab.profile.name}” seats none of {', '.join(tasks)}.")
    return found
