"""Side-by-side generation: one UNet and one autoencoder paint a prompt with the text encoder of every seat."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..encoders.blending import blend_weights
from ..encoders.tokens import cut_note
from ..errors import CheckpointError, JudgeError, QueryError, SafeClipError, first_line
from ..judges import ImageJudge, Score, open_judge
from ..options import MAX_SEED, check_number, choose_seats
from ..profiles import MAX_GUIDANCE, MAX_STEPS, GenerationSpec
from ..runtime.devices import as_device
from ..runtime.hub import checkpoint_folder
from ..runtime.machine import zero_gpu
from ..runtime.streaming import stream_states
from ..shared_model import SharedModel
from .batch import ColumnEncoder, Request, Seen, States, StepReporter, paint_all, paint_rows, with_errors
from .files import STABLE_DIFFUSION
from .pipeline import StableDiffusionSwap, Stopped
from .policy import check_prompt
from .results import GeneratedImages, GenerationComparison

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPTextModel

MAX_PROMPT = 1000  # characters
MAX_PICTURES = 4  # of a seat
DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)

_ROWS_AT_ONCE = 48  # of an evaluation's batch


class Generation(SharedModel[GenerationSpec, StableDiffusionSwap]):
    """Paints prompts with every seat's words. Safe to call from several threads, one at a time inside.

    The first seat's picture is that of a plain `StableDiffusionPipeline`. The others put their text tower in the place
    of the pipeline's, as the paper does (section 4.3), for the prompt and the negative prompt alike.
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture in px. Loads the pipeline."""
        with self._lock:
            return self._loaded().size

    @cached_property
    def judges(self) -> tuple[ImageJudge, ...]:
        """Those of the profile's judges that can be had here; a note of `judged` says why the others cannot."""
        return tuple(judge for judge in self._opened.values() if not isinstance(judge, JudgeError))

    def compare(
        self,
        prompt: str,
        *,
        seats: Sequence[str] | None = None,
        negative_prompt: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
        judge: bool = True,
    ) -> GenerationComparison:
        """Paint `prompt` under `seats` (all by default), `pictures` of each, all in one batch.

        Picture i of every seat starts from the noise of `seed` + i, and is the same alone or in a batch, but for sums
        in another order: on a CPU 2 of 255 at most. `steps` of denoising and the scale of classifier-free `guidance`
        (none at 1) are the profile's unless given. Without `judge` nobody scores the pictures; `judged` does it later.
        A seat that fails says so in its painting. Raises RefusedError for a prompt that the policy forbids, QueryError
        for an option out of range, and CheckpointError when there is no pipeline.
        """
        chosen = choose_seats(self.seats, seats)
        ask = self._ask(prompt, negative_prompt, self._voices(chosen), seed, steps, guidance, pictures)
        return self._run(ask, judge=judge)

    def stream(
        self,
        prompt: str,
        *,
        seats: Sequence[str] | None = None,
        negative_prompt: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
        stop: threading.Event | None = None,
    ) -> Iterator[GenerationComparison]:
        """As `compare`, but yields the comparison after every step with previews; the last one equals `compare`'s.

        The work is done in a thread of its own. Setting `stop`, or closing the iterator, ends it before the next step:
        the last comparison is then `stopped`. Options are checked by this call, before the first `next`.
        """
        chosen = choose_seats(self.seats, seats)
        ask = self._ask(prompt, negative_prompt, self._voices(chosen), seed, steps, guidance, pictures)
        return self._stream(ask, stop)

    def dial(
        self,
        prompt: str,
        *,
        seat: str,
        positions: Sequence[float] = DIAL,
        negative_prompt: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        judge: bool = True,
    ) -> GenerationComparison:
        """One picture for each position of the safety dial, from the first seat's text encoder (0) to `seat`'s (1).

        In between, every weight is interpolated. The keys are the positions as text: "0", "0.25". Raises as `compare`.
        """
        ask = self._ask(prompt, negative_prompt, self._blends(seat, positions), seed, steps, guidance, pictures=1)
        return self._run(ask, judge=judge)

    def dial_stream(
        self,
        prompt: str,
        *,
        seat: str,
        positions: Sequence[float] = DIAL,
        negative_prompt: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[GenerationComparison]:
        """`dial` as `stream` does it."""
        ask = self._ask(prompt, negative_prompt, self._blends(seat, positions), seed, steps, guidance, pictures=1)
        return self._stream(ask, stop)

    def paint_batch(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        seats: Sequence[str] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> dict[str, list["Image.Image"]]:
        """A picture of each of n prompts from n seeds: seat key → n pictures, for evaluation.

        Raises as `compare`, CheckpointError when one of the seats cannot paint, and DeviceError when memory does not
        hold even one prompt's pictures.
        """
        if len(prompts) != len(seeds):
            raise QueryError(f"There are {len(prompts)} prompts and {len(seeds)} seeds; each prompt needs one.")
        voices = self._voices(choose_seats(self.seats, seats))
        asks = [
            self._ask(text, "", voices, seed, steps, guidance, 1) for text, seed in zip(prompts, seeds, strict=True)
        ]
        found: dict[str, list[Image.Image]] = {key: [] for key in voices}
        together = max(1, _ROWS_AT_ONCE // len(voices))
        for start in range(0, len(asks), together):
            with self._lock:
                painter = self._loaded()
                encoders = {key: self._encoder(painter, voice) for key, voice in voices.items()}
                painted = paint_rows(painter, asks[start : start + together], encoders)
            for key, pictures in painted.items():
                found[key] += pictures
        return found

    def judged(self, comparison: GenerationComparison) -> GenerationComparison:
        """The same with the scores of `judges` for its pictures, and a note for each judge that gives none.

        Where one is missing, what the others let pass counts as unjudged.
        """
        paintings = dict(comparison.paintings)
        pictures = [picture for painting in paintings.values() for picture in painting.pictures]
        if not pictures:
            return comparison
        rows, notes = self._scores(pictures)
        scores = zip(*rows, strict=True) if rows else iter([()] * len(pictures))
        for key, painting in paintings.items():
            own = tuple(next(scores) for _ in painting.pictures)
            paintings[key] = replace(painting, scores=own, unjudged=bool(notes) or not rows)
        if not rows:
            notes.append("Nobody judged the pictures.")
        return replace(comparison, paintings=paintings, notes=tuple(dict.fromkeys((*comparison.notes, *notes))))

    def _scores(self, pictures: Sequence["Image.Image"]) -> tuple[list[list[Score]], list[str]]:
        """What each judge says of n pictures, n scores each, and why the others say nothing."""
        rows, notes = [], []
        for name, judge in self._opened.items():
            try:
                if isinstance(judge, JudgeError):
                    raise judge.with_traceback(None)
                rows.append(judge.score(pictures))
            except JudgeError as error:
                notes.append(f"The judge “{name}” is missing: {error}")
        return rows, notes

    # --- one request

    def _ask(
        self,
        prompt: str,
        negative: str,
        voices: Mapping[str, ColumnEncoder],
        seed: int,
        steps: int | None,
        guidance: float | None,
        pictures: int,
    ) -> Request:
        prompt, negative = _text("prompt", prompt), _text("negative prompt", negative)
        if not prompt:
            raise QueryError("There is no prompt yet. Describe what is to be painted.")
        check_prompt(prompt, negative)
        steps = self.spec.steps if steps is None else steps
        guidance = self.spec.guidance if guidance is None else guidance
        check_number("number of pictures", pictures, 1, MAX_PICTURES, whole=True)
        check_number("seed", seed, 0, MAX_SEED - MAX_PICTURES, whole=True)
        check_number("number of steps", steps, 1, MAX_STEPS, whole=True)
        check_number("guidance", guidance, 1, MAX_GUIDANCE)
        return Request(prompt, negative, voices, seed, steps, float(guidance), pictures)

    def _voices(self, keys: Sequence[str]) -> dict[str, ColumnEncoder]:
        return {key: ColumnEncoder(self.seats[key].label, key) for key in keys}

    def _blends(self, seat: str, positions: Sequence[float]) -> dict[str, ColumnEncoder]:
        choose_seats(self.seats, [seat])
        if seat == self.reference:
            raise QueryError(f"The dial turns from “{seat}” to another seat. Name one of those.")
        if not positions:
            raise QueryError("The dial has no position. Name some from 0 to 1.")
        for t in positions:
            check_number("position of the dial", t, 0, 1)
        label = self.seats[seat].label
        return {f"{t:g}": ColumnEncoder(f"{label} at {t:g}", seat, float(t)) for t in positions}

    def _stream(self, ask: Request, stop: threading.Event | None) -> Iterator[GenerationComparison]:
        ended = stop or threading.Event()
        return stream_states("generation", lambda seen: self._run(ask, seen, ended), ended)

    def _run(
        self, ask: Request, seen: Seen | None = None, stop: threading.Event | None = None, *, judge: bool = True
    ) -> GenerationComparison:
        """The paintings of one request; `seen` gets every state on the way there."""
        with self._lock:
            painter = self._loaded()
            width, height = painter.size
            blank = GenerationComparison(
                *(ask.prompt, ask.negative, ask.seed, ask.steps, ask.guidance, width, height, ask.pictures),
                paintings={key: GeneratedImages() for key in ask.voices},
                notes=_cut_notes(painter, ask),
                done=False,
            )
            if stop is not None and stop.is_set():  # while this waited for its turn
                return replace(blank, done=True, stopped=True)
            words, errors = self._listen(painter, ask)
            blank = replace(blank, notes=(*blank.notes, *self._doubts(ask)))
            last = StepReporter(with_errors(blank, errors), seen, painter.previews if seen else None)
            try:
                finished = paint_all(painter, ask, words, last, stop)
            except Stopped:
                return replace(last.comparison, done=True, stopped=True)
        return replace(self.judged(finished) if judge else finished, done=True)

    def _listen(self, painter: StableDiffusionSwap, ask: Request) -> tuple[dict[str, States], dict[str, str]]:
        """Column → what its encoder makes of both prompts, or the message of why it makes nothing."""
        ids = painter.tokenize([ask.prompt, ask.negative])
        words, errors = {}, {}
        for key, voice in ask.voices.items():
            try:
                states = painter.states(ids, self._encoder(painter, voice))
                words[key] = states[:1], states[1:]
            except SafeClipError as error:
                errors[key] = str(error)
            except RuntimeError as error:
                errors[key] = f"{voice.label} could not read the prompt: {first_line(error)}"
        return words, errors

    def _doubts(self, ask: Request) -> Iterator[str]:
        """What is to be told of encoders that load but cannot be trusted."""
        for seat in dict.fromkeys(voice.seat for voice in ask.voices.values() if voice.seat != self.reference):
            with contextlib.suppress(SafeClipError):
                yield from (f"{self.seats[seat].label}: {warning}" for warning in self.encoders[seat].warnings)

    # --- the models

    def _open(self) -> StableDiffusionSwap:
        folder = checkpoint_folder(self.spec.checkpoint, STABLE_DIFFUSION, self.spec.revision)
        return StableDiffusionSwap.from_pretrained(folder, device=as_device(self._device), dtype=self.spec.dtype)

    @cached_property
    def _opened(self) -> dict[str, ImageJudge | JudgeError]:
        """The profile's judges, or why they cannot be had, by name."""
        found: dict[str, ImageJudge | JudgeError] = {}
        for name in self.spec.judges:
            try:
                found[name] = open_judge(name, device="cpu" if zero_gpu() else self._device)
            except JudgeError as error:
                found[name] = error
        return found

    def _encoder(self, painter: StableDiffusionSwap, voice: ColumnEncoder) -> "CLIPTextModel | None":
        """Who reads the prompt; None, which is the pipeline's own, for the first seat. Raises CheckpointError."""
        if voice.seat == self.reference or voice.t == 0:
            return None
        encoder = self.encoders[voice.seat]
        tower = getattr(encoder.model, "text_model", None)
        if tower is None:
            raise CheckpointError(
                f"{self.seats[voice.seat].checkpoint}: Stable Diffusion can only listen to a CLIP in the transformers "
                "format. Name such a checkpoint in the profile."
            )
        painter.check(encoder)
        if voice.t is None or voice.t == 1:
            return tower
        if tower.config.num_hidden_layers != painter.text_encoder.config.num_hidden_layers:
            raise CheckpointError(f"{voice.label}: only text towers of one architecture can be blended.")
        return blend_weights(painter.text_encoder, tower, voice.t)


def _cut_notes(painter: StableDiffusionSwap, ask: Request) -> tuple[str, ...]:
    kept = [painter.cut(text) for text in (ask.prompt, ask.negative)]
    return tuple(cut_note(text, painter.tokenizer.model_max_length) for text in kept if text is not None)


def _text(what: str, value: Any) -> str:
    """A prompt in one line. Raises QueryError for what is no text or too long."""
    if not isinstance(value, str):
        raise QueryError(f"The {what} must be a text, not {value!r}.")
    if len(value) > MAX_PROMPT:
        raise QueryError(f"The {what} has {len(value)} characters; shorten it to {MAX_PROMPT} or fewer.")
    return " ".join(value.split())
