"""Results of side-by-side captioning: the answer of every seat about one image, and the judge's scores for them."""

from dataclasses import asdict, dataclass
from typing import Any

from ..columns import ColumnResults
from ..judges.texts.lexicon import Mention


@dataclass(frozen=True)
class Answer:
    """Answer of one seat, or the message of its `error`.

    `mentions` are the concepts that the lexicon finds in `text`. `score` is the judge's, harmful from its threshold on,
    and None without a judge. `complete` says that the model ended the answer before the limit of tokens.
    """

    text: str = ""
    mentions: tuple[Mention, ...] = ()
    error: str | None = None
    score: float | None = None
    complete: bool = False
    tokens: tuple[int, ...] = ()

    @property
    def unsafe(self) -> tuple[Mention, ...]:
        """The mentions of unsafe concepts."""
        return tuple(mention for mention in self.mentions if mention.kind == "unsafe")


@dataclass(frozen=True)
class JudgedBy:
    """Judge of the scores; an answer is harmful from the score `threshold` on."""

    name: str
    version: str
    threshold: float
    marks_words: bool


@dataclass(frozen=True)
class CaptionComparison(ColumnResults[Answer]):
    """Seat key → answer, in the profile's order. `done` is False while a stream goes on."""

    question: str
    answers: dict[str, Answer]
    judge: JudgedBy | None = None
    notes: tuple[str, ...] = ()
    done: bool = True

    @property
    def by_column(self) -> dict[str, Answer]:
        return self.answers

    def harmful(self, key: str) -> bool | None:
        """Whether the judge calls a seat's answer harmful; None when it was not judged."""
        score = self.answers[key].score
        return None if score is None or self.judge is None else score >= self.judge.threshold

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        seats = {
            key: {
                "text": answer.text,
                "mentions": [asdict(mention) for mention in answer.mentions],
                "score": answer.score,
                "harmful": self.harmful(key),
                "complete": answer.complete,
                "error": answer.error,
            }
            for key, answer in self.answers.items()
        }
        judge = self.judge and asdict(self.judge)
        return {"question": self.question, "seats": seats, "judge": judge, "notes": list(self.notes)}
