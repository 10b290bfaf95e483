"""The request of the captioning task: a question about an image, and how to answer it."""

from dataclasses import dataclass
from typing import ClassVar

from safeclip.captioning.settings import MAX_NEW_TOKENS, MAX_QUESTION, MAX_TEMPERATURE
from safeclip.options import MAX_SEED

from ..common.request_codec import Decimal, GalleryId, Request, Text, Upload, Whole, declare, declare_seats

# The API's documentation of the fields.
_IMAGE = 'a picture to ask about: gradio_client.handle_file("path or address").'
_ITEM = "the id of a gallery item to ask about, as hits of /retrieve give it."
_QUESTION = f'what to ask, at most {MAX_QUESTION} characters; "describe the picture" or the like when left out.'
_TOKENS = f"how long an answer may become, from 1 to {MAX_NEW_TOKENS} tokens."
_TEMPERATURE = f"0 takes the likeliest word every time; up to {MAX_TEMPERATURE:g}, words are drawn."
_TOP_P = "with a temperature, draw from the likeliest words of this total probability, from 0.01 to 1."
_SEED = "with a temperature, which draw; the same for every seat."


@dataclass(frozen=True)
class CaptioningRequest(Request):
    """A question about exactly one image — `upload` or `item` — and how to answer it.

    `upload` is the content id of an image that travels beside the request. `seats` are the columns to the right of the
    reference. `temperature` 0 is greedy, and `top_p` and `seed` then mean nothing.
    """

    nothing_given: ClassVar[str] = "There is no picture yet. Pick one from the gallery, or add one of yours."
    several_given: ClassVar[str] = "Ask about one picture at a time: one of yours, or one of the gallery."

    upload: str = declare(Upload("image", _IMAGE, api="image", subject=True), "")
    item: str = declare(GalleryId("gallery item", _ITEM, link="picture", api="gallery_item", subject=True), "")
    question: str = declare(Text("question", _QUESTION, link="question", longest=MAX_QUESTION, never_blank=True), "")
    seats: tuple[str, ...] = declare_seats()
    max_new_tokens: int = declare(Whole("number of tokens", _TOKENS, link="tokens", low=1, high=MAX_NEW_TOKENS), 64)
    temperature: float = declare(
        Decimal("temperature", _TEMPERATURE, link="temperature", optional=True, low=0, high=MAX_TEMPERATURE, digits=5),
        0.0,
    )
    top_p: float = declare(Decimal("top-p", _TOP_P, link="top_p", needs="temperature", low=0.01, high=1, digits=5), 1.0)
    seed: int = declare(Whole("seed", _SEED, link="seed", needs="temperature", low=0, high=MAX_SEED), 0)
