"""Side-by-side generation: one UNet and one autoencoder serve the text encoders of all seats."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from ..encoders.blending import blend_weights
from ..encoders.tokens import cut_note
from ..errors import CheckpointError, QueryError, SafeClipError, first_line
from ..judges import ImageJudge
from ..judges.domains import domain_of
from ..options import as_list, check_number, choose_seats
from ..profiles import GenerationSpec
from ..runtime.checkpoint_names import locate
from ..runtime.devices import as_device
from ..runtime.hub import checkpoint_folder
from ..runtime.streaming import stream_states
from ..shared_model import SharedModel
from .batch import ColumnBatch, OnStep, StepReporter, generate_rows, with_errors
from .families import pipeline_files
from .judging import ImageJudges
from .model_index import INDEX, require_family
from .pipeline import StableDiffusionSwap, Stopped
from .prompts import PromptEmbeds
from .results import GeneratedImages, GenerationComparison
from .settings import MAX_PICTURES, MAX_PROMPT, ColumnEncoder, DiffusionOptions, GenerationSettings

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import CLIPTextModel

__all__ = ["DIAL", "MAX_PICTURES", "MAX_PROMPT", "Generation"]

DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)

ROWS_AT_ONCE = 48  # of an evaluation's batch


class Generation(SharedModel[GenerationSpec, StableDiffusionSwap]):
    """Generates images from prompts with every seat's text encoder. Threads may share it; they take turns inside.

    The first seat's image is that of a plain `StableDiffusionPipeline`. The other seats put their text encoder in the
    place of the pipeline's, for the prompt and the negative prompt alike (Safe-CLIP, section 4.3).
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an image in px. Loads the pipeline."""
        with self._lock:
            return self._loaded().size

    @property
    def judges(self) -> tuple[ImageJudge, ...]:
        """The profile's judges that can be opened on this machine; a note of `judged` says why the others cannot."""
        return self._judges.available

    def compare(
        self,
        prompt: str,
        *,
        seats: Sequence[str] | None = None,
        pictures: int = 1,
        judge: bool = True,
        **options: Unpack[DiffusionOptions],
    ) -> GenerationComparison:
        """Generates `pictures` images of `prompt` with each of `seats` (all by default), in one batch.

        Picture i of every seat starts from the noise of `seed` + i. It is the same alone as in a batch, up to sums in
        another order: on a CPU at most 2 of 255. The profile's judges score the images unless `judge` is False, which
        leaves that to `judged`. A seat that fails has an `error` in its column.

        Raises RefusedError for a prompt that the policy forbids, QueryError for an option out of range, and
        CheckpointError when the pipeline cannot be loaded.
        """
        encoders = self._seat_encoders(choose_seats(self.seats, seats))
        return self._run(self._settings(prompt, encoders, pictures, options), judge=judge)

    def stream(
        self,
        prompt: str,
        *,
        seats: Sequence[str] | None = None,
        pictures: int = 1,
        stop: threading.Event | None = None,
        **options: Unpack[DiffusionOptions],
    ) -> Iterator[GenerationComparison]:
        """Yields the comparison after every step, with previews; the last one equals that of `compare`.

        The work is done in a thread of its own. Setting `stop`, or closing the iterator, ends it before the next step:
        the last comparison is then `stopped`. Options are checked by this call, before the first `next`.
        """
        encoders = self._seat_encoders(choose_seats(self.seats, seats))
        return self._stream(self._settings(prompt, encoders, pictures, options), stop)

    def dial(
        self,
        prompt: str,
        *,
        seat: str,
        positions: Sequence[float] = DIAL,
        judge: bool = True,
        **options: Unpack[DiffusionOptions],
    ) -> GenerationComparison:
        """Generates one image for each position between the first seat's text encoder (0) and that of `seat` (1).

        In between, every weight is interpolated. Columns are keyed by their position as text of six digits: "0",
        "0.25". Raises as `compare`, and QueryError for two positions of one key.
        """
        return self._run(self._settings(prompt, self._blends(seat, positions), 1, options), judge=judge)

    def dial_stream(
        self,
        prompt: str,
        *,
        seat: str,
        positions: Sequence[float] = DIAL,
        stop: threading.Event | None = None,
        **options: Unpack[DiffusionOptions],
    ) -> Iterator[GenerationComparison]:
        """Yields the comparison of `dial` after every step, as `stream` does."""
        return self._stream(self._settings(prompt, self._blends(seat, positions), 1, options), stop)

    def generate_batch(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        seats: Sequence[str] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> dict[str, list["Image.Image"]]:
        """Generates an image of each of n prompts from n seeds, for evaluation: seat key → n images, not judged.

        Raises as `compare`, CheckpointError when an encoder of the seats cannot be used, and DeviceError when memory
        does not hold even one prompt's images.
        """
        prompts, seeds = as_list("prompts", prompts), as_list("seeds", seeds)
        if len(prompts) != len(seeds):
            raise QueryError(f"There are {len(prompts)} prompts and {len(seeds)} seeds; each prompt needs one.")
        columns = self._seat_encoders(choose_seats(self.seats, seats))
        rows = [
            self._settings(prompt, columns, 1, {"seed": seed, "steps": steps, "guidance": guidance})
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        found: dict[str, list[Image.Image]] = {key: [] for key in columns}
        together = max(1, ROWS_AT_ONCE // len(columns))
        for start in range(0, len(rows), together):
            with self._computing(column.seat for column in columns.values()) as pipeline:
                encoders = {key: self._encoder(pipeline, column) for key, column in columns.items()}
                images = generate_rows(pipeline, rows[start : start + together], encoders)
            for key, own in images.items():
                found[key] += own
        return found

    def judged(self, comparison: GenerationComparison) -> GenerationComparison:
        """The comparison with the scores of `judges` for its images, and a note for each judge that gives none.

        Where one judge is missing, images that the others let pass count as unjudged.
        """
        return self._judges.judged(comparison)

    # --- one request

    def _settings(
        self, prompt: str, encoders: Mapping[str, ColumnEncoder], pictures: int, options: DiffusionOptions
    ) -> GenerationSettings:
        return GenerationSettings.check(self.spec, prompt, encoders, pictures=pictures, **options)

    def _seat_encoders(self, keys: Sequence[str]) -> dict[str, ColumnEncoder]:
        return {key: ColumnEncoder(self.seats[key].label, key) for key in keys}

    def _blends(self, seat: str, positions: Sequence[float]) -> dict[str, ColumnEncoder]:
        choose_seats(self.seats, [seat])
        if seat == self.reference:
            raise QueryError(f"The dial turns from “{seat}” to another seat. Name one of those.")
        positions = as_list("positions of the dial", positions)
        if not positions:
            raise QueryError("The dial has no position. Name some from 0 to 1.")
        for t in positions:
            check_number("position of the dial", t, 0, 1)
        keys = [f"{t:g}" for t in map(float, positions)]
        if twice := [key for i, key in enumerate(keys) if key in keys[:i]]:
            raise QueryError(
                f"Two positions of the dial are called {twice[0]}. Name each once, and such as differ in six digits."
            )
        label = self.seats[seat].label
        return {key: ColumnEncoder(f"{label} at {key}", seat, float(t)) for key, t in zip(keys, positions, strict=True)}

    def _stream(self, settings: GenerationSettings, stop: threading.Event | None) -> Iterator[GenerationComparison]:
        ended = stop or threading.Event()
        return stream_states("generation", lambda on_step: self._run(settings, on_step, ended), ended)

    def _run(
        self,
        settings: GenerationSettings,
        on_step: OnStep | None = None,
        stop: threading.Event | None = None,
        *,
        judge: bool = True,
    ) -> GenerationComparison:
        """The comparison of one run; `on_step` is called with every state on the way there."""
        remarks = self.remarks.on_prompt(settings.prompt)
        with self._computing(column.seat for column in settings.encoders.values()) as pipeline:
            blank = _blank(pipeline, settings, remarks)
            if stop is not None and stop.is_set():  # while this waited for its turn
                return replace(blank, done=True, stopped=True)
            embeds, errors = self._encode_prompts(pipeline, settings)
            blank = replace(blank, notes=(*blank.notes, *self._seat_notes(pipeline, settings)))
            reporter = StepReporter(with_errors(blank, errors), on_step, pipeline.previews if on_step else None)
            try:
                finished = ColumnBatch(pipeline, settings, reporter, stop).generate(embeds)
            except Stopped:
                return replace(reporter.comparison, done=True, stopped=True)
        return replace(self.judged(finished) if judge else finished, done=True)

    def _encode_prompts(
        self, pipeline: StableDiffusionSwap, settings: GenerationSettings
    ) -> tuple[dict[str, PromptEmbeds], dict[str, str]]:
        """Column key → embeddings of both prompts by its encoder, and column key → message where that fails."""
        prompts = pipeline.prompts([settings.prompt], settings.negative_prompt)
        embeds, errors = {}, {}
        for key, column in settings.encoders.items():
            try:
                embeds[key] = prompts.embeds(self._encoder(pipeline, column))
            except SafeClipError as error:
                errors[key] = str(error)
            except RuntimeError as error:
                errors[key] = f"{column.label} could not read the prompt: {first_line(error)}"
        return embeds, errors

    def _seat_notes(self, pipeline: StableDiffusionSwap, settings: GenerationSettings) -> Iterator[str]:
        """Notes about a swap that is partial, and about encoders that load but cannot be trusted, by their seat."""
        seats = [column.seat for column in settings.encoders.values() if column.seat != self.reference]
        if seats and pipeline.family.partial:
            yield pipeline.family.partial
        for seat in dict.fromkeys(seats):
            with contextlib.suppress(SafeClipError):
                yield from (f"{self.seats[seat].label}: {warning}" for warning in self.encoders[seat].warnings)

    # --- the models

    def _open(self) -> StableDiffusionSwap:
        spec = self.spec
        if isinstance(name := locate(spec.checkpoint), str):
            require_family(checkpoint_folder(name, INDEX, spec.revision), spec.family, name)
        folder = checkpoint_folder(spec.checkpoint, pipeline_files(spec.family, spec.dtype), spec.revision)
        return StableDiffusionSwap.from_pretrained(
            folder,
            family=spec.family,
            device=as_device(self._device),
            dtype=spec.dtype,
            compile=spec.compile,
            quantize=spec.quantize,
        )

    def _device_of(self, model: StableDiffusionSwap) -> "torch.device":
        return model.device

    @cached_property
    def _judges(self) -> ImageJudges:
        return ImageJudges(self.spec.judges, device=self._device, domain=domain_of(self.spec.checkpoint))

    def _encoder(self, pipeline: StableDiffusionSwap, column: ColumnEncoder) -> "CLIPTextModel | None":
        """The text encoder of a column; None stands for the pipeline's own. Raises CheckpointError."""
        if column.seat == self.reference or column.t == 0:
            return None
        tower = self._tower(column.seat, "text_model", "Stable Diffusion")
        pipeline.check(self.encoders[column.seat])
        if column.t is None or column.t == 1:
            return tower
        if tower.config.num_hidden_layers != pipeline.text_encoder.config.num_hidden_layers:
            raise CheckpointError(f"{column.label}: only text encoders of one architecture can be blended.")
        return blend_weights(pipeline.text_encoder, tower, column.t)


def _blank(
    pipeline: StableDiffusionSwap, settings: GenerationSettings, remarks: tuple[str, ...]
) -> GenerationComparison:
    """The comparison before the first step, with the remarks and a note for each prompt that is cut."""
    cut = [pipeline.cut(text) for text in (settings.prompt, settings.negative_prompt)]
    cuts = tuple(cut_note(text, pipeline.tokenizer.model_max_length) for text in cut if text is not None)
    width, height = pipeline.size
    return GenerationComparison(
        settings.prompt,
        settings.negative_prompt,
        settings.seed,
        settings.steps,
        settings.guidance,
        width,
        height,
        settings.pictures,
        columns={key: GeneratedImages() for key in settings.encoders},
        notes=(*remarks, *cuts),
        done=False,
    )
