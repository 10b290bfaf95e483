"""Which combinations, concepts, sentence forms, backdrops and styles each split may show.

`train` is what models learn from. `validation` and `test` are two phases with the same seven evaluation splits each, so
that models are chosen on one and measured once on the other:

`seen`             trained concepts in combinations that training never shows
`contextual`       quadruplets of contexts.toml in combinations that training never shows
`unseen_concepts`  unsafe concepts and verbs that fine-tuning never meets (pre-training does)
`unseen_forms`     as seen, in sentence forms that no training caption has
`unseen_backdrops` as seen, at places that no training picture or caption shows
`unseen_style`     as seen, drawn in an art style that trains nothing
"""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from ..emoji.rendering.artwork import TRAINING_STYLES, UNSEEN_STYLE
from .concepts.catalogue import Catalogue, catalogue
from .concepts.concept import Concept
from .harm.contexts import Rule, rules
from .scenes.relations import Relation, Relations, relations
from .scenes.scene import Scene

TABLE = Path(__file__).with_name("splits.toml")
Phase = Literal["train", "validation", "test"]
PHASES: tuple[Phase, ...] = ("train", "validation", "test")
TRAIN: Phase = "train"
SPLITS = ("seen", "contextual", "unseen_concepts", "unseen_forms", "unseen_backdrops", "unseen_style")
SHARES = {"validation": 0.10, "test": 0.20}  # of the combinations
CONTEXT_SHARES = {"validation": 0.15, "test": 0.28}  # of those that a rule judges: there are fewer


def combination(scene: Scene, judged: dict[str, Rule]) -> tuple[str, ...]:
    """What must not be shared between phases: who does what, or has what; for a judged thing the whole context.

    Two scenes with equal combinations may differ in place, style, counts and colours. Of two things side by side the
    order counts: a test may show "a cup beside a lamp" where training shows "a lamp beside a cup".
    """
    who = scene.subject.concept.name if scene.subject else ""
    what = scene.object.concept.name if scene.object else ""
    second = scene.second.concept.name if scene.second else ""
    if what in judged:
        return ("context", who, what, scene.place.name, second)
    if scene.shape == "verb":
        return ("verb", who, scene.relation)
    if scene.shape in ("alone", "still"):
        return (scene.shape, who or what, scene.place.name)
    return ("still_two", what, second) if scene.shape == "still_two" else ("pair", who, what)


@dataclass(frozen=True)
class Splits:
    """The phase of every combination, concept, verb, place and style; fixed by names alone."""

    catalogue: Catalogue
    relations: Relations
    rules: dict[str, Rule]
    held: dict[str, Phase]  # unsafe concept or verb → the phase it is kept for

    def phase_of(self, combined: tuple[str, ...]) -> Phase:
        """The phase that alone may show a combination."""
        digest = hashlib.sha256("/".join(combined).encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        shares = CONTEXT_SHARES if combined[0] == "context" else SHARES
        if share < shares["test"]:
            return "test"
        return "validation" if share < shares["test"] + shares["validation"] else "train"

    def phase(self, scene: Scene) -> Phase:
        return self.phase_of(combination(scene, self.rules))

    def concept_phase(self, name: str) -> Phase:
        """The phase whose `unseen_concepts` an unsafe concept or verb belongs to; "train" for all others."""
        return self.held.get(name, "train")

    def unsafe(self, phase: Phase) -> tuple[Concept, ...]:
        """The unsafe concepts kept for a phase; those of "train" are what fine-tuning meets."""
        return tuple(c for c in self.catalogue.unsafe if self.concept_phase(c.name) == phase)

    def unsafe_verbs(self, phase: Phase) -> tuple[Relation, ...]:
        return tuple(verb for verb in self.relations.unsafe_verbs if self.concept_phase(verb.name) == phase)

    @cached_property
    def _places(self) -> dict[Phase, tuple[Concept, ...]]:
        return {phase: tuple(p for p in self.catalogue.places if (p.held or "train") == phase) for phase in PHASES}

    def places(self, split: str, phase: Phase) -> tuple[Concept, ...]:
        """The places that a split shows: those held for its phase in `unseen_backdrops`, else those of training."""
        return self._places[phase if split == "unseen_backdrops" else "train"]

    @staticmethod
    def forms(split: str, phase: Phase) -> Phase:
        """The split of the sentence forms."""
        return phase if split == "unseen_forms" else "train"

    @staticmethod
    def styles(split: str) -> tuple[str, ...]:
        return (UNSEEN_STYLE,) if split == "unseen_style" else TRAINING_STYLES


def _held(path: Path, known: Iterable[str]) -> dict[str, Phase]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    pairs = [(name, phase) for phase in ("validation", "test") for rows in tables[phase].values() for name in rows]
    if wrong := {name for name, _ in pairs} - set(known):
        raise ValueError(f"{path.name}: no unsafe concepts or verbs: {', '.join(sorted(wrong))}")
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"{path.name}: a concept is held for both phases")
    return dict(pairs)


def read_splits(known: Catalogue, verbs: Relations, judged: dict[str, Rule], path: Path = TABLE) -> Splits:
    """Read and check the table of held-out concepts."""
    names = [each.name for each in (*known.unsafe, *verbs.unsafe_verbs)]
    return Splits(known, verbs, judged, _held(path, names))


@lru_cache(maxsize=1)
def splits() -> Splits:
    """The splits of the tables of this package."""
    return read_splits(catalogue(), relations(), rules())
