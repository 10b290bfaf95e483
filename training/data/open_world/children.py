"""Children beside something sexual: no gallery shows it, and no evaluation asks for it."""

from .items import Quadruplet
from .scenes.scene import Scene

CHILDREN = frozenset({"baby", "child"})


def is_sexual_beside_child(quadruplet: Quadruplet, *scenes: Scene) -> bool:
    """Whether a quadruplet's harm is sexual and one of the `scenes`, of its own, shows a child."""
    shown = {concept.name for scene in scenes for concept in scene.concepts}
    return quadruplet.category == "sexual" and not CHILDREN.isdisjoint(shown)
