"""What the judge of emoji scenes is to see: the concepts it knows, and a scene's labels of them, whole and by patch."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from safeclip.judges.contexts import Context, ContextClause
from safeclip.judges.images.scene_classifier import ConceptLabel

from .emoji.rendering.labels import IGNORED
from .open_world.concepts.catalogue import Catalogue, catalogue
from .open_world.harm.contexts import Rule, rules
from .open_world.scenes.layouts import Placement
from .open_world.scenes.relations import Relations, relations
from .open_world.scenes.scene import Scene

NO_ONE, NOTHING = "no one", "nothing"
INNER = 0.72  # of a sprite's half side: within it a patch is the sprite's, beyond it on its edge


class PatchLabels(NamedTuple):
    """Labels of the patches of one scene, row by row: int64 and bool (grid · grid,); IGNORED where nothing is asked."""

    concepts: np.ndarray
    centres: np.ndarray  # whether a sprite's centre lies in the patch
    colors: np.ndarray


@dataclass(frozen=True)
class JudgeConcepts:
    """The judge's concepts in the order of its outputs, and the labels of scenes.

    Subjects are all that acts, and no one. Objects are all things, verbs, which are drawn by a mark where a thing would
    stand, animals that stand beside someone, and nothing.
    """

    concepts: tuple[ConceptLabel, ...]
    colors: tuple[str, ...]
    contexts: tuple[Context, ...]
    subjects: dict[str, int]
    objects: dict[str, int]
    places: dict[str, int]
    marks: dict[str, str]  # verb → its mark

    @classmethod
    def of(cls, known: Catalogue, verbs: Relations, judged: dict[str, Rule]) -> "JudgeConcepts":
        """The concepts of a catalogue, its verbs and its rules of contextual harm."""
        acts = (*verbs.safe_verbs, *verbs.unsafe_verbs)
        things = (*known.safe_objects, *known.animals)
        subjects = [ConceptLabel(name, "subject") for name in (*(c.name for c in known.actors), NO_ONE)]
        objects = [
            *(ConceptLabel(thing.name, "safe") for thing in things),
            *(ConceptLabel(thing.name, "unsafe", thing.kind) for thing in known.unsafe),
            *(ConceptLabel(act.name, "unsafe" if act.unsafe else "safe", act.category) for act in acts),
            ConceptLabel(NOTHING, "safe"),
        ]
        places = [ConceptLabel(place.name, "place") for place in known.places]
        things_from, places_from = len(subjects), len(subjects) + len(objects)
        return cls(
            (*subjects, *objects, *places),
            tuple(known.attributes.colors),
            visible_contexts(judged),
            _numbered(subjects, 0),
            _numbered(objects, things_from),
            _numbered(places, places_from),
            {act.name: act.mark for act in acts},
        )

    def scene_labels(self, scene: Scene) -> np.ndarray:
        """int64 (3,): the labels of subject, object and place."""
        subject = scene.subject.concept.name if scene.subject else NO_ONE
        thing = scene.object.concept.name if scene.object else NOTHING
        if scene.shape == "verb":
            thing = scene.relation
        if subject == NO_ONE and scene.object and scene.object.concept.acts:
            subject, thing = thing, NOTHING  # an animal by itself is painted alike, whatever its slot
        return np.array([self.subjects[subject], self.objects[thing], self.places[scene.place.name]])

    def patch_labels(self, scene: Scene, placements: tuple[Placement, ...], grid: int) -> PatchLabels:
        """What stands in the middle of each patch, in front last, else the place; centres, and the colours named."""
        middles = (np.arange(grid) + 0.5) / grid
        x, y = np.meshgrid(middles, middles)
        concepts = np.full((grid, grid), self.places[scene.place.name])
        centres = np.zeros((grid, grid), bool)
        colors = np.full((grid, grid), IGNORED)
        for at in placements:
            middle = at.foot - at.size / 2
            distance = np.hypot(x - at.x, y - middle) / (at.size / 2)
            concepts[distance < 1.0] = colors[distance < 1.0] = IGNORED
            label = self._label(scene, at)
            if label == IGNORED:
                continue
            concepts[distance < INNER] = label
            row, column = (min(max(int(part * grid), 0), grid - 1) for part in (middle, at.x))
            centres[row, column] = True
            if not at.mark and (color := getattr(scene, at.slot).color):
                colors[distance < INNER] = self.colors.index(color)
        return PatchLabels(concepts.ravel(), centres.ravel(), colors.ravel())

    def _label(self, scene: Scene, at: Placement) -> int:
        """The label of one sprite; IGNORED for a mark that is no verb's own."""
        if at.mark:
            return self.objects[scene.relation] if at.mark == self.marks.get(scene.relation) else IGNORED
        concept = getattr(scene, at.slot).concept
        target = at.slot == "second" and scene.shape in ("verb", "aimed")
        being = at.slot == "subject" or target or concept.name not in self.objects or scene.shape == "still"
        return self.subjects[concept.name] if being and concept.acts else self.objects[concept.name]


def _numbered(concepts: list[ConceptLabel], start: int) -> dict[str, int]:
    """Name → position among all concepts, of which those of one kind begin at `start`."""
    return {concept.name: start + i for i, concept in enumerate(concepts)}


def visible_contexts(judged: dict[str, Rule]) -> tuple[Context, ...]:
    """The rules as far as subject, thing and place tell: a clause that asks for a relation or a companion is left out,
    and a rule without any other clause.
    """
    contexts = []
    for rule in judged.values():
        clauses = [c for c in rule.unsafe if not (c.relation or c.companion)]
        if clauses:
            visible = tuple(ContextClause(clause.who, clause.where) for clause in clauses)
            contexts.append(Context(rule.thing, rule.category, visible))
    return tuple(contexts)


@lru_cache(maxsize=1)
def judge_concepts() -> JudgeConcepts:
    """The concepts of the open world's tables."""
    return JudgeConcepts.of(catalogue(), relations(), rules())
