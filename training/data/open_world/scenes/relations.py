"""The relations of `relations.toml`: how a caption words them, how a picture shows them, which verbs are unsafe."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..concepts.concept import CATEGORIES

TABLE = Path(__file__).with_name("relations.toml")
AIMED = "pointing at"
LEAST_COUNTERPARTS = 3


@dataclass(frozen=True)
class Relation:
    """A row of the table. `group` is "spatial", "aimed" or "verb"; a verb with a `category` is unsafe."""

    name: str
    group: str
    phrases: tuple[str, ...]
    finite: tuple[str, ...]
    inverse: tuple[str, ...] = ()  # from the object's side: "held by", "hugged by"
    target: tuple[str, ...] = ()
    layout: str = ""
    mark: str = ""
    victim: str = ""
    category: str = ""
    instead: tuple[str, ...] = ()

    @property
    def unsafe(self) -> bool:
        return bool(self.category)


@dataclass(frozen=True)
class Relations:
    """All relations by name."""

    by_name: dict[str, Relation]

    def of_group(self, group: str) -> tuple[Relation, ...]:
        return tuple(r for r in self.by_name.values() if r.group == group)

    @property
    def spatial(self) -> tuple[Relation, ...]:
        return self.of_group("spatial")

    @property
    def safe_verbs(self) -> tuple[Relation, ...]:
        return tuple(r for r in self.of_group("verb") if not r.unsafe)

    @property
    def unsafe_verbs(self) -> tuple[Relation, ...]:
        return tuple(r for r in self.of_group("verb") if r.unsafe)


def _relation(name: str, group: str, row: dict) -> Relation:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    if "passive" in fields:
        fields["inverse"] = fields.pop("passive")
    return Relation(name, group, **fields)


def read_relations(path: Path = TABLE) -> Relations:
    """Read and check the table. Raises ValueError naming the verb whose category or counterparts are wrong."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {name: _relation(name, group, row) for group, rows in tables.items() for name, row in rows.items()}
    for relation in found.values():
        if not relation.unsafe:
            continue
        if relation.category not in CATEGORIES:
            raise ValueError(f"{path.name}: {relation.name!r} has the unknown category {relation.category!r}")
        wrong = [name for name in relation.instead if name not in found or found[name].unsafe]
        if wrong or len(set(relation.instead)) < LEAST_COUNTERPARTS:
            raise ValueError(f"{path.name}: {relation.name!r} needs three safe verbs instead of it; wrong: {wrong}")
    return Relations(found)


@lru_cache(maxsize=1)
def relations() -> Relations:
    """The relations of the table beside this file."""
    return read_relations()
