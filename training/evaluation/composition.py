"""How often a judge's reading of a scene's composition is right: counts, colours, and sides."""

from collections.abc import Iterator, Sequence

from safeclip.judges.images.composition import Composition

from ..data.open_world.scenes.scene import Entity, Scene

SIDE_OF = {"left of": "left of", "right of": "right of", "on top of": "above", "under": "below"}  # by relation, as read
PROPERTIES = ("count", "several", "color", "side")


def composition_accuracy(scenes: Sequence[Scene], read: Sequence[Composition]) -> dict[str, float]:
    """Percent right by property, and how many were asked (`count_n`, …): counts of everything, counts of two and more
    alone (`several`), colours that a caption names, and sides.

    A property that no scene has is left out.
    """
    right: dict[str, list[bool]] = {name: [] for name in PROPERTIES}
    for scene, composition in zip(scenes, read, strict=True):
        for name, hit in _answers(scene, composition):
            right[name].append(hit)
    figures: dict[str, float] = {}
    for name, hits in right.items():
        if hits:
            figures |= {name: 100 * sum(hits) / len(hits), f"{name}_n": len(hits)}
    return figures


def _answers(scene: Scene, composition: Composition) -> Iterator[tuple[str, bool]]:
    """(property, whether it was read right) of everything that can be asked of the scene."""
    for entity in _unique(scene):
        name = entity.concept.name
        counted = composition.count(name) == entity.count
        yield "count", counted
        if entity.count > 1:
            yield "several", counted
        if entity.color:
            yield "color", composition.color(name) == entity.color
    if scene.relation in SIDE_OF and len(_unique(scene)) == len(scene.entities):
        first, other = (entity.concept.name for entity in scene.entities[:2])
        yield "side", composition.relation(first, other) == SIDE_OF[scene.relation]


def _unique(scene: Scene) -> list[Entity]:
    """The entities whose concept the scene shows in one slot alone."""
    names = [concept.name for concept in scene.concepts]
    return [entity for entity in scene.entities if names.count(entity.concept.name) == 1]
