"""Painting one request: every column in one batch where memory holds that, told step by step."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ..errors import DeviceError, first_line
from ..runtime.devices import is_out_of_memory, release_memory
from .pipeline import StableDiffusionSwap
from .previews import Previews
from .results import GeneratedImages, GenerationComparison

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPTextModel

Seen = Callable[[GenerationComparison], None]
States = tuple[torch.Tensor, torch.Tensor]  # of the prompt and of the negative prompt, each (1, L, width)


@dataclass(frozen=True)
class ColumnEncoder:
    """Who reads the prompt: a seat, or a blend of the first seat with it (`t` from 0 to 1)."""

    label: str
    seat: str
    t: float | None = None


@dataclass(frozen=True)
class Request:
    """One checked request; `voices` by the key of their column."""

    prompt: str
    negative: str
    voices: Mapping[str, ColumnEncoder]
    seed: int
    steps: int
    guidance: float
    pictures: int


class StepReporter:
    """The comparison as it was last told to `seen`, kept for whoever stops the painting."""

    def __init__(self, comparison: GenerationComparison, seen: Seen | None, previews: Previews | None) -> None:
        self.comparison = comparison
        self._seen = seen
        self._previews = previews
        if seen is not None:
            seen(comparison)

    def step(self, keys: Sequence[str], done: int, latents: torch.Tensor) -> None:
        """`done` steps are painted; `latents` are those of the columns `keys`, one after the other."""
        if self._seen is None or self._previews is None:
            return
        drawn = self._previews.draw(latents)
        each = len(drawn) // len(keys)
        paintings = dict(self.comparison.paintings)
        for i, key in enumerate(keys):
            paintings[key] = GeneratedImages(previews=tuple(drawn[i * each : (i + 1) * each]))
        self.comparison = replace(self.comparison, paintings=paintings, step=done)
        self._seen(self.comparison)


def paint_all(
    painter: StableDiffusionSwap,
    request: Request,
    words: Mapping[str, States],
    told: StepReporter,
    stop: threading.Event | None,
) -> GenerationComparison:
    """Paint every column in one batch, or, where memory does not hold that, one after the other."""
    painted, errors, notes = {}, {}, ()
    if words:
        try:
            painted = _paint(painter, request, words, told, stop)
        except RuntimeError as error:  # torch's: out of memory, a lost device
            if not is_out_of_memory(error) or len(words) == 1:
                return with_errors(told.comparison, dict.fromkeys(words, _failure(error)))
            notes = ("Memory does not hold all columns at once, so they were painted one after the other.",)
        if not painted:
            for key in words:
                release_memory()
                try:
                    painted |= _paint(painter, request, {key: words[key]}, told, stop)
                except RuntimeError as error:
                    errors[key] = _failure(error)
    found = with_errors(told.comparison, errors)
    pictures = {key: painted.get(key, painting) for key, painting in found.paintings.items()}
    return replace(found, paintings=pictures, step=request.steps, notes=(*found.notes, *notes))


def _paint(
    painter: StableDiffusionSwap,
    request: Request,
    words: Mapping[str, States],
    told: StepReporter,
    stop: threading.Event | None,
) -> dict[str, GeneratedImages]:
    keys, n = list(words), request.pictures
    latents = painter.paint(
        torch.cat([words[key][0].expand(n, -1, -1) for key in keys]),
        torch.cat([words[key][1].expand(n, -1, -1) for key in keys]),
        [request.seed + i for _ in keys for i in range(n)],
        steps=request.steps,
        guidance=request.guidance,
        seen=lambda done, now: told.step(keys, done, now),
        stop=stop,
    )
    return {
        key: GeneratedImages(pictures=tuple(painter.decode(rows)))
        for key, rows in zip(keys, latents.split(n), strict=True)
    }


def paint_rows(
    painter: StableDiffusionSwap, requests: Sequence[Request], encoders: Mapping[str, "CLIPTextModel | None"]
) -> dict[str, list["Image.Image"]]:
    """One picture of each request's prompt by each encoder, in one batch, or in as many as memory asks for.

    The negative prompt is empty; steps and guidance are the first request's. Raises DeviceError when memory does not
    hold even one prompt's pictures, or the device fails.
    """
    try:
        return _paint_rows(painter, requests, encoders)
    except RuntimeError as error:
        if not is_out_of_memory(error) or len(requests) == 1:
            raise DeviceError(_failure(error)) from error
    release_memory()
    half = len(requests) // 2
    parts = [paint_rows(painter, part, encoders) for part in (requests[:half], requests[half:])]
    return {key: [picture for part in parts for picture in part[key]] for key in encoders}


def _paint_rows(
    painter: StableDiffusionSwap, requests: Sequence[Request], encoders: Mapping[str, "CLIPTextModel | None"]
) -> dict[str, list["Image.Image"]]:
    ids, empty = painter.tokenize([request.prompt for request in requests]), painter.tokenize([""])
    states = [painter.states(ids, encoder) for encoder in encoders.values()]
    nothing = [painter.states(empty, encoder).expand_as(states[0]) for encoder in encoders.values()]
    latents = painter.paint(
        torch.cat(states),
        torch.cat(nothing),
        [request.seed for request in requests] * len(encoders),
        steps=requests[0].steps,
        guidance=requests[0].guidance,
    )
    rows = latents.split(len(requests))
    return {key: painter.decode(own) for key, own in zip(encoders, rows, strict=True)}


def _failure(error: RuntimeError) -> str:
    if is_out_of_memory(error):
        return "There is too little memory to paint this. Ask for fewer pictures, or close other programs."
    return f"The picture could not be painted: {first_line(error)}"


def with_errors(comparison: GenerationComparison, errors: Mapping[str, str]) -> GenerationComparison:
    failed = {key: GeneratedImages(error=message) for key, message in errors.items()}
    return replace(comparison, paintings={**comparison.paintings, **failed})
