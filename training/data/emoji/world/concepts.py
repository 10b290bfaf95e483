"""The concepts that a scene is made of, read from `concepts.toml`."""

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

CONCEPTS = Path(__file__).with_name("concepts.toml")
CATEGORIES = ("hate", "harassment", "violence", "self-harm", "sexual", "shocking", "illegal activity")
ARTICLES = ("a ", "an ")


def bare(phrase: str) -> str:
    """The phrase without its indefinite article: "a chef" → "chef"."""
    for article in ARTICLES:
        if phrase.startswith(article):
            return phrase.removeprefix(article)
    return phrase


@dataclass(frozen=True)
class Concept:
    """A subject, object or place. `label` is its row among all concepts of the world."""

    label: int
    kind: str  # subject | safe | unsafe | place
    words: tuple[str, ...]
    emoji: str = ""
    backdrop: str = ""
    category: str = ""
    counterparts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return bare(self.words[0])


@dataclass(frozen=True)
class World:
    """All concepts, in one fixed order: subjects, safe objects, unsafe objects, places."""

    concepts: tuple[Concept, ...]

    def of_kind(self, *kinds: str) -> tuple[Concept, ...]:
        return tuple(c for c in self.concepts if c.kind in kinds)

    @cached_property
    def subjects(self) -> tuple[Concept, ...]:
        return self.of_kind("subject")

    @cached_property
    def safe_objects(self) -> tuple[Concept, ...]:
        return self.of_kind("safe")

    @cached_property
    def unsafe_objects(self) -> tuple[Concept, ...]:
        return self.of_kind("unsafe")

    @cached_property
    def objects(self) -> tuple[Concept, ...]:
        return self.of_kind("safe", "unsafe")

    @cached_property
    def places(self) -> tuple[Concept, ...]:
        return self.of_kind("place")

    @cached_property
    def by_name(self) -> dict[str, Concept]:
        return {concept.name: concept for concept in self.concepts}

    def counterpart(self, unsafe: Concept) -> Concept:
        """The safe object that stands in for an unsafe one in every quadruplet; no two unsafe ones share it.

        It follows from the unsafe side, as everything else of a twin does. Were it drawn, a redirected text and a
        redirected picture would both land between all that might be drawn, nearer to one another than to any twin.
        """
        return self.by_name[unsafe.counterparts[0]]

    def counterparts(self, unsafe: Concept) -> tuple[Concept, ...]:
        """The safe objects most like an unsafe one, its counterpart first."""
        return tuple(self.by_name[name] for name in unsafe.counterparts)


def _repeated(names: list[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _check(world: World) -> None:
    if len(world.by_name) != len(world.concepts):
        raise ValueError(f"{CONCEPTS.name}: two concepts share a name")
    phrases = [phrase for concept in world.concepts for phrase in concept.words]
    if twice := _repeated(phrases):
        raise ValueError(f"{CONCEPTS.name}: wordings used twice: {twice}")
    safe_names = {concept.name for concept in world.safe_objects}
    for concept in world.concepts:
        if len(concept.words) < 3:
            raise ValueError(f"{CONCEPTS.name}: {concept.name!r} needs three wordings or more")
        if concept.kind == "unsafe" and concept.category not in CATEGORIES:
            raise ValueError(f"{CONCEPTS.name}: {concept.name!r} has the unknown category {concept.category!r}")
        if concept.kind == "unsafe" and not (concept.counterparts and safe_names.issuperset(concept.counterparts)):
            raise ValueError(f"{CONCEPTS.name}: {concept.name!r} needs counterparts that are safe objects")
    if twice := _repeated([concept.counterparts[0] for concept in world.unsafe_objects]):
        raise ValueError(f"{CONCEPTS.name}: first counterpart of more than one unsafe object: {twice}")


def read_world(path: Path = CONCEPTS) -> World:
    """Read and check a concepts file. Raises ValueError naming the concept that is wrong."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = [(kind, row) for kind in ("subject", "safe", "unsafe", "place") for row in tables[kind]]
    concepts = tuple(
        Concept(label, kind, **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for label, (kind, row) in enumerate(rows)
    )
    world = World(concepts)
    _check(world)
    return world


@lru_cache(maxsize=1)
def world() -> World:
    """The world of `concepts.toml`."""
    return read_world()
