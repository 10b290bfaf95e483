"""Tables of the judges. A new judge is one file with its `JUDGE`, and one entry here."""

from typing import TYPE_CHECKING, Generic, TypeVar

from ..errors import DeviceError, JudgeError
from ..paths import resolve
from .declaration import JudgeDeclaration
from .images import head_judge, nudenet, opennsfw, scene
from .scores import ImageJudge
from .texts import detoxify, lexicon_judge
from .texts.verdict import TextJudge

if TYPE_CHECKING:
    import torch

J = TypeVar("J")


class JudgeRegistry(Generic[J]):
    """Judges of images or of texts by the names that a profile gives them: "opennsfw", "scene:zoo/judge"."""

    def __init__(self, *judges: JudgeDeclaration[J]) -> None:
        self.judges = {judge.name: judge for judge in judges}

    @property
    def known(self) -> str:
        """The spelling of every judge, for messages."""
        return ", ".join(judge.spelling for judge in self.judges.values())

    def declared(self, name: str) -> JudgeDeclaration[J] | None:
        """The declaration of the judge that a profile's name, or the title in a score, stands for."""
        by_title = {judge.title or judge.name: judge for judge in self.judges.values()}
        return self.judges.get(name.partition(":")[0]) or by_title.get(name)

    def fault(self, name: str) -> str:
        """Says what is wrong with a name; "" for that of a judge."""
        kind, colon, argument = name.partition(":")
        judge = self.judges.get(kind)
        if judge is None or (colon and not judge.argument):
            return f"There is no judge “{name}”. Known judges: {self.known}."
        if judge.argument and not argument.strip():
            return f"The judge “{name}” needs a {judge.argument.lower()}: write {judge.spelling}."
        return ""

    def lacking(self, name: str) -> str:
        """Says what keeps the judge of a name from opening, without opening it; "" when nothing does."""
        kind, _, argument = name.partition(":")
        return self.fault(name) or self.judges[kind].lacking(resolve(argument))

    def open(self, name: str, *, device: "str | torch.device | None" = None) -> J:
        """Opens the judge of a name, whose path stands as in a profile.

        `device` is torch's name of one, by default the GPU when there is one. Raises JudgeError for an unknown name,
        and for a judge whose package, files or device are missing.
        """
        if fault := self.fault(name):
            raise JudgeError(fault)
        kind, _, argument = name.partition(":")
        try:
            return self.judges[kind].open(resolve(argument), device)
        except DeviceError as error:
            raise JudgeError(str(error)) from error


IMAGE_JUDGES: JudgeRegistry[ImageJudge] = JudgeRegistry(scene.JUDGE, opennsfw.JUDGE, nudenet.JUDGE, *head_judge.JUDGES)
TEXT_JUDGES: JudgeRegistry[TextJudge] = JudgeRegistry(lexicon_judge.JUDGE, detoxify.JUDGE)
