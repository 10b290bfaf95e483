"""Side-by-side captioning: one language model answers a question about an image seen by every seat's vision tower."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

import numpy as np
import torch

from ..errors import DeviceError, QueryError, SafeClipError, first_line
from ..images.loading import ImageSource, open_image
from ..judges import TextJudge
from ..options import as_list, choose_seats
from ..profiles import CaptioningSpec
from ..runtime.checkpoint_names import is_embedded
from ..runtime.devices import is_out_of_memory, release_memory
from ..runtime.hub import checkpoint_folder
from ..runtime.streaming import stream_states
from ..shared_model import SharedModel
from .decoding import DecodedRow
from .files import llava_files
from .judging import AnswerJudge
from .llava import Llava
from .results import Answer, CaptionComparison
from .settings import (
    MAX_NEW_TOKENS,
    MAX_QUESTION,
    MAX_TEMPERATURE,
    CaptioningSettings,
    DecodingOptions,
    check_length,
    check_question,
)

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPVisionModel

__all__ = ["MAX_NEW_TOKENS", "MAX_QUESTION", "MAX_TEMPERATURE", "Captioning"]

IMAGES_AT_ONCE = 16  # of an evaluation's batch

OnStep = Callable[[CaptionComparison], None]


class Captioning(SharedModel[CaptioningSpec, Llava]):
    """Answers questions about images with every seat's vision tower. Threads may share it; they take turns inside.

    The first seat's greedy answer is that of a plain `generate` of the checkpoint.
    """

    @property
    def questions(self) -> tuple[str, ...]:
        """The profile's suggested questions; the first stands for a question that is left out."""
        return self.spec.questions

    @property
    def judge(self) -> TextJudge:
        """The judge of the answers. Raises JudgeError when it cannot be opened."""
        return self._judge.judge

    def compare(
        self,
        image: ImageSource,
        question: str | None = None,
        *,
        seats: Sequence[str] | None = None,
        **options: Unpack[DecodingOptions],
    ) -> CaptionComparison:
        """Answers `question` about an image with each of `seats` (all by default), in one batch.

        A question that is None or blank is the first of `questions`. `image` is anything that `open_image` reads. A
        seat that fails has an `error` in its answer.

        Raises ImageError, QueryError for an option out of range, RefusedError for a question that the policy forbids,
        and CheckpointError when the language model cannot be loaded.
        """
        return self._run(self._settings(image, question, seats, options))

    def stream(
        self,
        image: ImageSource,
        question: str | None = None,
        *,
        seats: Sequence[str] | None = None,
        stop: threading.Event | None = None,
        **options: Unpack[DecodingOptions],
    ) -> Iterator[CaptionComparison]:
        """Yields the comparison token by token; the last one is `done` and equals that of `compare`.

        The work is done in a thread of its own. Setting `stop`, or closing the iterator, ends it at the next token, and
        the last comparison has the answers so far. Options are checked by this call, before the first `next`.
        """
        settings = self._settings(image, question, seats, options)
        ended = stop or threading.Event()
        return stream_states("captioning", lambda on_step: self._run(settings, on_step, ended), ended)

    def answer_batch(
        self,
        images: Sequence[ImageSource],
        question: str | None = None,
        *,
        seats: Sequence[str] | None = None,
        max_new_tokens: int = 64,
    ) -> dict[str, list[str]]:
        """Greedy answers to one question about n images, for evaluation: seat key → n texts.

        Raises as `compare`, and SafeClipError when a seat cannot answer.
        """
        asked, keys = self._question(question), choose_seats(self.seats, seats)
        check_length(max_new_tokens)
        images = as_list("pictures", images, alone=(str, bytes, np.ndarray))
        texts: dict[str, list[str]] = {key: [] for key in keys}
        for start in range(0, len(images), IMAGES_AT_ONCE):
            opened = [open_image(image) for image in images[start : start + IMAGES_AT_ONCE]]
            for key, said in self._answers(opened, asked, keys, max_new_tokens).items():
                texts[key] += said
        return texts

    def _answers(
        self, opened: Sequence["Image.Image"], asked: str, keys: Sequence[str], max_new_tokens: int
    ) -> dict[str, list[str]]:
        """One answer a picture and seat, in one batch or in as many as memory asks for.

        Raises DeviceError when memory does not hold even one picture's, or the device fails.
        """
        try:
            with self._computing(keys) as llava:
                ids, pixels = llava.inputs(opened, asked)
                limit, _ = _token_limit(llava, ids, max_new_tokens)
                features = torch.cat([llava.encode_image(pixels, self._vision_tower(key)) for key in keys])
                rows = [llava.decode(row.tokens) for row in llava.generate(ids, features, max_new_tokens=limit)]
            return {key: rows[i * len(opened) : (i + 1) * len(opened)] for i, key in enumerate(keys)}
        except RuntimeError as error:
            if not is_out_of_memory(error) or len(opened) == 1:
                raise DeviceError(f"The pictures could not be described: {first_line(error)}") from error
        release_memory()
        half = len(opened) // 2
        parts = [self._answers(part, asked, keys, max_new_tokens) for part in (opened[:half], opened[half:])]
        return {key: [text for part in parts for text in part[key]] for key in keys}

    def judged(self, question: str, texts: Mapping[str, str]) -> CaptionComparison:
        """Judges given answers (seat key → text) as if the seats had just given them."""
        answers = {key: Answer(texts[key], complete=True) for key in self.seats if key in texts}
        return self._judge.judged(CaptionComparison(question, answers))

    # --- one request

    def _settings(
        self, image: ImageSource, question: str | None, seats: Sequence[str] | None, options: DecodingOptions
    ) -> CaptioningSettings:
        asked, keys = self._question(question), choose_seats(self.seats, seats)
        return CaptioningSettings.check(image, asked, keys, **options)

    def _question(self, question: str | None) -> str:
        return check_question(question, self.questions, real_world=not is_embedded(self.spec.checkpoint))

    def _run(
        self, settings: CaptioningSettings, on_step: OnStep | None = None, stop: threading.Event | None = None
    ) -> CaptionComparison:
        """The answers to one request; `on_step` is called with every state on the way there."""
        remarks = self.remarks.on_image(settings.image)
        with self._computing(settings.seats) as llava:
            ids, pixels = llava.inputs([settings.image], settings.question)
            limit, cuts = _token_limit(llava, ids, settings.max_new_tokens)
            features, errors = self._encode_image(llava, settings.seats, pixels)

            def state(rows: Sequence[DecodedRow]) -> CaptionComparison:
                """The comparison with the tokens of `rows` so far, one row for each seat in `features`."""
                written = {key: self._answer(llava, row) for key, row in zip(features, rows, strict=True)}
                answers = {key: written.get(key) or Answer(error=errors.get(key)) for key in settings.seats}
                return CaptionComparison(settings.question, answers, notes=(*remarks, *cuts), done=False)

            rows = [DecodedRow() for _ in features]
            if on_step is not None:
                on_step(state(rows))
            if features:
                try:
                    rows = llava.generate(
                        ids,
                        torch.cat(list(features.values())),
                        max_new_tokens=limit,
                        temperature=settings.temperature,
                        top_p=settings.top_p,
                        seed=settings.seed,
                        on_step=None if on_step is None else lambda rows: on_step(state(rows)),
                        stop=stop,
                    )
                except RuntimeError as error:  # torch's: out of memory, a lost device
                    errors |= {key: f"The language model could not answer: {first_line(error)}" for key in features}
                    features, rows = {}, []
            return self._judge.judged(state(rows))

    def _encode_image(
        self, llava: Llava, seats: Sequence[str], pixels: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        """Seat key → projected patches (1, patches, width), and seat key → message where its tower fails."""
        features, errors = {}, {}
        for key in seats:
            try:
                features[key] = llava.encode_image(pixels, self._vision_tower(key))
            except SafeClipError as error:
                errors[key] = str(error)
            except RuntimeError as error:
                errors[key] = f"{self.seats[key].label} could not look at the picture: {first_line(error)}"
        return features, errors

    def _answer(self, llava: Llava, row: DecodedRow) -> Answer:
        text = llava.decode(row.tokens)
        mentions = self._judge.mentions(text, complete=row.complete)
        return Answer(text, mentions, complete=row.complete, tokens=tuple(row.tokens))

    # --- the models

    def _open(self) -> Llava:
        folder = checkpoint_folder(self.spec.checkpoint, llava_files(self.spec.dtype))
        return Llava.from_pretrained(folder, device=self._device, dtype=self.spec.dtype, quantize=self.spec.quantize)

    def _device_of(self, model: Llava) -> torch.device:
        return model.model.device

    @cached_property
    def _judge(self) -> AnswerJudge:
        return AnswerJudge(self.spec.judge, device=self._device)

    def _vision_tower(self, key: str) -> "CLIPVisionModel | None":
        """A seat's vision tower; None stands for the checkpoint's own, the first seat's. Raises CheckpointError."""
        return None if key == self.reference else self._tower(key, "vision_model", "LLaVA")


def _token_limit(llava: Llava, ids: torch.Tensor, wanted: int) -> tuple[int, tuple[str, ...]]:
    """The number of tokens an answer may have, and a note when that is fewer than wanted.

    `ids` (1, L) are the prompt's tokens, patches included. Raises QueryError when they leave no room.
    """
    room = llava.max_tokens - ids.shape[1]
    if room < 1:
        raise QueryError(
            f"Picture and question take {ids.shape[1]} of the {llava.max_tokens} tokens that the model has room for. "
            "Shorten the question."
        )
    if wanted <= room:
        return wanted, ()
    return room, (f"After this question the model has room for {room} tokens, so the answers end there at most.",)
