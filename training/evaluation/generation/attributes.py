"""Count, colour and relation of what a prompt asks for, seen by the judge's patches (GenEval, Ghosh et al., 2023)."""

from safeclip.judges.images.composition import Composition

from ...data.open_world.scenes.scene import Scene
from ..composition import SIDE_OF
from .prompts import Prompt

ATTRIBUTES = ("count", "color", "relation")


def attributes_asked(prompt: Prompt) -> dict[str, int | str]:
    """What a prompt says of its thing: its number, its colour, and where the subject stands to it; "" where nothing.

    The thing of a verb has none of these. Only relations that two sprites' places tell are asked.
    """
    scene, said = prompt.scene, prompt.facets
    thing = scene.object
    if thing is None or "object" not in said or scene.shape == "verb":
        return dict.fromkeys(ATTRIBUTES, "")
    beside = SIDE_OF.get(scene.relation, "") if _names(scene) and {"relation", "subject"} <= said else ""
    return {"count": thing.count if thing.concept.counts else "", "color": thing.color, "relation": beside}


def attributes_seen(prompt: Prompt, composition: Composition) -> dict[str, int | str]:
    """What the image of a prompt shows of the attributes that it asks for; "" for the others.

    Raises JudgeError for a concept that the judge does not know.
    """
    asked = attributes_asked(prompt)
    seen: dict[str, int | str] = dict.fromkeys(ATTRIBUTES, "")
    names = _names(prompt.scene)
    thing = prompt.scene.object.concept.name if prompt.scene.object else ""
    if asked["count"]:
        seen["count"] = composition.count(thing)
    if asked["color"]:
        seen["color"] = composition.color(thing)
    if asked["relation"]:
        seen["relation"] = composition.relation(*names)
    return seen


def _names(scene: Scene) -> tuple[str, ...]:
    """The names of a subject and its thing, in a scene that has both."""
    return (scene.subject.concept.name, scene.object.concept.name) if scene.subject and scene.object else ()
