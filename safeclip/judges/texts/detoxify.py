"""Judge of texts by the toxicity classifier of the package `detoxify`. Optional."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..declaration import JudgeDeclaration
from ..packages import Package, named_errors
from .lexicon import Mention
from .verdict import Verdict

if TYPE_CHECKING:
    import torch

PACKAGE = Package("detoxify", "detoxify")


class Detoxify:
    """Scores the toxicity of a text. It marks no words.

    The package fetches its weights when it is first used; both a missing package and missing weights raise JudgeError
    then.
    """

    name = "Detoxify"
    threshold = 0.5
    marks_words = False

    def __init__(self, model: str = "original", *, device: "str | torch.device | None" = None) -> None:
        self.version = model
        self._device = device

    def judge(self, text: str) -> Verdict:
        from ...runtime.device_lock import computing_on  # imports torch
        from ...runtime.devices import as_device

        model = self._model
        with named_errors("Detoxify could not judge"), computing_on(as_device(self._device)):
            return Verdict(float(model.predict(text)["toxicity"]))

    def mentions(self, text: str) -> tuple[Mention, ...]:
        return ()

    @cached_property
    def _model(self) -> Any:
        from ...runtime.devices import as_device  # imports torch

        package = PACKAGE.load()
        with named_errors("The weights of Detoxify cannot be had"):
            return package.Detoxify(self.version, device=as_device(self._device))


JUDGE = JudgeDeclaration("detoxify", lambda path, device: Detoxify(device=device), package=PACKAGE)
