"""The judges by the names that a profile gives them."""

from typing import TYPE_CHECKING

from ..errors import DeviceError, JudgeError
from ..paths import resolve
from .registry import unknown
from .scores import ImageJudge

if TYPE_CHECKING:
    import torch


def open_judge(name: str, *, device: "str | torch.device | None" = None) -> ImageJudge:
    """Load the judge of a name: "scene:zoo/judge", "opennsfw", "nudenet" or "q16:folder".

    Folders are paths as they stand in a profile. `device` is torch's name of one, by default the GPU when there is
    one. Raises JudgeError for an unknown name, and for a judge whose package, files or device are missing.
    """
    try:
        return _open(name, device)
    except DeviceError as error:
        raise JudgeError(str(error)) from error


def _open(name: str, device: "str | torch.device | None") -> ImageJudge:
    if fault := unknown(name):
        raise JudgeError(fault)
    kind, _, folder = name.partition(":")
    if kind == "scene":
        from .images.scene import SceneJudge

        return SceneJudge.open(resolve(folder), device=device)
    if kind == "q16":
        from .images.q16 import Q16

        return Q16.open(resolve(folder), device=device)
    if name == "opennsfw":
        from .images.opennsfw import OpenNsfw

        return OpenNsfw()
    from .images.nudenet import NudeNet

    return NudeNet()
