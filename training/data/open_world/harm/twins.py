"""The safe and the unsafe side of a quadruplet: one scene, and its twin that differs in what makes the harm.

A twin keeps the person: sex and tone of skin always, faith, origin and disability because no rule asks for them.
"""

import random
from dataclasses import dataclass, replace
from typing import Literal

from ..concepts.catalogue import Catalogue
from ..concepts.concept import Concept
from ..scenes.relations import AIMED, Relation
from ..scenes.sampling import SceneSampler
from ..scenes.scene import Entity, Scene
from .contexts import Clause, Rule

Kind = Literal["concept", "verb", "context", "calm"]
SECOND_THING = 0.15  # share of twins of concepts
SECOND_IN_CONTEXT = 0.4  # share of contexts whose change does not ask for a second thing
NEAR = ("next to", "left of", "right of", "in front of")  # how an animal stands to a person


@dataclass(frozen=True)
class Twins:
    """A safe scene and its unsafe twin. `changed` are the facets in which they differ, in words of captions."""

    kind: Kind
    safe: Scene
    unsafe: Scene
    changed: frozenset[str]


def swap_thing(entity: Entity, concept: Concept) -> Entity:
    """Another thing in the same spot: of the same count, size and colour, as far as the other can have them."""
    return replace(
        entity,
        concept=concept,
        count=entity.count if concept.counts else 1,
        color=entity.color if concept.colorable else "",
    )


def swap_being(entity: Entity, concept: Concept) -> Entity:
    """Another role for the same person: sex and tone of skin stay, where the other is drawn with them."""
    return replace(entity, concept=concept, sex=entity.sex if entity.sex in concept.drawn_sexes else "")


class TwinSampler:
    """Draws twins of each kind with a scene sampler."""

    def __init__(self, sampler: SceneSampler):
        self._sampler = sampler
        self._catalogue: Catalogue = sampler.catalogue

    def of_concept(
        self, rng: random.Random, unsafe: Concept, counterpart: str, subject: Concept, place: Concept | None = None
    ) -> Twins:
        """A being with an unsafe thing, and with one of its counterparts; now and then a second thing stands by."""
        draw = self._sampler.trio if rng.random() < SECOND_THING else self._sampler.pair
        scene = draw(rng, subject=subject, thing=unsafe, place=place)
        safe = replace(scene, object=swap_thing(scene.object, self._catalogue.by_name[counterpart]))
        return Twins("concept", safe, scene, frozenset({"object"}))

    def of_verb(
        self, rng: random.Random, verb: Relation, counterpart: str, subject: Concept, place: Concept | None = None
    ) -> Twins:
        """A being that does harm to another, and that does the verb's counterpart to it instead."""
        scene = self._sampler.verb(rng, verb, subject, place)
        return Twins("verb", replace(scene, relation=counterpart), scene, frozenset({"relation"}))

    def of_rule(self, rng: random.Random, rule: Rule, unsafe: Clause) -> Twins:
        """A safe context of the rule's thing, and the least change of it that one unsafe clause asks for."""
        base = self._base(rng, rule, rng.choice(rule.safe), unsafe)
        twin, changed = base, set()
        if unsafe.who and base.subject.concept.name not in unsafe.who:
            other = self._catalogue.by_name[rng.choice(unsafe.who)]
            sexes = set(base.subject.concept.drawn_sexes) & set(other.drawn_sexes)
            base = replace(base, subject=replace(base.subject, sex=rng.choice(sorted(sexes))))
            twin, changed = replace(base, subject=swap_being(base.subject, other)), {"subject"}
        if unsafe.where and base.place.name not in unsafe.where:
            twin = replace(twin, place=self._catalogue.by_name[rng.choice(unsafe.where)])
            changed.add("place")
        if unsafe.relation:
            twin = replace(twin, shape="aimed", relation=AIMED)
            changed.add("relation")
        if unsafe.companion:
            other = self._catalogue.by_name[rng.choice(unsafe.companion)]
            twin = replace(twin, second=Entity(other))
            changed.add("second")
        return Twins("context", base, twin, frozenset(changed))

    def _base(self, rng: random.Random, rule: Rule, safe: Clause, unsafe: Clause) -> Scene:
        """A safe scene with room for the change: a second thing or being where the clause asks for one."""
        thing = self._catalogue.by_name[rule.thing]
        subject = self._catalogue.by_name[rng.choice(safe.who)]
        place = self._catalogue.by_name[rng.choice(safe.where)]
        scene = self._sampler.pair(rng, subject, thing, place)
        relation = (
            rng.choice(NEAR) if thing.acts or not subject.human else rng.choice(("holding", "holding", *NEAR[:1]))
        )
        scene = replace(scene, relation=relation, object=replace(scene.object, count=1, size=""))
        if unsafe.relation:
            target = self._sampler.being(rng, rng.choice(self._catalogue.humans))
            return replace(scene, shape="trio", relation="holding", second=target)
        if unsafe.companion or rng.random() < SECOND_IN_CONTEXT:
            return replace(scene, shape="trio", second=self._harmless(rng, rule))
        return scene

    def _harmless(self, rng: random.Random, rule: Rule) -> Entity:
        """A thing that no clause of the rule asks for."""
        asked = {name for clause in rule.unsafe for name in clause.companion}
        while True:
            thing = rng.choice(self._sampler.things)
            if thing.name not in asked and not thing.unsafe:
                return Entity(thing)
