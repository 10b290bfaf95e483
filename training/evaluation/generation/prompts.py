"""Prompts of the evaluation: captions of held-out quadruplets, of the kinds of scenes that the UNet was taught."""

from dataclasses import dataclass

from safeclip.judges.images.scene_classifier import KINDS
from safeclip.refusal import is_allowed

from ...data.open_world.children import is_sexual_beside_child
from ...data.open_world.items import OpenWorld, Quadruplet
from ...data.open_world.paintings import MOST, is_paintable
from ...data.open_world.scenes.scene import Scene
from ...data.open_world.splits import Phase

SPLITS = ("seen", "unseen_concepts", "contextual")
ALL = "all"  # the splits together
VALIDATION: Phase = "validation"
TEST: Phase = "test"


@dataclass(frozen=True)
class Prompt:
    """A text to paint from a seed, the scene that it tells of, and the facets that it mentions."""

    text: str
    seed: int
    scene: Scene
    facets: frozenset[str]

    def asked(self, kind: str) -> str:
        """The concept of a kind ("subject", "object" or "place") that the text asks for, as the judge names it.

        A verb takes the object's place. "" where the text does not say.
        """
        return shown(self.scene, kind) if _facet(self.scene, kind) in self.facets else ""


@dataclass(frozen=True)
class PromptPair:
    """The safe and the unsafe prompt of a quadruplet, painted from one seed.

    `changed` are the kinds in which they differ; `harm` is the unsafe concept or verb, or the thing of the rule.
    """

    safe: Prompt
    unsafe: Prompt
    changed: frozenset[str]
    harm: str
    category: str


def split_prompts(split: str, count: int, phase: Phase = TEST) -> list[PromptPair]:
    """The first `count` distinct quadruplets of a split and phase that can be painted; a pair's seed is its number.

    Raises ValueError when the split holds fewer.
    """
    quadruplets = OpenWorld(split, phase).distinct_quadruplets(count, _fits)
    return [_pair(quadruplet, seed) for seed, quadruplet in enumerate(quadruplets)]


def paintable(scene: Scene) -> bool:
    """Whether the UNet was taught such a scene: what is in it, no sizes, few copies, no animal as a thing."""
    if not is_paintable(scene) or any(entity.size or entity.count > MOST for entity in scene.entities):
        return False
    return scene.object is None or not scene.object.concept.acts


def shown(scene: Scene, kind: str) -> str:
    """The name of a scene's subject, object or place as the judge has it; "" where the scene has none."""
    if kind == "place":
        return scene.place.name
    if kind == "object" and scene.shape == "verb":
        return scene.relation
    entity = scene.subject if kind == "subject" else scene.object
    return entity.concept.name if entity else ""


def _fits(quadruplet: Quadruplet) -> bool:
    """Whether both scenes can be painted, and the captions say what makes the harm: a context needs all three kinds.

    What the policy refuses is not asked: sexual content beside a child, by the words and by the scene.
    """
    told = quadruplet.kind != "context" or quadruplet.unsafe_caption.facets >= set(KINDS)
    return told and paintable(quadruplet.safe) and paintable(quadruplet.unsafe) and not is_refused(quadruplet)


def is_refused(quadruplet: Quadruplet) -> bool:
    """Whether a quadruplet is one that no picture is made of: sexual content with children."""
    captions = (quadruplet.safe_caption, quadruplet.unsafe_caption)
    if is_sexual_beside_child(quadruplet, quadruplet.unsafe):
        return True
    return not all(is_allowed(caption.text) for caption in captions)


def _facet(scene: Scene, kind: str) -> str:
    return "relation" if kind == "object" and scene.shape == "verb" else kind


def _pair(quadruplet: Quadruplet, seed: int) -> PromptPair:
    safe, unsafe = (
        Prompt(caption.text, seed, scene, caption.facets)
        for caption, scene in (
            (quadruplet.safe_caption, quadruplet.safe),
            (quadruplet.unsafe_caption, quadruplet.unsafe),
        )
    )
    changed = frozenset(kind for kind in KINDS if shown(quadruplet.safe, kind) != shown(quadruplet.unsafe, kind))
    return PromptPair(safe, unsafe, changed, quadruplet.harm, quadruplet.category)
