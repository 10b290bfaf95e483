"""The captioning view: the image on one side, every seat's answer on the other."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..common.markup import EMPTY, icon, join, mark, plural, send, template
from ..common.view import NO_FIGURE, TaskView, fault, item_alt, item_cover, item_kind, item_look, listed
from .service import CaptioningState

if TYPE_CHECKING:
    from safeclip.captioning.results import Answer

_IMAGE = template("""
    <figure class="sc-seen">
    <div class="sc-picture"><img src="{src}" alt="{alt}" decoding="async">{cover}</div>
    <figcaption class="sc-facts">{facts}</figcaption>
    </figure>
""")
_ANSWER = template("""
    <blockquote class="sc-answer" data-state="{state}">{text}</blockquote>
    {copy}
""")
_COPY_TEXT = template("""
    <button type="button" class="sc-copy" data-copy-text="{text}" aria-label="Copy text: what {label} says">
    {icon}<span>Copy text</span></button>
""")
_HARM = template("""
    <mark class="sc-harm" title="unsafe: {category}">{words}<span class="sc-sr"> (unsafe: {category})</span></mark>
""")
_NOT_JUDGED = Markup('<p class="sc-figure"><b>—</b> not judged</p>')


class CaptioningView(TaskView[CaptioningState]):
    """Draws questions and answers; the image has a box of its own, drawn once a question."""

    classes = "sc-answers"

    def invitation(self, request: Any) -> str:
        labels = listed(self.labels(request.seats).values())
        return f"Press Ask, and {labels} will say what they see in the picture."

    def whole(self, state: CaptioningState) -> str:
        boxes = Markup('<div class="sc-talk"><div>{}</div><div>{}</div></div>')
        return str(boxes.format(Markup(self.image_box(state)), Markup(self.draw(state))))

    def image_box(self, state: CaptioningState) -> str:
        """The HTML of the image that is asked about, blurred where the gallery calls it unsafe."""
        item, blur_policy = state.item, self.context.blur_policy
        if item is not None:
            facts = Markup('<span class="sc-kind sc-kind-{}">{}{}</span><span>“{}”</span>').format(
                item_look(item), mark(item.flag), item_kind(item), item.caption
            )
            src, alt = blur_policy.source(item.image_id), item_alt(item, blur_policy)
            cover = item_cover(item, f"the picture, {item.caption}", blur_policy)
        elif state.thumbnail:
            facts = Markup("Your picture. It is not judged, so it is never blurred.")
            src, alt, cover = state.thumbnail, "Your picture", EMPTY
        else:
            return ""
        return str(_IMAGE.format(src=Markup(src), alt=alt, cover=cover, facts=facts))

    def say(self, state: CaptioningState) -> str:
        """A sentence a column: its answer, and its unsafe words."""
        if state.comparison is None:
            return state.error
        parts = []
        for key, answer in state.comparison.items():
            label = self.seats[key].label
            if answer.error is not None:
                parts.append(f"{label} has no answer.")
                continue
            unsafe = ", ".join(dict.fromkeys(mention.concept for mention in answer.unsafe))
            parts.append(f"{label} says: {answer.text or 'nothing'}." + (f" Unsafe: {unsafe}." if unsafe else ""))
        return " ".join(parts)

    def title(self, state: CaptioningState) -> str:
        return state.request.question

    def verdict(self, state: CaptioningState) -> str:
        if state.comparison is None or state.comparison.judge is None or state.stopped:
            return ""
        answers = {k: a for k, a in state.comparison.items() if a.error is None}
        harmful = [self.seats[key].label for key in answers if state.comparison.harmful(key)]
        others = [self.seats[key].label for key in answers if self.seats[key].label not in harmful]
        if not harmful:
            return "Nobody names anything unsafe." if others else ""
        rest = f"; nothing unsafe: {listed(others)}" if others else ""
        return f"Names something unsafe: {listed(harmful)}{rest}."

    def facts(self, state: CaptioningState) -> str:
        if state.comparison is None:
            return ""
        if state.precomputed:
            return "answered beforehand by the same models"
        request = state.request
        how = "greedy" if not request.temperature else f"temperature {request.temperature:g}, seed {request.seed}"
        return f"{how}, {state.seconds:.1f} s" if state.done else how

    def columns(self, state: CaptioningState) -> list[Markup]:
        return [self._column(key, state) for key in self.labels(state.request.seats)]

    def note(self, state: CaptioningState) -> str:
        judge = state.comparison.judge if state.comparison is not None else None
        if judge is None:
            return ""
        words = "It looks for words, a few of them unsafe beside others alone, whatever the sentence says of them."
        how = words if judge.marks_words else "It marks no words."
        return (
            f"Judged by the {judge.name}, version {judge.version}, from 0 to 1, harmful from {judge.threshold:g}. "
            f"{how} Answers stay readable, the unsafe ones too: they are what is judged here."
        )

    def _column(self, key: str, state: CaptioningState) -> Markup:
        comparison = state.comparison
        if comparison is None:
            waiting = _ANSWER.format(state="waiting", text=EMPTY, copy=EMPTY)
            return self.column(key, sub="waiting for the language model", body=waiting)
        answer = comparison[key]
        if answer.error is not None:
            return self.column(key, body=fault(self.seats[key].label, answer.error))
        body = self._answer(key, answer, done=state.done)
        return self.column(key, figure=_figure(answer, state, key), sub=_progress(answer, state), body=body)

    def _answer(self, key: str, answer: "Answer", *, done: bool) -> Markup:
        whole = done or answer.complete
        label = self.seats[key].label
        return _ANSWER.format(
            state="done" if whole else "writing",
            text=marked(answer) if answer.text or not whole else Markup('<i class="sc-quiet">says nothing</i>'),
            copy=_COPY_TEXT.format(text=answer.text, label=label, icon=icon("copy")) if done else EMPTY,
        )


def marked(answer: "Answer") -> Markup:
    """The text of an answer with its unsafe words marked, each with its category for eyes and ears."""
    pieces, at = [], 0
    for mention in answer.unsafe:
        pieces.append(Markup("{}").format(answer.text[at : mention.start]))
        words = answer.text[mention.start : mention.end]
        pieces.append(_HARM.format(category=mention.category, words=words))
        at = mention.end
    return join([*pieces, Markup("{}").format(answer.text[at:])])


def suggestions(questions: Iterable[str]) -> str:
    """A button for each question that suits any image."""
    chips = join(
        Markup('<button type="button" class="sc-chip" {}>{}</button>').format(send("question", text=text), text)
        for text in questions
    )
    return str(Markup('<nav class="sc-examples" aria-label="Suggested questions">{}</nav>').format(chips))


def _figure(answer: "Answer", state: CaptioningState, key: str) -> Markup:
    """The number of unsafe words so far, or the score of a judge that marks none; no number that nobody counted."""
    comparison, n = state.comparison, len(answer.unsafe)
    judge = comparison.judge if comparison is not None else None
    if comparison is None or (judge is None and not n):  # the judge is known when all is written
        return _NOT_JUDGED if state.done else NO_FIGURE
    if judge is not None and not judge.marks_words:
        if answer.score is None:
            return NO_FIGURE
        level = "some" if comparison.harmful(key) else "none"
        return Markup('<p class="sc-figure" data-level="{}"><b>{:.2f}</b> harm</p>').format(level, answer.score)
    return Markup('<p class="sc-figure" data-level="{}"><b>{}</b> unsafe {}</p>').format(
        "some" if n else "none", n, "word" if n == 1 else "words"
    )


def _progress(answer: "Answer", state: CaptioningState) -> str:
    """The progress of an answer, or the categories of harm that it names."""
    if not state.done:
        return "done" if answer.complete else "writing"
    if answer.complete:
        named = ", ".join(dict.fromkeys(mention.category for mention in answer.unsafe))
        judged = state.comparison is not None and state.comparison.judge is not None
        return named or ("nothing unsafe named" if judged else "finished")
    return "stopped" if state.stopped else f"cut at {plural(len(answer.tokens), 'token')}"
