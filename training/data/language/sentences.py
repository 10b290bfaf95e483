"""Composes sentences from WordNet's words by seed: they teach how words combine, which lemmas and glosses do not.

Lexicographer files say what a noun is: who (noun.person, noun.animal), what (noun.artifact, noun.food, noun.plant),
where (noun.location, and whatever lies under "structure" or "area"). A frequent word is drawn more often.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from .inflection import article, participle, plural
from .wordnet import Lemma, Synset, WordNet

FRAMES = (
    "{who} {doing} {what} {where}",
    "{who} {doing} {what}",
    "{who} with {what} {where}",
    "{who} with {what}",
    "{who} and {what} {where}",
    "{who} holding {what}",
    "{who} {acting} {where}",
    "{who} {where}",
    "{what} {where}",
    "{what} next to {what}",
    "{what} and {what}",
    "{what} on top of {what}",
    "{what} in front of {who}",
    "{who} beside {who} {where}",
    "{who} giving {what} to {who}",
    "{who} pointing {what} at {who}",
    "{who} wearing {what}",
    "{who} carrying {what} and {what}",
    "{who} who is {acting}",
    "{who} without {what}",
    "{where}, {who} is {doing} {what}",
    "{where} there is {what}",
    "there is {who} {where}",
    "here {who} is {acting}",
    "a photo of {what}",
    "a photo of {who} {doing} {what}",
    "a picture of {who} {where}",
    "a drawing of {what} {where}",
    "an illustration of {who} with {what}",
    "a cartoon of {who} {acting}",
    "a close-up of {what}",
    "show me {who} with {what}",
    "show me {what} {where}",
    "i am looking for {what}",
    "can you find {who} {doing} {what}?",
    "is there {what} {where}?",
    "what is {who} doing with {what}?",
    "where is {what}?",
    "{name} {name} {name}",
    "{name} {name}",
    "{trait} {name}",
    "{name} {place}",
    "{name}, {name} and {name} {where}",
    "{who} is {trait}",
    "{what} is {trait} and {trait}",
    "somebody {doing} {what}",
    "someone is {acting} {where}",
    "{number} {names} {where}",
    "{number} {names} and {what}",
    "{who}",
    "{what}",
    "{who}, {trait}, {where}",
)
_PREPOSITIONS = ("in", "in", "in", "at", "at", "on", "near", "outside", "inside", "behind", "in front of", "by")
_NUMBERS = ("two", "three", "four", "five", "six", "several", "many", "a few", "2", "3", "4")
_DETERMINERS = ("the", "my", "his", "her", "this", "some", "another", "no")
_TRANSITIVE, _INTRANSITIVE = frozenset({8, 9, 11}), frozenset({1, 2})  # WordNet's verb frames, wninput(5WN)
_ACTING_FILES = ("verb.motion", "verb.body", "verb.communication", "verb.contact", "verb.emotion", "verb.perception")
_DOING_FILES = (*_ACTING_FILES, "verb.possession", "verb.consumption", "verb.creation", "verb.competition")
_PLACE_ROOTS = frozenset({"structure", "area", "geological formation", "body of water", "way", "region"})
_RARE = 0.05  # weight of a word that is never used, so that a fifth of what is drawn is rare
_SLOT = re.compile(r"\{(\w+)\}")


class Pool:
    """Words drawn with a probability that grows with the square root of how common they are."""

    def __init__(self, lemmas: Iterable[Lemma]):
        found = {lemma.text: lemma.count for lemma in lemmas}
        self._texts = [*found]
        self._cumulated = [*accumulate((_RARE + count) ** 0.5 for count in found.values())]

    def draw(self, rng: random.Random) -> str:
        return rng.choices(self._texts, cum_weights=self._cumulated)[0]


class SentenceComposer:
    """Draws sentences from FRAMES, filling each slot with words of WordNet."""

    def __init__(self, wordnet: WordNet):
        common = [lemma for lemma in wordnet.lemmas if lemma.text.islower() and lemma.text.count(" ") < 2]
        nouns = [lemma for lemma in common if lemma.sense.part == "noun"]
        places = {lemma.text for lemma in nouns if _is_place(wordnet, lemma.sense)}
        self._people = Pool(_of_files(nouns, "noun.person"))
        self._animals = Pool(_of_files(nouns, "noun.animal"))
        things = (lemma for lemma in nouns if lemma.text not in places)
        self._things = Pool(_of_files(things, "noun.artifact", "noun.food", "noun.plant"))
        self._places = Pool(lemma for lemma in nouns if lemma.text in places)
        self._traits = Pool(_of_files(common, "adj.all"))
        self._doing = Pool(lemma for lemma in _of_files(common, *_DOING_FILES) if lemma.sense.frames & _TRANSITIVE)
        self._acting = Pool(lemma for lemma in _of_files(common, *_ACTING_FILES) if lemma.sense.frames & _INTRANSITIVE)
        self._slots: dict[str, Callable[[random.Random], str]] = {
            "who": lambda rng: self._phrase(self._being(rng), rng),
            "what": lambda rng: self._phrase(self._things.draw(rng), rng),
            "where": self._where,
            "doing": lambda rng: participle(self._doing.draw(rng)),
            "acting": lambda rng: participle(self._acting.draw(rng)),
            "trait": self._traits.draw,
            "name": self._name,
            "names": lambda rng: plural(self._name(rng)),
            "place": self._places.draw,
            "number": lambda rng: rng.choice(_NUMBERS),
        }

    def compose(self, rng: random.Random) -> str:
        """One sentence, for example "a widower pointing an oat at a proboscis monkey"."""
        return _SLOT.sub(lambda slot: self._slots[slot[1]](rng), rng.choice(FRAMES))

    def sentences(self, count: int, seed: int) -> Iterator[str]:
        """`count` sentences, the same for the same seed; a few may be equal."""
        rng = random.Random(seed)
        return (self.compose(rng) for _ in range(count))

    def _being(self, rng: random.Random) -> str:
        return (self._people if rng.random() < 0.7 else self._animals).draw(rng)

    def _name(self, rng: random.Random) -> str:
        return self._being(rng) if rng.random() < 0.5 else self._things.draw(rng)

    def _phrase(self, noun: str, rng: random.Random) -> str:
        """The noun with an article, a number or another determiner, and now and then an adjective before it."""
        chance = rng.random()
        if rng.random() < 0.25:
            noun = f"{self._traits.draw(rng)} {noun}"
        if chance < 0.7:
            return f"{article(noun)} {noun}"
        if chance < 0.8:
            return f"{rng.choice(_NUMBERS)} {plural(noun)}"
        return f"{rng.choice(_DETERMINERS)} {noun}" if chance < 0.92 else noun

    def _where(self, rng: random.Random) -> str:
        place = self._places.draw(rng)
        return f"{rng.choice(_PREPOSITIONS)} {article(place) if rng.random() < 0.4 else 'the'} {place}"


def _of_files(lemmas: Iterable[Lemma], *files: str) -> Iterator[Lemma]:
    return (lemma for lemma in lemmas if lemma.sense.file in files)


def _is_place(wordnet: WordNet, sense: Synset) -> bool:
    if sense.file == "noun.location":
        return True
    above = (ancestor.lemmas[0] for ancestor in wordnet.ancestors(sense))
    return sense.file in ("noun.artifact", "noun.object") and not _PLACE_ROOTS.isdisjoint(above)
