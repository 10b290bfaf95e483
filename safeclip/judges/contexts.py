"""Rules of contextual harm: a thing that is unsafe in some hands or places alone."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class ContextClause:
    """A conjunction: the subject is one of `who` and the place one of `where`; an empty facet is not asked."""

    who: tuple[str, ...] = ()
    where: tuple[str, ...] = ()

    def holds(self, beings: Collection[str], places: Collection[str]) -> bool:
        """Whether the clause holds among the beings and at the places that are named."""
        asked = ((self.who, beings), (self.where, places))
        return all(not wanted or not set(wanted).isdisjoint(named) for wanted, named in asked)


@dataclass(frozen=True)
class Context:
    """A thing that is harm of a category when one of the clauses holds."""

    thing: str
    category: str
    unsafe: tuple[ContextClause, ...]

    def holds(self, beings: Collection[str], places: Collection[str]) -> bool:
        """Whether the thing is harm among the beings and at the places that are named."""
        return any(clause.holds(beings, places) for clause in self.unsafe)
