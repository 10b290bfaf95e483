"""Whether a scene is unsafe, of which category, and why: by its concepts, its verb, or a rule of contextual harm."""

from dataclasses import dataclass

from ..scenes.relations import Relations
from ..scenes.scene import Scene
from .contexts import Rule


@dataclass(frozen=True)
class Verdict:
    """`category` is one of ViSU's, "" when the scene is safe; `contextual` when only the context makes it unsafe."""

    category: str = ""
    why: str = ""
    contextual: bool = False

    @property
    def unsafe(self) -> bool:
        return bool(self.category)


SAFE = Verdict()


class Judge:
    """Judges scenes by the concept tables, the verbs and the rules."""

    def __init__(self, relations: Relations, rules: dict[str, Rule]):
        self._relations = relations
        self.rules = rules

    def verdict(self, scene: Scene) -> Verdict | None:
        """The verdict on a scene; None when a rule knows its thing but not this context: such scenes are not drawn."""
        for concept in scene.concepts:
            if concept.unsafe:
                return Verdict(concept.kind, f"{concept.name} is unsafe wherever it stands")
        relation = self._relations.by_name.get(scene.relation)
        if relation is not None and relation.unsafe:
            return Verdict(relation.category, f"{relation.name} someone is unsafe")
        verdicts = [self._contextual(scene, rule) for rule in self._rules_of(scene)]
        found = [verdict for verdict in verdicts if verdict is not None and verdict.unsafe]
        if found:
            return found[0]
        return None if None in verdicts else SAFE

    def _rules_of(self, scene: Scene) -> list[Rule]:
        """The rules of what stands in the scene as a thing; of one that something is done to, the verb decides."""
        entities = (scene.object, None if scene.shape in ("verb", "aimed") else scene.second)
        return [self.rules[e.concept.name] for e in entities if e is not None and e.concept.name in self.rules]

    @staticmethod
    def _contextual(scene: Scene, rule: Rule) -> Verdict | None:
        unsafe = rule.judges(scene)
        if unsafe is None:
            return None
        return Verdict(rule.category, rule.why, contextual=True) if unsafe else SAFE
