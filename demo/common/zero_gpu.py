"""Calls on the GPU of a ZeroGPU Space; elsewhere they are ordinary calls.

Such a Space forks a process for each call on its GPU. Models have to be loaded before, in the parent. Arguments and
results are pickled, so they may hold arrays and images, but no CUDA tensor, ONNX session, lock or event. Such a call
therefore returns its result as a whole: it reports no progress and cannot be stopped.
"""

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import gradio as gr

from safeclip.errors import DeviceError, SafeClipError
from safeclip.runtime.machine import borrows_gpu, zero_gpu

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

# Seconds, half as much again as a call takes there: a request for more than a visitor has left is refused.
_START = 5
_PER_TOKEN = 0.05  # of a language model of 7 G parameters, for all seats in one batch
_PER_STEP = 0.06  # of a 512 px image with guidance, by Stable Diffusion 1.4
_PER_IMAGE = 0.2  # decoded
_LONGEST = 120


class Spec(Protocol):
    """The part of a profile that names a task's models."""

    @property
    def memory_gb(self) -> float: ...


def uses_zero_gpu(spec: Spec) -> bool:
    """Whether a task's models run on a ZeroGPU: the page is on such a Space, and they need memory of a GPU."""
    return borrows_gpu(spec.memory_gb)


def on_zero_gpu(seconds: int | Callable[..., int]) -> Callable[[F], F]:
    """Decorates a function that needs the GPU for at most `seconds`, or for `seconds` of its arguments.

    A SafeClipError comes through as itself; DeviceError says why there was no GPU. Functions have to be decorated
    before the page is launched: such a Space does not start unless something is to run on its GPU.
    """

    def decorate(fn: F) -> F:
        if not zero_gpu():
            return fn
        try:
            spaces = importlib.import_module("spaces")
        except ImportError:
            log.warning("this is a ZeroGPU Space without the package “spaces”: %s runs on the CPU", fn.__name__)
            return fn
        run = spaces.GPU(duration=seconds)(_returning_errors(fn))

        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = run(*args, **kwargs)
            except gr.Error as error:  # of the package: a quota that is used up, a process that was ended
                raise DeviceError(f"The Space lent no GPU: {error.message}") from error
            if isinstance(result, SafeClipError):
                raise result
            return result

        return cast(F, call)

    return decorate


def _returning_errors(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` with its SafeClipErrors returned: of an error raised there, only the name of its class comes back."""

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except SafeClipError as error:
            return error

    return run


def token_seconds(max_new_tokens: int) -> int:
    """Seconds of the GPU for generating `max_new_tokens` tokens under every seat at once."""
    return min(_LONGEST, _START + round(_PER_TOKEN * max_new_tokens))


def image_seconds(steps: int, images: int) -> int:
    """Seconds of the GPU for generating `images` images, those of all columns, in `steps` denoising steps."""
    return min(_LONGEST, _START + round(images * (_PER_STEP * steps + _PER_IMAGE)))
