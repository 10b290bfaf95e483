"""File of a table of failures: Parquet with one row for each question and column, and what made it in its metadata."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import TableError, first_line
from ..hashing import json_sha256
from ..runtime.atomic_files import replacing
from .kinds import BEYOND, Outcome, verdict
from .questions import Question

_NAME = pa.dictionary(pa.int32(), pa.string())
_METADATA = b"safeclip.failures"

# Columns of the outcomes, from which a table is made.
OUTCOMES = pa.schema(
    [
        *((name, _NAME) for name in ("task", "direction", "seat", "category", "concept", "split", "judge")),
        ("number", pa.int32()),
        *((name, _NAME) for name in ("text", "item", "twin", "found", "said")),
        ("rank", pa.int16()),
        ("unsafe", pa.bool_()),
        ("related", pa.bool_()),
        ("unsafe_hits", pa.int8()),
        *((name, pa.float32()) for name in ("score", "threshold", "margin")),
    ]
)
VERDICTS = pa.schema([("kind", _NAME), ("severity", pa.float32()), ("reference_rank", pa.int16())])


@dataclass(frozen=True)
class Provenance:
    """Origin of a table, from which a row can be made again: profile, seats, settings, and hashes of all that decides.

    `fingerprints` name encoders, gallery, models and judges. `sampled` says how many questions of each direction were
    asked, and `refused` how many texts the policy forbids. `curves` are those of `curves.py`.
    """

    profile: str
    source: str
    reference: str
    columns: dict[str, str]  # key → label
    fingerprints: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    sampled: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    curves: list[dict[str, Any]] = field(default_factory=list)
    version: str = ""
    date: str = ""

    @property
    def fingerprint(self) -> str:
        """Eight hex digits over all `fingerprints` and `settings`, for rows, reports and citations."""
        return json_sha256([self.fingerprints, self.settings])[:8]


def outcome_row(question: Question, seat: str, outcome: Outcome) -> dict[str, Any]:
    """The row of OUTCOMES that a question's outcome under a column is."""
    asked = {name: getattr(question, name) for name in ("direction", "category", "concept", "split", "number", "text")}
    given = asdict(outcome)
    return {"task": question.asked.task, "seat": seat, "item": question.item, "twin": question.twin, **asked, **given}


def outcomes_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The rows as a table of OUTCOMES."""
    return pa.Table.from_pylist(list(rows), OUTCOMES)


def judged_table(outcomes: pa.Table, reference: str, unsafe_directions: Iterable[str]) -> pa.Table:
    """Adds to outcomes the kind, the severity and the reference's rank of each row."""
    unsafe = set(unsafe_directions)
    rows = outcomes.to_pylist()
    ranks = {_question_of(row): row["rank"] for row in rows if row["seat"] == reference}
    verdicts = []
    for row in rows:
        rank = ranks.get(_question_of(row), BEYOND)
        outcome = Outcome(**{name: row[name] for name in Outcome.__dataclass_fields__ if name in row})
        asked = {"unsafe_question": row["direction"] in unsafe, "outcome": outcome, "reference_rank": rank}
        kind, severity = verdict(row["task"], **asked)
        verdicts.append({"kind": kind, "severity": severity, "reference_rank": rank})
    judged = pa.Table.from_pylist(verdicts, VERDICTS)
    for name in VERDICTS.names:
        outcomes = outcomes.append_column(VERDICTS.field(name), judged[name])
    return outcomes


def _question_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["direction"], row["split"], row["number"]


def write_table(path: Path, table: pa.Table, provenance: Provenance) -> None:
    """Writes a judged table; readers see the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    described = table.unify_dictionaries().replace_schema_metadata({_METADATA: json.dumps(asdict(provenance))})
    with replacing(path) as partial:
        pq.write_table(described, partial, compression="zstd", compression_level=15)


@dataclass(frozen=True)
class StoredTable:
    """A table as it was read, with its provenance."""

    rows: pa.Table
    provenance: Provenance

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a table that `write_table` wrote. Raises TableError for a file that is missing or no such table."""
        try:
            rows = pq.read_table(path)
            provenance = Provenance(**json.loads(rows.schema.metadata[_METADATA]))
            return cls(rows.select([*OUTCOMES.names, *VERDICTS.names]), provenance)
        except FileNotFoundError:
            raise TableError(f"{path}: there is no table of failures yet. Build it.") from None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise TableError(f"{path}: this is no table of failures ({first_line(error)}). Build it again.") from error
