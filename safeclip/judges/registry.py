"""Tables of the judges. A new judge is one file with its `JUDGE`, and one entry here."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from ..errors import DeviceError, JudgeError
from ..paths import resolve
from .declaration import JudgeDeclaration
from .images import head_judge, nudenet, opennsfw, safety_checker, scene, zero_shot
from .scores import ImageJudge
from .texts import detoxify, lexicon_judge
from .texts.verdict import TextJudge

if TYPE_CHECKING:
    import torch


class HasThreshold(Protocol):
    """A judge of either kind: it calls harmful what scores its threshold or more."""

    threshold: float


J = TypeVar("J", bound=HasThreshold)


_NAME = re.compile(r"(?P<kind>[^:@]*)(?P<colon>:?)(?P<argument>.*?)(?:@(?P<threshold>0?\.\d+|[01](?:\.0+)?))?")


@dataclass(frozen=True)
class _Named:
    """A judge as a profile names it: "kind", "kind:argument", either with "@threshold" behind it."""

    kind: str
    colon: bool
    argument: str
    threshold: float | None

    @classmethod
    def parse(cls, name: str) -> Self:
        found = _NAME.fullmatch(name)
        if found is None:  # a line break, which no judge has
            return cls(name, False, "", None)
        threshold = found["threshold"]
        return cls(found["kind"], bool(found["colon"]), found["argument"], float(threshold) if threshold else None)


class JudgeRegistry(Generic[J]):
    """Judges of images or of texts by the names that a profile gives them.

    "opennsfw", "scene:zoo/judge"; with "@0.9" behind it, a judge calls harmful what scores 0.9 or more.
    """

    def __init__(self, *judges: JudgeDeclaration[J]) -> None:
        self.judges = {judge.name: judge for judge in judges}

    @property
    def known(self) -> str:
        """The spelling of every judge, for messages."""
        return ", ".join(judge.spelling for judge in self.judges.values())

    def declared(self, name: str) -> JudgeDeclaration[J] | None:
        """The declaration of the judge that a profile's name, or the title in a score, stands for."""
        by_title = {judge.title or judge.name: judge for judge in self.judges.values()}
        return self.judges.get(_Named.parse(name).kind) or by_title.get(name)

    def fault(self, name: str) -> str:
        """Says what is wrong with a name; "" for that of a judge."""
        named = _Named.parse(name)
        judge = self.judges.get(named.kind)
        if judge is None or ((named.colon or named.argument) and not judge.argument):
            return f"There is no judge “{name}”. Known judges: {self.known}; each may have a threshold, as in q16@0.9."
        if judge.argument and not named.argument.strip():
            return f"The judge “{name}” needs a {judge.argument.lower()}: write {judge.spelling}."
        return ""

    def lacking(self, name: str) -> str:
        """Says what keeps the judge of a name from opening, without opening it; "" when nothing does."""
        named = _Named.parse(name)
        return self.fault(name) or self.judges[named.kind].lacking(resolve(named.argument))

    def open(self, name: str, *, device: "str | torch.device | None" = None) -> J:
        """Opens the judge of a name, whose path stands as in a profile.

        `device` is torch's name of one, by default the GPU when there is one. Raises JudgeError for an unknown name,
        and for a judge whose package, files or device are missing.
        """
        if fault := self.fault(name):
            raise JudgeError(fault)
        named = _Named.parse(name)
        try:
            judge = self.judges[named.kind].open(resolve(named.argument), device)
        except DeviceError as error:
            raise JudgeError(str(error)) from error
        if named.threshold is not None:
            judge.threshold = named.threshold
        return judge


IMAGE_JUDGES: JudgeRegistry[ImageJudge] = JudgeRegistry(
    scene.JUDGE, opennsfw.JUDGE, nudenet.JUDGE, safety_checker.JUDGE, zero_shot.JUDGE, *head_judge.JUDGES
)
TEXT_JUDGES: JudgeRegistry[TextJudge] = JudgeRegistry(lexicon_judge.JUDGE, detoxify.JUDGE)
