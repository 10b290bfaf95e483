"""The GPU of a ZeroGPU Space, borrowed for single calls; everywhere else nothing happens here.

Such a Space forks a process for every borrowed call. Models are to be loaded before, in the parent; what a call takes
and returns is pickled, so it may hold arrays and pictures, but no CUDA tensor, no ONNX session and no lock.
"""

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from safeclip.machine import zero_gpu

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

# Seconds, half as much again as a call takes there: who asks for more than is left of a visitor's minutes is refused.
_START = 5
_PER_TOKEN = 0.05  # of a language model of 7 G parameters, for all seats in one batch
_LONGEST = 120


def lend(seconds: int | Callable[..., int]) -> Callable[[F], F]:
    """Decorate a function that needs the GPU for at most `seconds`, or for what `seconds` makes of its arguments."""

    def decorate(fn: F) -> F:
        if not zero_gpu():
            return fn
        try:
            spaces = importlib.import_module("spaces")
        except ImportError:
            log.warning("this is a ZeroGPU Space without the package “spaces”: %s runs on the CPU", fn.__name__)
            return fn
        return functools.wraps(fn)(spaces.GPU(duration=seconds)(fn))

    return decorate


def token_seconds(max_new_tokens: int, **_: Any) -> int:
    """How long writing `max_new_tokens` tokens takes, for every seat at once: what to ask for, whole seconds."""
    return min(_LONGEST, _START + round(_PER_TOKEN * max_new_tokens))
