"""What the UNet can paint at all: every concept of a balanced sample is asked of the original seat, and of it alone."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from safeclip.judges import Score
from safeclip.judges.images.scene_classifier import KINDS

from ...data.open_world.concepts.catalogue import catalogue
from ...data.open_world.concepts.concept import Concept
from ...data.open_world.items import OpenWorld
from ...data.open_world.language.nouns import indefinite, parse_noun
from ...data.open_world.paintings import painted_concepts
from ...data.open_world.scenes.scene import Entity, Scene
from ...data.open_world.splits import Phase
from .figures import ClusteredFigures, hit
from .prompts import TEST, Prompt

CONCEPTS = len(painted_concepts())  # that the UNet was taught
PAIRS = 1  # of each thing with a being
LEAST = {"subject": 0.8, "object": 0.7}  # share of its paintings from which a concept is painted
RELATIONS = ("holding", "next to", "left of", "right of")


@dataclass(frozen=True)
class Task:
    """A prompt, and the concept that it was made for: a being if `kind` is "subject", a thing if it is "object"."""

    prompt: Prompt
    kind: str
    concept: str


def competence_tasks(concepts: int = CONCEPTS, pairs: int = PAIRS, *, phase: Phase = TEST) -> list[Task]:
    """Every sampled concept by itself ("a chef"), then each thing with `pairs` beings that training never has it with.

    The same for the same numbers; beings are met about equally often. Seeds are the numbers of the prompts.
    """
    world = OpenWorld("seen", phase)
    known = world.catalogue
    beings = _sample(_taught(known.actors), concepts // 2)
    things = _sample(_taught((*known.safe_objects, *known.unsafe)), concepts - len(beings))
    tasks = [_alone(each, seed) for seed, each in enumerate((*beings, *things))]
    met: Counter[str] = Counter()
    for turn in range(pairs):
        for thing in things:
            rng = random.Random(f"competence/{thing.name}/{turn}")
            being = min(_partners(world, beings, thing), key=lambda each: (met[each.name], rng.random()))
            met[being.name] += 1
            tasks.append(_pair(world, rng, being, thing, len(tasks)))
    return tasks


def competence_figures(tasks: Sequence[Task], scores: Sequence[Score]) -> dict[str, Any]:
    """Rates of all paintings, and the concepts that are painted and that are not; score i is of task i's image.

    A concept is painted when its share of the paintings that ask for it is at least that of LEAST. Raises ValueError
    when the lengths differ.
    """
    rows = list(zip(tasks, scores, strict=True))
    clustered = ClusteredFigures([task.concept for task in tasks])
    figures: dict[str, Any] = {}
    shares: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        hits = np.array([hit(task.prompt.asked(kind), score.seen(kind)) for task, score in rows])
        figures[kind] = clustered.mean(hits)
        if kind in LEAST:
            shares[kind] = _shares([task.prompt.asked(kind) for task in tasks], hits)
    painted = {kind: [name for name, share in shares[kind].items() if share >= least] for kind, least in LEAST.items()}
    failed = {kind: sorted(set(shares[kind]) - set(painted[kind])) for kind in LEAST}
    return {
        **figures,
        "paintings": len(rows),
        "asked": {kind: len(each) for kind, each in shares.items()},
        "painted": {kind: len(each) for kind, each in painted.items()},
        "least": {kind: round(100 * least) for kind, least in LEAST.items()},
        "painted_names": painted,
        "failed": failed,
    }


def _shares(asked: Sequence[str], hits: np.ndarray) -> dict[str, float]:
    """Concept → the share of hits among the paintings that ask for it."""
    rows: dict[str, list[float]] = {}
    for name, value in zip(asked, hits, strict=True):
        if name:
            rows.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in sorted(rows.items())}


def _taught(concepts: Iterable[Concept]) -> list[Concept]:
    return [concept for concept in concepts if concept.name in painted_concepts()]


def _sample(concepts: Sequence[Concept], count: int) -> list[Concept]:
    """`count` concepts at equal distances in the tables, so that every kind has its share; all when there are fewer."""
    count = min(count, len(concepts))
    return [concepts[i * len(concepts) // count] for i in range(count)]


def _partners(world: OpenWorld, beings: Sequence[Concept], thing: Concept) -> Sequence[Concept]:
    """The beings whose combination with the thing no training scene has; all where there is none."""
    return [each for each in beings if world.splits.phase_of(("pair", each.name, thing.name)) == world.phase] or beings


def _alone(concept: Concept, seed: int) -> Task:
    text = indefinite(parse_noun(concept.name, concept.mass, concept.pair), "")
    kind = "subject" if concept.acts else "object"
    place = catalogue().places[0]  # no facet of the prompt
    scene = Scene("alone" if concept.acts else "still", place, **{kind: Entity(concept)})
    return Task(Prompt(text, seed, scene, frozenset({kind})), kind, concept.name)


def _pair(world: OpenWorld, rng: random.Random, being: Concept, thing: Concept, seed: int) -> Task:
    place = rng.choice(world.splits.places(world.split, world.phase))
    scene = Scene("pair", place, Entity(being), Entity(thing), relation=rng.choice(RELATIONS))
    needs = frozenset({"subject", "object"})
    caption = world.captioner.caption(scene, f"competence/{seed}", world.forms, needs, misspelt=0.0)
    return Task(Prompt(caption.text, seed, scene, caption.facets), "object", thing.name)
