"""Captions of scenes: a few words, drawn from a seed, with the wording of each concept drawn apart."""

import random
from dataclasses import dataclass, replace

from .concepts import Concept, World

FRAMES = ("{}", "{}", "{}", "a picture of {}", "a drawing of {}", "a cartoon of {}")
LINKS = ("holding", "with", "with", "and", "next to", "beside", "showing", "carrying")


@dataclass(frozen=True)
class Wording:
    """Every choice that a caption makes, so that a twin can repeat all but the object's."""

    frame: str
    link: str
    subject: int
    object: int
    place: int

    def with_object(self, wording: int) -> "Wording":
        return replace(self, object=wording)

    def caption(self, subject: Concept, thing: Concept, place: Concept) -> str:
        """For example "a drawing of a cook holding a silver spoon at the kitchen counter"."""
        words = (subject.words[self.subject], self.link, thing.words[self.object], place.words[self.place])
        return self.frame.format(" ".join(words))

    def object_alone(self, thing: Concept) -> str:
        """For example "a drawing of a silver spoon"."""
        return self.frame.format(thing.words[self.object])

    def partial_caption(self, subject: Concept, thing: Concept, place: Concept, rng: random.Random) -> str:
        """A caption that leaves one or two of the three unsaid, as a visitor's query may."""
        who, what, where = subject.words[self.subject], thing.words[self.object], place.words[self.place]
        kept = rng.choice((who, what, what, f"{who} {where}", f"{what} {where}", f"{who} {self.link} {what}"))
        return self.frame.format(kept)


def sample_wording(rng: random.Random, subject: Concept, thing: Concept, place: Concept) -> Wording:
    return Wording(
        rng.choice(FRAMES),
        rng.choice(LINKS),
        rng.randrange(len(subject.words)),
        rng.randrange(len(thing.words)),
        rng.randrange(len(place.words)),
    )


def all_phrases(world: World) -> list[str]:
    """Every piece that a caption can be made of, each once: what a tokenizer has to know."""
    frames = {frame.format("").strip() for frame in FRAMES} - {""}
    phrases = {phrase for concept in world.concepts for phrase in concept.words}
    return sorted(frames | set(LINKS) | phrases)


def vocabulary(world: World) -> list[str]:
    """Every word that a caption can hold, lower-case, sorted."""
    return sorted({word for phrase in all_phrases(world) for word in phrase.lower().split()})
