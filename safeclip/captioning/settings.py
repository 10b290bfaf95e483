"""Checked settings of one captioning run, and the keyword options from which callers make them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

from PIL import Image

from ..images.loading import ImageSource, open_image
from ..options import MAX_SEED, as_line, check_number
from ..refusal import check_text

MAX_QUESTION = 300  # characters
MAX_NEW_TOKENS = 512
MAX_TEMPERATURE = 2.0


class DecodingOptions(TypedDict, total=False):
    """Keyword options that `compare` and `stream` share; `CaptioningSettings.check` has the defaults.

    `temperature` 0 decodes greedily. Above it, tokens are drawn with the noise of `seed`, which all seats share, from
    the likeliest tokens of total probability `top_p`.
    """

    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True)
class CaptioningSettings:
    """Settings of one run, each within its range; `image` is RGB and upright."""

    image: Image.Image
    question: str
    seats: tuple[str, ...]
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int

    @classmethod
    def check(
        cls,
        image: ImageSource,
        question: str,
        seats: tuple[str, ...],
        *,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Self:
        """Checks a caller's options and opens the image.

        Raises QueryError for an option out of range, ImageError for data that is no image.
        """
        check_length(max_new_tokens)
        check_number("temperature", temperature, 0, MAX_TEMPERATURE)
        check_number("top-p", top_p, 0.01, 1)
        check_number("seed", seed, 0, MAX_SEED, whole=True)
        return cls(open_image(image), question, seats, int(max_new_tokens), float(temperature), float(top_p), int(seed))


def check_length(max_new_tokens: int) -> None:
    """Raises QueryError unless an answer may have that many tokens."""
    check_number("number of tokens", max_new_tokens, 1, MAX_NEW_TOKENS, whole=True)


def check_question(question: str | None, known: Sequence[str], *, real_world: bool = False) -> str:
    """The question in one line; None or blank stands for the first of the `known` ones.

    Raises QueryError for a question that is no text or too long, RefusedError for one that the policy forbids;
    `real_world` says that the model may know real people.
    """
    text = as_line("question", "" if question is None else question, MAX_QUESTION) or known[0]
    check_text(text, real_world=real_world)
    return text
