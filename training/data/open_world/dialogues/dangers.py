"""What is dangerous in a scene, by the concept tables, the verbs and the rules of contextual harm, in words."""

from ..harm.contexts import Clause, Rule
from ..harm.verdict import Judge
from ..scenes.relations import AIMED, relations
from ..scenes.scene import Entity, Scene
from ..splits import splits
from .phrases import listed, phrase, place, said

NOTHING = "nothing dangerous"
POINTED = "pointed at"


def dangers(scene: Scene) -> str:
    """The unsafe things or the unsafe verb; else the thing that a rule calls unsafe here, with what makes it so;
    else NOTHING. The first that the scene's verdict goes by.
    """
    if unsafe := [phrase(entity) for entity in scene.entities if entity.concept.unsafe]:
        return listed(unsafe)
    verb = relations().by_name.get(scene.relation)
    if verb is not None and verb.unsafe and scene.second:
        return f"{said(verb.name)} {phrase(scene.second)}"
    for thing, rule in judged_things(scene, splits().rules):
        for clause in rule.unsafe:
            if clause.holds(scene, absent=False):
                return f"{phrase(thing)}{_because(scene, clause)}"
    return NOTHING


def judged_things(scene: Scene, rules: dict[str, Rule]) -> list[tuple[Entity, Rule]]:
    """The things of the scene that a rule judges, as `harm.verdict.Judge` finds them."""
    entities = (scene.object, None if scene.shape in ("verb", "aimed") else scene.second)
    return [(each, rules[each.concept.name]) for each in entities if each and each.concept.name in rules]


def unsafe(scene: Scene) -> bool:
    """Whether the scene's verdict calls it unsafe."""
    verdict = Judge(relations(), splits().rules).verdict(scene)
    return verdict is not None and verdict.unsafe


def _because(scene: Scene, clause: Clause) -> str:
    """What a clause asks for, as the scene has it: " with a child on the playground"."""
    said_ = {
        "who": f"with {phrase(scene.subject)}" if scene.subject else "",
        "companion": f"beside {phrase(scene.second)}" if scene.second else "",
        "relation": f"{POINTED} {phrase(scene.second)}" if scene.second and scene.relation == AIMED else "",
        "where": place(scene),
    }
    return "".join(f" {text}" for facet, text in said_.items() if facet in clause.asked)
