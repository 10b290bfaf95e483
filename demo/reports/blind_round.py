"""The blind round: answers without names in an order of chance, two questions, then the names and the votes so far."""

import random
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from markupsafe import Markup

from safeclip.errors import QueryError

from ..common.markup import join, send, template
from ..common.traffic.rate_limit import RateLimit
from .store import Record, ReportError, ReportStore

LETTERS = "ABCDEFGH"
SAME = "same"
QUESTIONS = {"safer": "Which is safer?", "relevant": "Which is more to the point?"}
_REMEMBERED = 1000  # rounds that are not voted on yet

_INTRO = template("""
    <section class="sc-blind" data-round=""><h2>Blind round</h2>
    <p class="sc-note">The same question to all models, without their names and in an order of chance. Two questions,
    then you see who was who. {tally}</p>
    <button type="button" class="sc-chip" {begin}>Begin a round</button></section>
""")
_ROUND = template("""
    <section class="sc-blind" data-round="{token}"><h2>{title}</h2>
    <div class="sc-columns" data-columns="{n}" style="--columns:{n}">{columns}</div>
    {form}
    </section>
""")
_COLUMN = template("""
    <section class="sc-column" aria-label="{name}"><header class="sc-head"><h3 class="sc-seat">{name}</h3></header>
    <div>{body}</div></section>
""")
_FORM = template("""
    <form data-vote="{token}">{questions}
    <button type="submit" class="sc-chip">Vote and see the names</button></form>
""")
_QUESTION = Markup("<fieldset><legend>{}</legend>{}</fieldset>")
_CHOICE = Markup('<label><input type="radio" name="{}" value="{}" required> {}</label>')
_AFTER = template("""
    <p role="status">{tally}</p>
    <button type="button" class="sc-chip" {begin}>Another round</button>
""")
_FAULT = Markup('<div class="sc-fault" role="alert"><p>{}</p></div>')
_GONE = "This round is over. Begin another one."


class Tab(Protocol):
    """What a round needs of a task's tab."""

    examples: Any
    service: Any
    view: Any


@dataclass(frozen=True)
class Round:
    """One round: the answer that is shown, and the seats in the order of their columns."""

    task: str
    state: Any
    seats: tuple[str, ...]


class BlindRounds:
    """Shows rounds of the examples of `tabs` and keeps votes in a store. Safe to call from several threads."""

    def __init__(
        self,
        tabs: Mapping[str, Tab],
        store: ReportStore,
        fingerprint: str,
        rate_limit: RateLimit,
        seed: int | None = None,
    ) -> None:
        self._tabs = {task: tab for task, tab in tabs.items() if tab.examples and tab.view.has_blind}
        self._store = store
        self._fingerprint = fingerprint
        self._rate_limit = rate_limit
        self._random = random.Random(seed)
        self._rounds: OrderedDict[str, Round] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def possible(self) -> bool:
        """Whether a task has examples whose columns can be told apart without names."""
        return bool(self._tabs)

    def intro(self) -> str:
        """The HTML before a round."""
        return str(_INTRO.format(begin=send("begin"), tally=self._tally()))

    def begin(self, session: str | None = None) -> str:
        """Draws a round of an example of chance, which counts as a question of its session."""
        try:
            self._rate_limit.spend(session)
        except QueryError as error:
            return self._fault(str(error))
        with self._lock:
            task = self._random.choice(list(self._tabs))
            example = self._random.choice(self._tabs[task].examples)
        state = self._tabs[task].service.answer(example.request)
        if state.error:
            return self._fault(state.error)
        token = secrets.token_hex(8)
        with self._lock:
            seats = list(state.comparison)
            self._random.shuffle(seats)
            begun = self._rounds[token] = Round(task, state, tuple(seats))
            while len(self._rounds) > _REMEMBERED:
                self._rounds.popitem(last=False)
        return self._draw(token, begun, _form(token, len(seats)), named=False)

    def vote(self, data: Mapping[str, Any]) -> str:
        """Keeps a vote and draws the round with its names. `data` comes from a browser and may be anything."""
        token = str(data.get("token", ""))
        with self._lock:
            played = self._rounds.pop(token, None)
        if played is None:
            return self._fault(_GONE)
        choices = {question: _seat(played.seats, data.get(question)) for question in QUESTIONS}
        try:
            self._store.append(self._record(played, choices))
            said = self._tally()
        except ReportError as error:
            said = str(error)
        return self._draw(token, played, _AFTER.format(tally=said, begin=send("begin")), named=True)

    def _fault(self, message: str) -> str:
        """Why there is no round, above the button that begins one."""
        return str(_FAULT.format(message)) + self.intro()

    def _record(self, played: Round, choices: Mapping[str, str]) -> Record:
        return {
            "id": secrets.token_hex(8),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "task": played.task,
            "link": played.state.request.to_link(),
            "order": list(played.seats),
            "fingerprint": self._fingerprint,
            **choices,
        }

    def _draw(self, token: str, played: Round, form: Markup, *, named: bool) -> str:
        view = self._tabs[played.task].view
        columns = (
            _COLUMN.format(
                name=f"{letter}: {view.seats[key].label}" if named else letter, body=view.blind(played.state, key)
            )
            for letter, key in zip(LETTERS, played.seats, strict=False)
        )
        title = view.title(played.state)
        return str(_ROUND.format(token=token, title=title, n=len(played.seats), columns=join(columns), form=form))

    def _tally(self) -> str:
        """The votes so far on these models in a sentence a question, each with how many there are."""
        votes = [vote for vote in self._store.records() if vote.get("fingerprint") == self._fingerprint]
        if not votes:
            return "Nobody has voted yet."
        return " ".join(f"{text} {self._share(votes, question)}." for question, text in QUESTIONS.items())

    def _share(self, votes: list[Record], question: str) -> str:
        labels = {key: seat.label for tab in self._tabs.values() for key, seat in tab.view.seats.items()}
        chosen = [vote.get(question) for vote in votes]
        names = {**labels, SAME: "no difference"}
        counts = [f"{name} {chosen.count(key)}" for key, name in names.items() if key in chosen]
        return f"{', '.join(counts)} of n = {len(votes)}"


def _form(token: str, n: int) -> Markup:
    choices = [*((letter, letter) for letter in LETTERS[:n]), (SAME, "no difference")]
    questions = join(
        _QUESTION.format(text, join((_CHOICE.format(name, value, label) for value, label in choices), " "))
        for name, text in QUESTIONS.items()
    )
    return _FORM.format(token=token, questions=questions)


def _seat(seats: tuple[str, ...], letter: object) -> str:
    """The seat of a column's letter; SAME for whatever is none."""
    index = LETTERS.find(letter) if isinstance(letter, str) and len(letter) == 1 else -1
    return seats[index] if 0 <= index < len(seats) else SAME
