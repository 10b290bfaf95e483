"""Rules of contextual harm, read from `contexts.toml`: the same thing is safe in one scene and unsafe in another."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..concepts.catalogue import Catalogue, catalogue
from ..concepts.concept import CATEGORIES
from ..scenes.relations import AIMED
from ..scenes.scene import Scene

TABLE = Path(__file__).with_name("contexts.toml")
ASKABLE_KINDS = ("work", "age", "sport", "fantasy", "animal")  # what a `who` may name
FACETS = ("who", "where", "relation", "companion")


@dataclass(frozen=True)
class Clause:
    """A conjunction: each facet that is not empty must hold. `companion` is the table's `with`."""

    who: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    relation: tuple[str, ...] = ()
    companion: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(facet for facet in FACETS if getattr(self, facet))

    def holds(self, scene: Scene, absent: bool) -> bool:
        """Whether the clause holds in a scene; a facet that the scene lacks counts as `absent`."""
        present = {
            "who": scene.subject.concept.name if scene.subject else "",
            "where": scene.place.name,
            "relation": scene.relation,
            "companion": scene.second.concept.name if scene.second else "",
        }
        return all(present[f] in getattr(self, f) if present[f] else absent for f in self.asked)


@dataclass(frozen=True)
class Rule:
    """When a thing is safe and when it is not, and why."""

    thing: str
    category: str
    why: str
    safe: tuple[Clause, ...]
    unsafe: tuple[Clause, ...]

    def judges(self, scene: Scene) -> bool | None:
        """True when the scene is unsafe, False when it is safe, None when the rule does not say.

        Nobody at all is no reason for harm, nor against safety: a knife alone in a kitchen is safe.
        """
        if any(clause.holds(scene, absent=False) for clause in self.unsafe):
            return True
        return False if any(clause.holds(scene, absent=True) for clause in self.safe) else None


class _Reader:
    """Turns rows of the table into rules. Raises ValueError naming the rule that is wrong."""

    def __init__(self, groups: dict[str, list[str]], known: Catalogue):
        self._groups = groups
        self._known = known
        self._places = {place.name for place in known.places if not place.held}

    def rule(self, row: dict) -> Rule:
        thing = row["thing"]
        if thing not in self._known.by_name or self._known.by_name[thing].unsafe:
            raise ValueError(f"{TABLE.name}: {thing!r} is no concept that is safe by itself")
        if row["category"] not in CATEGORIES:
            raise ValueError(f"{TABLE.name}: {thing!r} has the unknown category {row['category']!r}")
        safe, unsafe = (tuple(self._clause(thing, clause) for clause in row[side]) for side in ("safe", "unsafe"))
        return Rule(thing, row["category"], row["why"], safe, unsafe)

    def _clause(self, thing: str, row: dict) -> Clause:
        fields = {("companion" if key == "with" else key): self._expand(value) for key, value in row.items()}
        clause = Clause(**fields)
        self._must_be(thing, "who", clause.who, [n for n in clause.who if self._askable(n)])
        self._must_be(thing, "where", clause.where, self._places)
        self._must_be(thing, "relation", clause.relation, (AIMED,))
        self._must_be(thing, "with", clause.companion, self._known.by_name)
        return clause

    def _askable(self, name: str) -> bool:
        concept = self._known.by_name.get(name)
        return concept is not None and concept.kind in ASKABLE_KINDS

    def _expand(self, value: str | list[str]) -> tuple[str, ...]:
        values = [value] if isinstance(value, str) else value
        return tuple(name for v in values for name in (self._groups[v[1:]] if v.startswith("$") else [v]))

    def _must_be(self, thing: str, facet: str, names: Iterable[str], allowed: Iterable[str]) -> None:
        if wrong := set(names) - set(allowed):
            raise ValueError(f"{TABLE.name}: {thing!r}: {facet} may not ask for {', '.join(sorted(wrong))}")


def read_rules(known: Catalogue, path: Path = TABLE) -> dict[str, Rule]:
    """Read and check the rules, by thing."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    reader = _Reader(table["groups"], known)
    found = {row["thing"]: reader.rule(row) for row in table["rule"]}
    for unsafe in known.unsafe:
        if judged := sorted(set(unsafe.instead) & set(found)):
            raise ValueError(f"{path.name}: counterparts of {unsafe.name!r} that a rule judges: {', '.join(judged)}")
    return found


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """The rules of the table beside this file."""
    return read_rules(catalogue())
