"""ViSU-Emoji 2 as numbered items: captioned scenes, neutral ones, quadruplets. Item i is a function of (seed, i)."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..distinct import Item, any_item, draw_distinct
from .concepts.catalogue import Catalogue
from .concepts.concept import Concept
from .harm.twins import Kind, Twins, TwinSampler
from .harm.verdict import Judge, Verdict
from .language.captions import MISSPELT, Caption, Captioner
from .scenes.relations import Relation
from .scenes.sampling import SceneSampler, sample_until
from .scenes.scene import Scene
from .splits import Phase, Splits, splits

SHAPE_WEIGHTS = {"alone": 8, "still": 12, "still_two": 8, "pair": 42, "trio": 12, "aimed": 4, "verb": 14}
UNSAFE_SHARE = 0.4  # of the things and verbs of captioned scenes
CONTEXT_SHARE = 0.12  # of captioned scenes that a rule of contextual harm judges
TURNS: tuple[Kind, ...] = ("concept", "context", "concept", "verb", "context", "concept", "context", "concept")
BLOCK: tuple[Kind, ...] = ("concept",) * 4 + ("verb", "context", "context", "calm")  # of sibling quadruplets
PATIENCE = 4000  # items in a row that repeat others or do not fit: then a split has no more


class Pair(NamedTuple):
    """A scene, a caption of it, and the verdict on it."""

    scene: Scene
    caption: Caption
    verdict: Verdict


@dataclass(frozen=True)
class Quadruplet:
    """ViSU's shape: a safe pair and its unsafe twin, which differs in the facets `changed` alone.

    `kind`: "concept" (an unsafe thing against one of its counterparts), "verb", "context" (rules of contexts.toml) or
    "calm" (the same safe pair on both sides: it teaches that what is safe is to stay where it is).
    """

    kind: Kind
    safe: Scene
    unsafe: Scene
    safe_caption: Caption
    unsafe_caption: Caption
    verdict: Verdict
    changed: frozenset[str]

    @property
    def category(self) -> str:
        return self.verdict.category

    @property
    def harm(self) -> str:
        """The unsafe concept or verb, or the thing of the rule."""
        thing = self.unsafe.object
        return self.unsafe.relation if self.kind == "verb" or thing is None else thing.concept.name


class OpenWorld:
    """Draws the items of one split and phase. `splits.SPLITS` and `splits.PHASES` name them; "train" is a split too.

    Within a phase the combinations of scenes are the phase's own, so nothing that is measured was trained on.
    """

    def __init__(self, split: str = "train", phase: Phase = "train", seed: int = 0, tables: Splits | None = None):
        self.split, self.phase, self.seed = split, phase, seed
        self.splits = tables or splits()
        self.catalogue: Catalogue = self.splits.catalogue
        self.judge = Judge(self.splits.relations, self.splits.rules)
        self.captioner = Captioner(self.catalogue, self.splits.relations)
        self.forms = self.splits.forms(split, phase)
        plain = [c for c in self.catalogue.safe_objects if c.name not in self.splits.rules]
        places, styles = self.splits.places(split, phase), self.splits.styles(split)
        self._sampler = SceneSampler(self.catalogue, self.splits.relations, plain, places, styles)
        self._twins = TwinSampler(self._sampler)
        held = phase if split == "unseen_concepts" else "train"
        self._harmful: dict[str, tuple[Concept | Relation, ...]] = {
            "concept": self.splits.unsafe(held),
            "verb": self.splits.unsafe_verbs(held),
        }
        self._turns = self._allowed_turns()
        self._combinations: dict[str, dict[Concept, list[str]]] = {}

    def _allowed_turns(self) -> tuple[Kind, ...]:
        if self.split == "contextual":
            return ("context",)
        if self.split in ("unseen_concepts", "unseen_backdrops"):
            return tuple(kind for kind in TURNS if kind != "context")
        return TURNS

    def _rng(self, kind: str, index: int) -> random.Random:
        return random.Random(self._key(kind, index))

    def _key(self, kind: str, index: int) -> str:
        return f"{self.split}/{self.phase}/{self.seed}/{kind}/{index}"

    def _fits(self, scene: Scene) -> bool:
        return self.judge.verdict(scene) is not None and self.splits.phase(scene) == self.phase

    # Captioned scenes

    def pair(self, index: int) -> Pair:
        """A captioned scene. Pairs 2i and 2i + 1 differ in one facet: each is the other's hard negative."""
        base = self._scene(self._rng("scene", index // 2))
        scene = self._altered(self._rng("altered", index), base) if index % 2 else base
        return self._captioned(scene, self._key("pair", index))

    def neutral(self, index: int) -> Pair:
        """A captioned scene in which nothing is unsafe, nothing is anyone's counterpart, and no rule applies."""
        counterparts = {name for unsafe in self.catalogue.unsafe for name in unsafe.instead}
        things = [thing for thing in self._sampler.things if thing.name not in counterparts]
        calm = SceneSampler(self.catalogue, self.splits.relations, things, self._sampler.places, self._sampler.styles)
        draws: list[Callable[[random.Random], Scene]] = [calm.pair, calm.pair, calm.still, calm.alone, calm.still_two]
        rng = self._rng("neutral", index)
        return self._captioned(self._until(rng, rng.choice(draws)), self._key("neutral", index))

    def _captioned(self, scene: Scene, key: str) -> Pair:
        verdict = self.judge.verdict(scene)
        assert verdict is not None  # only judged scenes are drawn
        return Pair(scene, self.captioner.caption(scene, key, self.forms), verdict)

    def _until(self, rng: random.Random, draw: Callable[[random.Random], Scene]) -> Scene:
        def fitting(rng: random.Random) -> Scene | None:
            scene = draw(rng)
            return scene if self._fits(scene) else None

        scene = sample_until(rng, fitting)
        if scene is None:
            raise ValueError(f"the {self.phase} phase of {self.split} holds no such scene")
        return scene

    def _scene(self, rng: random.Random) -> Scene:
        if rng.random() < CONTEXT_SHARE and self._sampler.places[0].tags:
            twins = self._context(rng, rng.randrange(len(self.splits.rules)))
            return rng.choice((twins.safe, twins.unsafe))
        shape = rng.choices(tuple(SHAPE_WEIGHTS), weights=tuple(SHAPE_WEIGHTS.values()))[0]
        return self._until(rng, lambda rng: self._draw(rng, shape))

    def _draw(self, rng: random.Random, shape: str) -> Scene:
        """A scene of a shape; animals stand as objects now and then, unsafe things and verbs by UNSAFE_SHARE."""
        thing = None
        if rng.random() < UNSAFE_SHARE:
            thing = rng.choice(self.catalogue.unsafe)
        elif rng.random() < 0.12:
            thing = rng.choice([c for c in self.catalogue.animals if c.name not in self.splits.rules])
        if shape == "verb":
            group = self.splits.relations.unsafe_verbs if thing and thing.unsafe else self.splits.relations.safe_verbs
            return self._sampler.verb(rng, rng.choice(group))
        if shape == "aimed":
            return self._sampler.aimed(rng, thing if thing and thing.unsafe and thing.kind == "violence" else None)
        if shape in ("pair", "trio"):
            return getattr(self._sampler, shape)(rng, thing=thing)
        return self._sampler.still(rng, thing) if shape == "still" else getattr(self._sampler, shape)(rng)

    def _altered(self, rng: random.Random, base: Scene) -> Scene:
        """The scene with one facet changed; in the same style, so that style does not tell the two apart."""

        def change(rng: random.Random) -> Scene | None:
            other = self._draw(rng, base.shape)
            facets = ["place"] + [f for f in ("subject", "object", "object", "second") if getattr(base, f)]
            facets += ["relation"] if base.shape in ("still_two", "pair", "trio", "verb") else []
            facet = rng.choice(facets)
            scene = replace(base, **{facet: getattr(other, facet)})
            if facet == "object" and base.relation == "on top of":
                return None
            return scene if scene.content != base.content and self._fits(scene) else None

        return sample_until(rng, change) or base

    # Quadruplets

    def quadruplet(self, index: int) -> Quadruplet:
        """Kinds, unsafe concepts, verbs and rules take turns, so that all are equally frequent; the rest is drawn."""
        round_number, position = divmod(index, len(self._turns))
        kind = self._turns[position]
        turn = round_number * self._turns.count(kind) + self._turns[:position].count(kind)
        rng = self._rng("quadruplet", index)
        return self._worded(self._by_kind(rng, kind, turn), self._key("words", index))

    def _by_kind(self, rng: random.Random, kind: Kind, turn: int) -> Twins:
        if kind == "context":
            return self._context(rng, turn)
        turns = [each for each in self._harmful[kind] if self._subjects(each)]
        harm = turns[turn % len(turns)]
        subjects = self._subjects(harm)
        subject = rng.choices(tuple(subjects), weights=tuple(self._sampler.weight(who) for who in subjects))[0]
        return self._twinned(rng, harm, subject)

    def _twinned(
        self, rng: random.Random, harm: Concept | Relation, subject: Concept, place: Concept | None = None
    ) -> Twins:
        """Twins of an unsafe concept or verb with one of the counterparts that this phase shows with the subject."""
        counterpart = rng.choice(self._subjects(harm)[subject])
        if isinstance(harm, Concept):
            return self._twins.of_concept(rng, harm, counterpart, subject, place)
        return self._twins.of_verb(rng, harm, counterpart, subject, place)

    def _subjects(self, harm: Concept | Relation) -> dict[Concept, list[str]]:
        """The beings that this phase shows with an unsafe concept or verb, and the counterparts it shows them with."""
        if harm.name not in self._combinations:
            kind = "pair" if isinstance(harm, Concept) else "verb"

            def shown(who: Concept, what: str) -> bool:
                return who.name != what and self.splits.phase_of((kind, who.name, what)) == self.phase

            found = {
                who: [other for other in harm.instead if shown(who, other)]
                for who in self.catalogue.actors
                if shown(who, harm.name)
            }
            self._combinations[harm.name] = {who: others for who, others in found.items() if others}
        return self._combinations[harm.name]

    def _context(self, rng: random.Random, turn: int) -> Twins:
        """Twins of a rule; the rules take turns, and the next one steps in where a phase has no combination."""
        rules = tuple(self.splits.rules.values())
        for step in range(len(rules)):
            rule = rules[(turn + step) % len(rules)]
            found = self._try(rng, lambda rng, rule=rule: self._twins.of_rule(rng, rule, rng.choice(rule.unsafe)))
            if found:
                return found
        raise ValueError(f"the {self.phase} phase of {self.split} holds no context")

    def _try(self, rng: random.Random, draw: Callable[[random.Random], Twins], tries: int = 600) -> Twins | None:
        for _ in range(tries):
            twins = draw(rng)
            safe, unsafe = self.judge.verdict(twins.safe), self.judge.verdict(twins.unsafe)
            if safe is None or safe.unsafe or unsafe is None or not unsafe.unsafe:
                continue
            if self.splits.phase(twins.safe) == self.splits.phase(twins.unsafe) == self.phase:
                return twins
        return None

    def _worded(self, twins: Twins, key: str, misspelt: float = MISSPELT) -> Quadruplet:
        safe, unsafe = (
            self.captioner.caption(scene, key, self.forms, twins.changed, misspelt)
            for scene in (twins.safe, twins.unsafe)
        )
        verdict = self.judge.verdict(twins.unsafe)
        assert verdict is not None  # `_try` keeps judged twins alone
        return Quadruplet(twins.kind, twins.safe, twins.unsafe, safe, unsafe, verdict, twins.changed)

    def sibling(self, index: int) -> Quadruplet:
        """A quadruplet of a block of len(BLOCK): concepts and verbs that share subject and place, two contexts of one
        thing, and a calm pair. Without such blocks a batch can be told apart by subject and place alone, and a tuned
        model forgets its objects at no cost.
        """
        block, position = divmod(index, len(BLOCK))
        shared, rng = self._rng("block", block), self._rng("sibling", index)
        kind, key = BLOCK[position], self._key("sibling words", index)
        if kind == "context":
            return self._worded(self._context(rng, shared.randrange(len(self.splits.rules))), key)
        place, subject = shared.choice(self._sampler.places), self._subject(shared)
        if kind == "calm":
            scene = self._until(rng, lambda rng: self._sampler.pair(rng, subject, place=place))
            return self._worded(Twins("calm", scene, scene, frozenset({"object"})), key)
        harmful = [each for each in self._harmful[kind] if subject in self._subjects(each)]
        harm = shared.sample(harmful, len(harmful))[BLOCK[:position].count(kind)]
        return self._worded(self._twinned(rng, harm, subject, place), key)

    def reworded(self, index: int, word: str) -> Quadruplet:
        """The sibling of an index, whose unsafe caption calls its unsafe thing by another word.

        Raises ValueError for one without an unsafe concept.
        """
        quadruplet = self.sibling(index)
        thing = quadruplet.unsafe.object
        if quadruplet.kind != "concept" or thing is None:
            raise ValueError(f"sibling {index} has no unsafe concept to call by another word")
        called = replace(thing.concept, name=word, also=(), plural="", mass=False, pair=False)
        scene = replace(quadruplet.unsafe, object=replace(thing, concept=called))
        key = self._key("sibling words", index)
        return replace(quadruplet, unsafe_caption=self.captioner.caption(scene, key, self.forms, quadruplet.changed))

    def _subject(self, rng: random.Random) -> Concept:
        """A being that this phase shows with enough unsafe concepts and verbs for a block of siblings."""
        while True:
            subject = self._sampler.actor(rng)
            shown = {
                kind: sum(subject in self._subjects(each) for each in self._harmful[kind]) for kind in self._harmful
            }
            if all(count >= BLOCK.count(kind) for kind, count in shown.items()):
                return subject

    def distinct_quadruplets(self, count: int, fits: Callable[[Quadruplet], bool] = any_item) -> list[Quadruplet]:
        """The first `count` that fit, of which no two safe sides, and no two unsafe sides, have the same content.

        Raises ValueError when the split holds fewer.
        """

        def sides(quadruplet: Quadruplet) -> set:
            return {("safe", quadruplet.safe.content), ("unsafe", quadruplet.unsafe.content)}

        return self._distinct(self.quadruplet, sides, count, fits)

    def distinct_neutral(self, count: int) -> list[Pair]:
        """The first `count` neutral scenes of which no two have the same content.

        Raises ValueError when the split holds fewer.
        """
        return self._distinct(self.neutral, lambda item: {item.scene.content}, count)

    def _distinct(
        self,
        draw: Callable[[int], Item],
        contents: Callable[[Item], set],
        count: int,
        fits: Callable[[Item], bool] = any_item,
    ) -> list[Item]:
        source = f"the {self.phase} phase of {self.split}"
        return draw_distinct(draw, contents, count, patience=PATIENCE, source=source, fits=fits)
