"""Runs one generation: all columns in one batch where memory holds it, else one after the other, reported by step."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ..errors import DeviceError, first_line
from ..runtime.devices import is_out_of_memory, release_memory
from .pipeline import StableDiffusionSwap
from .previews import Previews
from .prompts import PromptEmbeds
from .results import GeneratedImages, GenerationComparison
from .settings import GenerationSettings

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPTextModel

OnStep = Callable[[GenerationComparison], None]


class StepReporter:
    """Keeps the comparison as it was last reported to `on_step`, for a run that is stopped half-way."""

    def __init__(self, comparison: GenerationComparison, on_step: OnStep | None, previews: Previews | None) -> None:
        self.comparison = comparison
        self._on_step = on_step
        self._previews = previews
        if on_step is not None:
            on_step(comparison)

    def step(self, keys: Sequence[str], done: int, latents: torch.Tensor) -> None:
        """Reports previews after `done` steps; `latents` (n, c, h, w) are those of the columns `keys` in turn."""
        if self._on_step is None or self._previews is None:
            return
        drawn = self._previews.draw(latents)
        each = len(drawn) // len(keys)
        columns = dict(self.comparison.columns)
        for i, key in enumerate(keys):
            columns[key] = GeneratedImages(previews=tuple(drawn[i * each : (i + 1) * each]))
        self.comparison = replace(self.comparison, columns=columns, step=done)
        self._on_step(self.comparison)


@dataclass(frozen=True)
class ColumnBatch:
    """One run on one pipeline: its settings, the reporter of its steps, and the event that stops it."""

    pipeline: StableDiffusionSwap
    settings: GenerationSettings
    reporter: StepReporter
    stop: threading.Event | None = None

    def generate(self, embeds: Mapping[str, PromptEmbeds]) -> GenerationComparison:
        """Generates the images of the columns in `embeds`, all in one batch or, where memory is short, in turn.

        A column that fails gets an error, and the others their images. Raises Stopped.
        """
        try:
            return self._finished(self._generate(embeds) if embeds else {})
        except RuntimeError as error:  # torch's: out of memory, a lost device
            if not is_out_of_memory(error) or len(embeds) == 1:
                return with_errors(self.reporter.comparison, dict.fromkeys(embeds, _failure(error)))
        images, errors = self._in_turn(embeds)
        note = "Memory does not hold all columns at once, so they were painted one after the other."
        return self._finished(images, errors, (note,))

    def _finished(
        self,
        images: Mapping[str, GeneratedImages],
        errors: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
    ) -> GenerationComparison:
        found = with_errors(self.reporter.comparison, errors or {})
        columns = {key: images.get(key, column) for key, column in found.columns.items()}
        return replace(found, columns=columns, step=self.settings.steps, notes=(*found.notes, *notes))

    def _in_turn(self, embeds: Mapping[str, PromptEmbeds]) -> tuple[dict[str, GeneratedImages], dict[str, str]]:
        images: dict[str, GeneratedImages] = {}
        errors: dict[str, str] = {}
        for key, own in embeds.items():
            release_memory()
            try:
                images |= self._generate({key: own})
            except RuntimeError as error:
                errors[key] = _failure(error)
        return images, errors

    def _generate(self, embeds: Mapping[str, PromptEmbeds]) -> dict[str, GeneratedImages]:
        keys, n, settings = list(embeds), self.settings.pictures, self.settings
        latents = self.pipeline.denoise(
            PromptEmbeds.joined([embeds[key].repeated(n) for key in keys]),
            [settings.seed + i for _ in keys for i in range(n)],
            steps=settings.steps,
            guidance=settings.guidance,
            on_step=lambda done, now: self.reporter.step(keys, done, now),
            stop=self.stop,
        )
        return {
            key: GeneratedImages(pictures=tuple(self.pipeline.decode(rows)))
            for key, rows in zip(keys, latents.split(n), strict=True)
        }


def generate_rows(
    pipeline: StableDiffusionSwap,
    rows: Sequence[GenerationSettings],
    encoders: Mapping[str, "CLIPTextModel | None"],
) -> dict[str, list["Image.Image"]]:
    """Generates one image of each row's prompt with each encoder, in one batch or in as many as memory asks for.

    The negative prompt is empty; steps and guidance are the first row's. Raises DeviceError when memory does not hold
    even one prompt's images, or the device fails.
    """
    try:
        return _generate_rows(pipeline, rows, encoders)
    except RuntimeError as error:
        if not is_out_of_memory(error) or len(rows) == 1:
            raise DeviceError(_failure(error)) from error
    release_memory()
    half = len(rows) // 2
    parts = [generate_rows(pipeline, part, encoders) for part in (rows[:half], rows[half:])]
    return {key: [image for part in parts for image in part[key]] for key in encoders}


def _generate_rows(
    pipeline: StableDiffusionSwap,
    rows: Sequence[GenerationSettings],
    encoders: Mapping[str, "CLIPTextModel | None"],
) -> dict[str, list["Image.Image"]]:
    prompts = pipeline.prompts([row.prompt for row in rows])
    embeds = PromptEmbeds.joined([prompts.embeds(encoder) for encoder in encoders.values()])
    seeds = [row.seed for row in rows] * len(encoders)
    latents = pipeline.denoise(embeds, seeds, steps=rows[0].steps, guidance=rows[0].guidance)
    split = latents.split(len(rows))
    return {key: pipeline.decode(own) for key, own in zip(encoders, split, strict=True)}


def with_errors(comparison: GenerationComparison, errors: Mapping[str, str]) -> GenerationComparison:
    """The comparison with the columns in `errors` replaced by their messages."""
    failed = {key: GeneratedImages(error=message) for key, message in errors.items()}
    return replace(comparison, columns={**comparison.columns, **failed})


def _failure(error: RuntimeError) -> str:
    if is_out_of_memory(error):
        return "There is too little memory to paint this. Ask for fewer pictures, or close other programs."
    return f"The picture could not be painted: {first_line(error)}"
