"""The GPU of a ZeroGPU Space, borrowed for single calls; everywhere else nothing happens here.

Such a Space forks a process for every borrowed call. Models are to be loaded before, in the parent; what a call takes
and returns is pickled, so it may hold arrays and pictures, but no CUDA tensor, no ONNX session, no lock and no event.
So a borrowed call answers as a whole: nothing is told on the way there, and nobody can stop it.
"""

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import gradio as gr

from safeclip.errors import DeviceError, SafeClipError
from safeclip.runtime.machine import borrows_gpu, zero_gpu

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

# Seconds, half as much again as a call takes there: who asks for more than is left of a visitor's minutes is refused.
_START = 5
_PER_TOKEN = 0.05  # of a language model of 7 G parameters, for all seats in one batch
_PER_STEP = 0.06  # of a picture of 512 px with guidance, by Stable Diffusion 1.4
_PER_PICTURE = 0.2  # decoded
_LONGEST = 120


class Job(Protocol):
    """The part of a profile that names a job's models."""

    @property
    def memory_gb(self) -> float: ...


def borrows(job: Job) -> bool:
    """Whether a job is done on a borrowed GPU: on ZeroGPU, by models that say how much of its memory they take."""
    return borrows_gpu(job.memory_gb)


def lend(seconds: int | Callable[..., int]) -> Callable[[F], F]:
    """Decorate a function that needs the GPU for at most `seconds`, or for what `seconds` makes of its arguments.

    A SafeClipError comes through as itself; DeviceError says why the GPU was not lent. To be called before the page is
    launched, as such a Space does not start without anything to lend its GPU to.
    """

    def decorate(fn: F) -> F:
        if not zero_gpu():
            return fn
        try:
            spaces = importlib.import_module("spaces")
        except ImportError:
            log.warning("this is a ZeroGPU Space without the package “spaces”: %s runs on the CPU", fn.__name__)
            return fn
        borrowed = spaces.GPU(duration=seconds)(_returning_errors(fn))

        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = borrowed(*args, **kwargs)
            except gr.Error as error:  # of the package: a quota that is used up, a process that was ended
                raise DeviceError(f"The Space lent no GPU: {error.message}") from error
            if isinstance(result, SafeClipError):
                raise result
            return result

        return call

    return decorate


def _returning_errors(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` with its SafeClipErrors returned: of what is raised over there, only the name of its class comes back."""

    @functools.wraps(fn)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except SafeClipError as error:
            return error

    return told


def token_seconds(max_new_tokens: int, **_: Any) -> int:
    """How long writing `max_new_tokens` tokens takes, for every seat at once: what to ask for, whole seconds."""
    return min(_LONGEST, _START + round(_PER_TOKEN * max_new_tokens))


def picture_seconds(steps: int, pictures: int, seats: int) -> int:
    """How long `seats` encoders take to paint `pictures` each, in one batch: what to ask for, whole seconds."""
    return min(_LONGEST, _START + round(seats * pictures * (_PER_STEP * steps + _PER_PICTURE)))
