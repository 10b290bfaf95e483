"""The captioning stage: the picture on one side, what every seat says of it on the other, as HTML."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, icon, join, mark, plural, send, template
from ..common.permalink import caption_query
from ..retrieval import hit_cards as cards
from ..retrieval.service import plain

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.captioning.results import Answer, CaptionComparison
    from safeclip.profiles import Seat

    from ..common.blur_policy import BlurPolicy
    from .request import CaptioningState

_SEEN = template("""
    <figure class="sc-seen">
    <div class="sc-picture"><img src="{src}" alt="{alt}" decoding="async">{cover}</div>
    <figcaption class="sc-facts">{facts}</figcaption>
    </figure>
""")
_STAGE = template("""
    <div class="sc-stage sc-answers" data-room="captioning" data-state="{state}" data-permalink="{link}"
    data-say="{say}">
    <header class="sc-query">
    <div><h2>{title}</h2><p class="sc-facts">{facts}</p></div>
    {copy}
    </header>
    {notices}
    <div class="sc-columns" data-columns="{n}" style="--columns:{n}">{columns}</div>
    <p class="sc-shield">{judge}</p>
    </div>
""")
_COPY_LINK = template("""
    <button type="button" class="sc-copy" data-copy="{}">{}<span>Copy link</span></button>
""")
_ANSWER = template("""
    <blockquote class="sc-answer" data-state="{state}">{text}</blockquote>
    {copy}
""")
_COPY_TEXT = template("""
    <button type="button" class="sc-copy" data-copy-text="{text}" aria-label="Copy what {label} says">
    {icon}<span>Copy text</span></button>
""")
_HARM = template("""
    <mark class="sc-harm" title="unsafe: {category}">{words}<span class="sc-sr"> (unsafe: {category})</span></mark>
""")
_MESSAGE = template("""
    <div class="sc-stage sc-answers" data-room="captioning" data-state="done" data-permalink="" data-say="{0}">
    <div class="sc-fault" role="note"><p>{0}</p></div>
    </div>
""")
_INTRO = template("""
    <div class="sc-stage sc-answers" data-room="captioning" data-state="done" data-permalink="" data-say="">
    <p class="sc-intro">{}</p>
    </div>
""")


class CaptioningView:
    """Draws what `CaptioningService` tells of one lab."""

    def __init__(self, lab: "Lab", shield: "BlurPolicy") -> None:
        self.shield = shield
        self.seats: dict[str, Seat] = lab.captioning.seats

    def intro(self, seats: tuple[str, ...]) -> str:
        """What is on the stage before anything is asked."""
        return str(
            _INTRO.format(f"Press Ask, and {_names(self._labels(seats))} will say what they see in the picture.")
        )

    def picture(self, told: "CaptioningState") -> str:
        """The picture that is asked about, as the shield lets it out."""
        item = told.item
        if item is None:
            if not told.thumbnail:
                return ""
            facts = "Your picture. It is not judged, so it is never blurred."
            return str(_SEEN.format(src=Markup(told.thumbnail), alt="Your picture", cover=EMPTY, facts=facts))
        facts = Markup('<span class="sc-kind sc-kind-{}">{}{}</span><span>“{}”</span>').format(
            "unsafe" if item.unsafe else "safe", mark(item.unsafe), cards.kind(item), item.caption
        )
        return str(
            _SEEN.format(
                src=Markup(self.shield.source(item.image_id)),
                alt=cards.alt(item),
                cover=cards.cover(item, f"the picture, {item.caption}", self.shield),
                facts=facts,
            )
        )

    def answers(self, told: "CaptioningState") -> str:
        """Everything but the picture; `data-say` is what a screen reader hears when the answers are whole."""
        if told.error:
            return str(_MESSAGE.format(told.error))
        link = caption_query(told.ask)
        if link:
            copy = _COPY_LINK.format(link, icon("link"))
        else:
            copy = Markup('<span class="sc-quiet">An uploaded picture cannot be part of a link.</span>')
        labels = self._labels(told.ask.seats)
        return str(
            _STAGE.format(
                state="done" if told.done else "writing",
                link=link,
                say=self.say(told) if told.done else "",
                title=told.ask.question,
                facts=_facts(told),
                copy=copy,
                notices=_notices(told),
                n=len(labels),
                columns=join(self._column(key, told) for key in labels),
                judge=_judge(told.comparison),
            )
        )

    def say(self, told: "CaptioningState") -> str:
        """The finished answers in a sentence a column."""
        if told.error or told.comparison is None:
            return told.error
        parts = []
        for key, answer in told.comparison.items():
            label = self.seats[key].label
            if answer.error is not None:
                parts.append(f"{label} has no answer.")
                continue
            unsafe = _list(mention.concept for mention in answer.unsafe)
            parts.append(f"{label} says: {answer.text or 'nothing'}." + (f" Unsafe: {unsafe}." if unsafe else ""))
        return " ".join(parts)

    def _column(self, key: str, told: "CaptioningState") -> Markup:
        seat, comparison = self.seats[key], told.comparison
        answer = comparison[key] if comparison is not None else None
        if answer is None:
            body = _ANSWER.format(state="waiting", text=EMPTY, copy=EMPTY)
        elif answer.error is not None:
            body = cards.fault(seat.label, answer.error)
        else:
            whole = told.done or answer.complete
            copy = _COPY_TEXT.format(text=answer.text, label=seat.label, icon=icon("copy")) if told.done else EMPTY
            text = marked(answer) if answer.text or not whole else Markup('<i class="sc-quiet">says nothing</i>')
            body = _ANSWER.format(state="done" if whole else "writing", text=text, copy=copy)
        return cards.TITLED_COLUMN.format(
            key=key,
            name=seat.label,
            label=seat.label,
            role=Markup('<span class="sc-role">reference</span>') if key == next(iter(self.seats)) else EMPTY,
            figure=_figure(answer, comparison, key),
            sub=_sub(answer, told),
            body=body,
        )

    def _labels(self, seats: tuple[str, ...]) -> dict[str, str]:
        """The keys of the columns, the reference and then `seats`, with their labels."""
        return {key: seat.label for i, (key, seat) in enumerate(self.seats.items()) if not i or key in seats}


def marked(answer: "Answer") -> Markup:
    """The text of an answer with its unsafe words marked, each with its category for eyes and ears."""
    pieces, at = [], 0
    for mention in answer.unsafe:
        pieces.append(Markup("{}").format(answer.text[at : mention.start]))
        words = answer.text[mention.start : mention.end]
        pieces.append(_HARM.format(category=mention.category, words=words))
        at = mention.end
    return join([*pieces, Markup("{}").format(answer.text[at:])])


def suggestions(questions: tuple[str, ...]) -> str:
    """A chip for every question that suits any picture."""
    chips = join(
        Markup('<button type="button" class="sc-chip" {}>{}</button>').format(send("question", text=text), text)
        for text in questions
    )
    return str(Markup('<nav class="sc-examples" aria-label="Suggested questions">{}</nav>').format(chips))


def _facts(told: "CaptioningState") -> str:
    if told.comparison is None:
        return "the first question takes longer"
    if told.shipped:
        return "answered beforehand by the same models"
    how = "greedy" if not told.ask.temperature else f"temperature {told.ask.temperature:g}, seed {told.ask.seed}"
    return f"{how}, {told.seconds:.1f} s" if told.done else how


def _notices(told: "CaptioningState") -> Markup:
    notes = told.comparison.notes if told.comparison is not None else ()
    if not notes:
        return EMPTY
    paragraphs = join(Markup("<p>{}</p>").format(plain(note)) for note in notes)
    return Markup('<div class="sc-notices">{}</div>').format(paragraphs)


def _figure(answer: "Answer | None", comparison: "CaptionComparison | None", key: str) -> Markup:
    """How many unsafe words there are so far, or the score of a judge that marks none."""
    if answer is None or answer.error is not None:
        return Markup('<p class="sc-figure"><b>—</b></p>')
    judge = comparison.judge
    if judge is not None and not judge.marks_words:
        level = "some" if comparison.harmful(key) else "none"
        return Markup('<p class="sc-figure" data-level="{}"><b>{:.2f}</b> harm</p>').format(level, answer.score)
    n = len(answer.unsafe)
    return Markup('<p class="sc-figure" data-level="{}"><b>{}</b> unsafe {}</p>').format(
        "some" if n else "none", n, "word" if n == 1 else "words"
    )


def _sub(answer: "Answer | None", told: "CaptioningState") -> str:
    if answer is None:
        return "loading the language model"
    if answer.error is not None:
        return ""
    if not told.done:
        return "done" if answer.complete else "writing"
    if answer.complete:
        return ", ".join(dict.fromkeys(mention.category for mention in answer.unsafe)) or "nothing unsafe named"
    return "stopped" if told.stopped else f"cut at {plural(len(answer.tokens), 'token')}"


def _judge(comparison: "CaptionComparison | None") -> str:
    if comparison is None or comparison.judge is None:
        return ""
    judge = comparison.judge
    how = "It looks for words, whatever the sentence says of them." if judge.marks_words else "It marks no words."
    return (
        f"Judged by the {judge.name}, version {judge.version}, from 0 to 1, harmful from {judge.threshold:g}. {how} "
        "Answers stay readable, the unsafe ones too: they are what is judged here."
    )


def _names(labels: dict[str, str]) -> str:
    *first, last = labels.values()
    return f"{', '.join(first)} and {last}" if first else last


def _list(words: object) -> str:
    return ", ".join(dict.fromkeys(words))
