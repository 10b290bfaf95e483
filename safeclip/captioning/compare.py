"""Side-by-side captioning: one language model looks at one picture through the vision tower of every seat."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from PIL import Image

from ..errors import CheckpointError, JudgeError, QueryError, SafeClipError, first_line
from ..images.loading import open_image
from ..judges import TextJudge, open_text_judge
from ..judges.texts.lexicon import Mention
from ..options import MAX_SEED, check_number, choose_seats
from ..profiles import CaptioningSpec
from ..retrieval.compare import Query
from ..runtime.hub import checkpoint_folder
from ..runtime.streaming import stream_states
from ..shared_model import SharedModel
from .decoding import DecodedRow
from .files import LLAVA
from .llava import Llava
from .results import Answer, CaptionComparison, JudgedBy

MAX_QUESTION = 300  # characters
MAX_NEW_TOKENS = 512
MAX_TEMPERATURE = 2.0

_IMAGES_AT_ONCE = 16


@dataclass(frozen=True)
class _Ask:
    """One checked request."""

    image: Image.Image
    question: str
    seats: tuple[str, ...]
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


class Captioning(SharedModel[CaptioningSpec, Llava]):
    """Answers questions about pictures with every seat's eyes. Safe to call from several threads, one at a time inside.

    The first seat's greedy answer is that of a plain `generate` of the checkpoint.
    """

    @property
    def questions(self) -> tuple[str, ...]:
        """What may be asked of every picture; the first one is asked when nobody asks."""
        return self.spec.questions

    @cached_property
    def judge(self) -> TextJudge:
        """Judge of the answers, as the profile chooses it. Raises JudgeError when it cannot be opened."""
        return open_text_judge(self.spec.judge, device=self._device)

    def compare(
        self,
        image: Query,
        question: str | None = None,
        *,
        seats: Sequence[str] | None = None,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> CaptionComparison:
        """Ask `question` (None or blank: the first of `questions`) about a picture under `seats` (all by default).

        All seats answer in one batch. `temperature` 0 is greedy; above, tokens are drawn with the noise of `seed`, the
        same for every seat. `image` is whatever `open_image` reads. A seat that fails says so in its answer.
        Raises ImageError, QueryError for an option out of range, and CheckpointError when there is no language model.
        """
        ask = self._ask(image, question, seats, max_new_tokens, temperature, top_p, seed)
        return self._answer(ask)

    def stream(
        self,
        image: Query,
        question: str | None = None,
        *,
        seats: Sequence[str] | None = None,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: threading.Event | None = None,
    ) -> Iterator[CaptionComparison]:
        """As `compare`, but yields the comparison token by token; the last one is `done` and equals `compare`'s.

        The work is done in a thread of its own. Setting `stop`, or closing the iterator, ends it at the next token,
        and what was said so far is the last comparison. Options are checked by this call, before the first `next`.
        """
        ask = self._ask(image, question, seats, max_new_tokens, temperature, top_p, seed)
        ended = stop or threading.Event()
        return stream_states("captioning", lambda seen: self._answer(ask, seen, ended), ended)

    def answer_batch(
        self,
        images: Sequence[Query],
        question: str | None = None,
        *,
        seats: Sequence[str] | None = None,
        max_new_tokens: int = 64,
    ) -> dict[str, list[str]]:
        """Greedy answers to one question about n pictures: seat key → n texts, for evaluation.

        Raises as `compare`, and also SafeClipError when one of the seats cannot answer.
        """
        asked, keys = self._question(question), choose_seats(self.seats, seats)
        check_number("number of tokens", max_new_tokens, 1, MAX_NEW_TOKENS, whole=True)
        texts: dict[str, list[str]] = {key: [] for key in keys}
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            opened = [open_image(image) for image in images[start : start + _IMAGES_AT_ONCE]]
            with self._lock:
                llava = self._loaded()
                ids, pixels = llava.inputs(opened, asked)
                limit, _ = self._limit(llava, ids, max_new_tokens)
                features = torch.cat([llava.features(pixels, self._tower(key)) for key in keys])
                rows = llava.generate(ids, features, max_new_tokens=limit)
                for i, row in enumerate(rows):
                    texts[keys[i // len(opened)]].append(llava.decode(row.tokens))
        return texts

    def judged(self, question: str, texts: Mapping[str, str]) -> CaptionComparison:
        """The comparison that these answers would make (seat key → text), had they been given now."""
        answers = {key: Answer(texts[key], complete=True) for key in self.seats if key in texts}
        return self._judged(CaptionComparison(question, answers))

    # --- one request

    def _ask(
        self,
        image: Query,
        question: str | None,
        seats: Sequence[str] | None,
        max_new_tokens: int,
        temperature: float,
        top_p: float,
        seed: int,
    ) -> _Ask:
        check_number("number of tokens", max_new_tokens, 1, MAX_NEW_TOKENS, whole=True)
        check_number("temperature", temperature, 0, MAX_TEMPERATURE)
        check_number("top-p", top_p, 0.01, 1)
        check_number("seed", seed, 0, MAX_SEED, whole=True)
        asked, keys = self._question(question), choose_seats(self.seats, seats)
        return _Ask(open_image(image), asked, keys, max_new_tokens, temperature, top_p, seed)

    def _question(self, question: str | None) -> str:
        text = " ".join((question or "").split()) or self.questions[0]
        if len(text) > MAX_QUESTION:
            raise QueryError(f"The question has {len(text)} characters; shorten it to {MAX_QUESTION} or fewer.")
        return text

    def _answer(
        self,
        ask: _Ask,
        seen: Callable[[CaptionComparison], None] | None = None,
        stop: threading.Event | None = None,
    ) -> CaptionComparison:
        """The answers to one request; `seen` gets every state on the way there."""
        with self._lock:
            llava = self._loaded()
            ids, pixels = llava.inputs([ask.image], ask.question)
            limit, notes = self._limit(llava, ids, ask.max_new_tokens)
            features, errors = self._look(llava, ask.seats, pixels)

            def state(rows: Sequence[DecodedRow]) -> CaptionComparison:
                """What `rows`, one for each seat that sees, say until now."""
                spoken = {key: self._read(llava, row) for key, row in zip(features, rows, strict=True)}
                answers = {key: spoken.get(key) or Answer(error=errors.get(key)) for key in ask.seats}
                return CaptionComparison(ask.question, answers, notes=notes, done=False)

            rows = [DecodedRow() for _ in features]
            if seen is not None:
                seen(state(rows))
            if features:
                try:
                    rows = llava.generate(
                        ids,
                        torch.cat(list(features.values())),
                        max_new_tokens=limit,
                        temperature=ask.temperature,
                        top_p=ask.top_p,
                        seed=ask.seed,
                        seen=None if seen is None else lambda rows: seen(state(rows)),
                        stop=stop,
                    )
                except RuntimeError as error:  # torch's: out of memory, a lost device
                    errors |= {key: f"The language model could not answer: {first_line(error)}" for key in features}
                    features, rows = {}, []
            return self._judged(state(rows))

    def _look(
        self, llava: Llava, seats: Sequence[str], pixels: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        """Seat key → the picture's patches as it sees them (1, patches, width), or the message of why it does not."""
        features, errors = {}, {}
        for key in seats:
            try:
                features[key] = llava.features(pixels, self._tower(key))
            except SafeClipError as error:
                errors[key] = str(error)
            except RuntimeError as error:
                errors[key] = f"{self.seats[key].label} could not look at the picture: {first_line(error)}"
        return features, errors

    def _read(self, llava: Llava, row: DecodedRow) -> Answer:
        text = llava.decode(row.tokens)
        mentions = self._mentions(text)
        if not row.complete:  # a word that is still being written is no mention yet
            mentions = tuple(mention for mention in mentions if mention.end < len(text))
        return Answer(text, mentions, complete=row.complete, tokens=tuple(row.tokens))

    def _mentions(self, text: str) -> tuple[Mention, ...]:
        try:
            return self.judge.mentions(text)
        except JudgeError:  # told by `_judged`
            return ()

    def _judged(self, comparison: CaptionComparison) -> CaptionComparison:
        """The finished comparison with the judge's scores, or a note of why there are none."""
        try:
            judge = self.judge
            verdicts = {key: judge.judge(a.text) for key, a in comparison.answers.items() if a.error is None}
        except JudgeError as error:
            return replace(comparison, notes=(*comparison.notes, f"Nobody judged the answers: {error}"), done=True)
        answers = {
            key: replace(answer, mentions=verdicts[key].mentions, score=verdicts[key].score)
            if key in verdicts
            else answer
            for key, answer in comparison.answers.items()
        }
        judged_by = JudgedBy(judge.name, judge.version, judge.threshold, judge.marks_words)
        return replace(comparison, answers=answers, judge=judged_by, done=True)

    # --- the models

    def _open(self) -> Llava:
        folder = checkpoint_folder(self.spec.checkpoint, LLAVA)
        return Llava.from_pretrained(folder, device=self._device, quantize=self.spec.quantize)

    def _tower(self, key: str) -> Any:
        """A seat's vision tower; None, which is the checkpoint's own, for the first seat. Raises CheckpointError."""
        if key == self.reference:
            return None
        tower = getattr(self.encoders[key].model, "vision_model", None)
        if tower is None:
            raise CheckpointError(
                f"{self.seats[key].checkpoint}: LLaVA can only look through a CLIP in the transformers format. "
                "Name such a checkpoint in the profile."
            )
        return tower

    def _limit(self, llava: Llava, ids: torch.Tensor, wanted: int) -> tuple[int, tuple[str, ...]]:
        """How many tokens the answer may have, and a note when the model has room for fewer than wanted."""
        room = llava.room - ids.shape[1]
        if room < 1:
            raise QueryError(
                f"Picture and question take {ids.shape[1]} of the {llava.room} tokens that the model has room for. "
                "Shorten the question."
            )
        if wanted <= room:
            return wanted, ()
        return room, (f"After this question the model has room for {room} tokens, so the answers end there at most.",)
