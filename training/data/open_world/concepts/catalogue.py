"""Reads the concept tables beside this file and checks them."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from .concept import CATEGORIES, Concept

FOLDER = Path(__file__).parent
TABLES = ("people", "animals", "food", "objects", "unsafe", "places")
LEAST_COUNTERPARTS = 3


@dataclass(frozen=True)
class Attributes:
    """Colours by name with the hue that draws them, and the words for each size."""

    colors: dict[str, dict]
    sizes: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Catalogue:
    """All concepts in the order of the tables, and the attributes that captions may name."""

    concepts: tuple[Concept, ...]
    attributes: Attributes

    @cached_property
    def by_name(self) -> dict[str, Concept]:
        return {concept.name: concept for concept in self.concepts}

    def named(self, names: Iterable[str]) -> tuple[Concept, ...]:
        return tuple(self.by_name[name] for name in names)

    @cached_property
    def actors(self) -> tuple[Concept, ...]:
        return tuple(c for c in self.concepts if c.acts)

    @cached_property
    def humans(self) -> tuple[Concept, ...]:
        return tuple(c for c in self.concepts if c.human)

    @cached_property
    def animals(self) -> tuple[Concept, ...]:
        return tuple(c for c in self.concepts if c.kind == "animal")

    @cached_property
    def safe_objects(self) -> tuple[Concept, ...]:
        """What may be held or stand in a scene and is not unsafe by itself; animals are not among them."""
        return tuple(c for c in self.concepts if not (c.acts or c.unsafe or c.place))

    @cached_property
    def unsafe(self) -> tuple[Concept, ...]:
        return tuple(c for c in self.concepts if c.unsafe)

    @cached_property
    def places(self) -> tuple[Concept, ...]:
        return tuple(c for c in self.concepts if c.place)

    @cached_property
    def drawn(self) -> tuple[Concept, ...]:
        """The concepts that have artwork: all but places."""
        return tuple(c for c in self.concepts if not c.place)


def _rows(folder: Path) -> Iterable[tuple[str, str, dict]]:
    """(kind, name, fields) of each row of each table."""
    for table in TABLES:
        for kind, rows in tomllib.loads((folder / f"{table}.toml").read_text(encoding="utf-8")).items():
            for name, row in rows.items():
                fields = {"emoji": row} if isinstance(row, str) else row
                yield kind, name, {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _check(catalogue: Catalogue, colorable: set[str]) -> None:
    """Raises ValueError naming the concept that is wrong and what to write instead."""
    if twice := _repeated(name for concept in catalogue.concepts for name in concept.names):
        raise ValueError(f"concepts: names that belong to two concepts: {', '.join(twice)}")
    if unknown := colorable - set(catalogue.by_name):
        raise ValueError(f"attributes.toml: colorable names that are no concepts: {', '.join(sorted(unknown))}")
    for concept in catalogue.concepts:
        if not (concept.place or concept.emoji or concept.draw):
            raise ValueError(f"concepts: {concept.name!r} has neither an emoji nor a drawing")
        if concept.place and len(concept.phrases) < LEAST_COUNTERPARTS:
            raise ValueError(f"concepts: the place {concept.name!r} needs three phrases")
        if concept.unsafe:
            _check_counterparts(catalogue, concept)


def _check_counterparts(catalogue: Catalogue, concept: Concept) -> None:
    for name in concept.instead:
        other = catalogue.by_name.get(name)
        if other is None or other.unsafe or other.place:
            raise ValueError(f"unsafe.toml: {concept.name!r} names {name!r} as a counterpart, which is no safe concept")
    if len(set(concept.instead)) < LEAST_COUNTERPARTS:
        raise ValueError(f"unsafe.toml: {concept.name!r} needs three different counterparts")


def read_catalogue(folder: Path = FOLDER) -> Catalogue:
    """Read and check the tables of a folder. Raises ValueError naming the row that is wrong."""
    attributes = tomllib.loads((folder / "attributes.toml").read_text(encoding="utf-8"))
    colorable = set(attributes["colorable"]["names"])
    concepts = tuple(
        Concept(label, name, kind, colorable=name in colorable, **fields)
        for label, (kind, name, fields) in enumerate(_rows(folder))
    )
    sizes = {size: tuple(words) for size, words in attributes["sizes"].items()}
    catalogue = Catalogue(concepts, Attributes(attributes["colors"], sizes))
    _check(catalogue, colorable)
    return catalogue


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue of the tables beside this file."""
    return read_catalogue()


def categories(catalogue: Catalogue) -> dict[str, tuple[Concept, ...]]:
    """The unsafe concepts of each of ViSU's categories."""
    return {category: tuple(c for c in catalogue.unsafe if c.kind == category) for category in CATEGORIES}
