"""A scene as a record: what is in it, how many, of which colour and size, in which relation, where, in which style."""

from dataclasses import dataclass
from typing import Literal

from ..concepts.concept import Concept, Sex

Shape = Literal["alone", "still", "still_two", "pair", "trio", "aimed", "verb"]
SHAPES: tuple[Shape, ...] = ("alone", "still", "still_two", "pair", "trio", "aimed", "verb")
MOST = 4  # copies of one thing in a scene
TONES = 6  # of skin: 0 is the emoji's own yellow, then light to dark


@dataclass(frozen=True)
class Entity:
    """One being, or `count` equal things, of a scene; "" and 1 are what no caption mentions.

    `sex` and `tone` change how a person is drawn. No rule reads them.
    """

    concept: Concept
    count: int = 1
    color: str = ""
    size: str = ""
    sex: Sex = ""
    tone: int = 0


@dataclass(frozen=True)
class Scene:
    """What a picture shows. Equal scenes give equal pictures.

    `shape` says which of `subject` (a being), `object` (a thing) and `second` (a thing or a being) are there:

    ========== ======= ====== ====== =========================================
    shape      subject object second relation
    ========== ======= ====== ====== =========================================
    alone      yes                   ""
    still              yes           ""
    still_two          yes    yes    spatial, of the object to the second
    pair       yes     yes           spatial, of the subject to the object
    trio       yes     yes    yes    spatial, as in pair; the second stands by
    aimed      yes     yes    yes    "pointing at": the object at the second
    verb       yes            yes    a verb: the subject does it to the second
    ========== ======= ====== ====== =========================================

    `variant` picks the backdrop's drawing of the place, `layout` seeds positions, mirroring and light.
    """

    shape: Shape
    place: Concept
    subject: Entity | None = None
    object: Entity | None = None
    second: Entity | None = None
    relation: str = ""
    style: str = "noto"
    variant: int = 0
    layout: int = 0

    @property
    def entities(self) -> tuple[Entity, ...]:
        return tuple(entity for entity in (self.subject, self.object, self.second) if entity is not None)

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """The drawn concepts, the place not among them."""
        return tuple(entity.concept for entity in self.entities)

    @property
    def content(self) -> tuple:
        """Everything that a caption could tell: equal contents cannot be told apart by words."""
        described = [(e.concept.name, e.count, e.color, e.size, e.sex) if e else None for e in self._slots]
        return (self.shape, *described, self.relation, self.place.name)

    @property
    def _slots(self) -> tuple[Entity | None, ...]:
        return (self.subject, self.object, self.second)
