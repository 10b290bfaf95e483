"""Draws scenes at random: which beings and things, how many, of which colour and size, in which relation, where."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from ...emoji.rendering.backdrops import VARIANTS
from ..concepts.catalogue import Catalogue
from ..concepts.concept import Concept
from .relations import AIMED, Relation, Relations
from .scene import MOST, TONES, Entity, Scene, Shape

KIND_WEIGHTS = {
    "work": 28, "age": 10, "looks": 4, "faith": 8, "origin": 12, "disability": 8, "sport": 8, "fantasy": 8,
    "animal": 24,
}  # fmt: skip
COUNTED, COLORED, SIZED, TONED = 0.2, 0.4, 0.15, 0.6  # shares of things that could be, and of people
STURDY_KINDS = ("vehicle", "building", "household", "nature")  # what one may stand on
AIMABLE = (
    "flashlight", "magnifying glass", "microphone", "banana", "paintbrush", "magic wand", "telescope", "umbrella",
    "trumpet", "carrot", "fan", "mirror", "ticket", "bouquet", "kite", "pencil",
)  # fmt: skip


class SceneSampler:
    """Draws scenes of each shape from the concepts it is allowed.

    `things` are what may be held or stand by; `styles` and `places` are what the split shows.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        relations: Relations,
        things: Sequence[Concept],
        places: Sequence[Concept],
        styles: Sequence[str],
    ):
        self.catalogue = catalogue
        self.relations = relations
        self.things = tuple(things)
        self.places = tuple(places)
        self.styles = tuple(styles)
        self._actors = {kind: [c for c in catalogue.actors if c.kind == kind] for kind in KIND_WEIGHTS}
        self._aimable = [c for c in catalogue.safe_objects if c.name in AIMABLE]

    def actor(self, rng: random.Random) -> Concept:
        """A being; its kind by KIND_WEIGHTS, so that animals do not crowd out people."""
        kind = rng.choices(tuple(KIND_WEIGHTS), weights=tuple(KIND_WEIGHTS.values()))[0]
        return rng.choice(self._actors[kind])

    def weight(self, being: Concept) -> float:
        """The chance that `actor` draws the being, up to a constant."""
        return KIND_WEIGHTS[being.kind] / len(self._actors[being.kind])

    @staticmethod
    def being(rng: random.Random, concept: Concept) -> Entity:
        """The being with a sex and a tone of skin, where it is drawn with one."""
        tone = rng.randrange(1, TONES) if concept.human and rng.random() < TONED else 0
        return Entity(concept, sex=rng.choice(concept.drawn_sexes), tone=tone)

    def thing(self, rng: random.Random, concept: Concept) -> Entity:
        """The thing, with a count, a colour or a size now and then."""
        count = rng.randint(2, MOST) if concept.counts and rng.random() < COUNTED else 1
        color = rng.choice(tuple(self.catalogue.attributes.colors)) if self._colored(rng, concept) else ""
        size = rng.choice(("big", "small")) if count == 1 and rng.random() < SIZED else ""
        return Entity(concept, count=count, color=color, size=size)

    @staticmethod
    def _colored(rng: random.Random, concept: Concept) -> bool:
        return rng.random() < COLORED and concept.colorable

    def relation(self, rng: random.Random, of: Concept, to: Concept) -> Relation:
        """A spatial relation that the two can stand in: things hold nothing, animals are not held."""
        if of.human and not (to.acts or to.kind in ("building", "vehicle")) and rng.random() < 0.5:
            return self.relations.by_name["holding"]
        fitting = [r for r in self.relations.spatial if r.name != "holding" or (of.acts and not to.acts)]
        if to.kind not in STURDY_KINDS:
            fitting = [r for r in fitting if r.name != "on top of"]
        return rng.choice(fitting)

    def _set(self, rng: random.Random, shape: Shape, place: Concept | None = None, **fields) -> Scene:
        """A scene with place, style, backdrop and layout drawn."""
        place = place or rng.choice(self.places)
        style, variant, layout = rng.choice(self.styles), rng.randrange(VARIANTS), rng.getrandbits(31)
        return Scene(shape, place, style=style, variant=variant, layout=layout, **fields)

    def alone(self, rng: random.Random) -> Scene:
        being = self.being(rng, self.actor(rng))
        if being.concept.kind == "animal" and rng.random() < COUNTED:
            being = replace(being, count=rng.randint(2, MOST))
        return self._set(rng, "alone", subject=being)

    def still(self, rng: random.Random, thing: Concept | None = None) -> Scene:
        return self._set(rng, "still", object=self.thing(rng, thing or rng.choice(self.things)))

    def still_two(self, rng: random.Random) -> Scene:
        first, second = rng.sample(self.things, 2)
        relation = self.relation(rng, first, second).name
        sides = {"object": self.thing(rng, first), "second": self.thing(rng, second)}
        return self._set(rng, "still_two", relation=relation, **sides)

    def pair(
        self,
        rng: random.Random,
        subject: Concept | None = None,
        thing: Concept | None = None,
        place: Concept | None = None,
    ) -> Scene:
        """A being and a thing; each drawn unless given."""
        subject, thing = subject or self.actor(rng), thing or rng.choice(self.things)
        entities = {"subject": self.being(rng, subject), "object": self.thing(rng, thing)}
        return self._set(rng, "pair", place, relation=self.relation(rng, subject, thing).name, **entities)

    def trio(self, rng: random.Random, second: Concept | None = None, **given: Concept | None) -> Scene:
        """A pair, and a second thing beside it."""
        base = self.pair(rng, **given)
        return replace(base, shape="trio", second=self.thing(rng, second or rng.choice(self.things)))

    def aimed(self, rng: random.Random, thing: Concept | None = None) -> Scene:
        """A being that points a thing at another being."""
        first, target = self.being(rng, self._person(rng)), self.being(rng, self.actor(rng))
        aimed = Entity(thing or rng.choice(self._aimable))
        return self._set(rng, "aimed", subject=first, object=aimed, second=target, relation=AIMED)

    def _person(self, rng: random.Random) -> Concept:
        return rng.choice(self.catalogue.humans)

    def verb(
        self, rng: random.Random, verb: Relation, subject: Concept | None = None, place: Concept | None = None
    ) -> Scene:
        """A being that does something to another."""
        first, other = subject or self.actor(rng), self.actor(rng)
        while other == first:
            other = self.actor(rng)
        beings = {"subject": self.being(rng, first), "second": self.being(rng, other)}
        return self._set(rng, "verb", place, relation=verb.name, **beings)


def sample_until(rng: random.Random, draw: Callable[[random.Random], Scene | None], tries: int = 400) -> Scene | None:
    """The first of `tries` draws that is not None."""
    for _ in range(tries):
        if (scene := draw(rng)) is not None:
            return scene
    return None
