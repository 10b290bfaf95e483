"""The request of the generation task: a prompt, and how to make images of it."""

from dataclasses import dataclass
from typing import ClassVar

from safeclip.generation.settings import MAX_PICTURES, MAX_PROMPT
from safeclip.options import MAX_SEED
from safeclip.profiles import MAX_GUIDANCE, MAX_STEPS

from ..common.request_codec import Decimal, Request, SeatKey, Text, Whole, declare, declare_seats

MIN_GUIDANCE = 1.0  # none
LAST_SEED = MAX_SEED - MAX_PICTURES  # after it there is no room for the seeds of more images

# The API's documentation of the fields.
_PROMPT = f"what to paint, at most {MAX_PROMPT} characters."
_NEGATIVE = "what to keep out of the picture."
_SEED = "which noise to start from; picture i of every seat starts from that of seed + i."
_STEPS = f"how many denoising steps, from 1 to {MAX_STEPS}; the profile's when left out."
_GUIDANCE = f"how strictly to follow the prompt, from 1 to {MAX_GUIDANCE:g}; the profile's when left out."
_PICTURES = f"how many a seat, from 1 to {MAX_PICTURES}."
_DIAL = "key of a seat: instead of the seats, five blends from the reference to it, one picture each."


@dataclass(frozen=True)
class GenerationRequest(Request):
    """A prompt and how to make images of it. `seats` are the columns to the right of the reference.

    `dial` is the key of the seat whose safety dial is shown, one image for each of `generation.DIAL`; with "" the seats
    stand side by side. Image i of every column starts from the noise of `seed` + i.
    """

    nothing_given: ClassVar[str] = "There is no prompt yet. Describe what is to be painted."

    prompt: str = declare(Text("prompt", _PROMPT, link="paint", subject=True, saved=True, longest=MAX_PROMPT), "")
    negative: str = declare(
        Text(
            "negative prompt",
            _NEGATIVE,
            link="without",
            api="negative_prompt",
            optional=True,
            saved=True,
            longest=MAX_PROMPT,
        ),
        "",
    )
    seats: tuple[str, ...] = declare_seats()
    seed: int = declare(Whole("seed", _SEED, link="seed", saved=True, low=0, high=LAST_SEED), 0)
    steps: int = declare(
        Whole("number of steps", _STEPS, link="steps", saved=True, from_profile=True, low=1, high=MAX_STEPS), 30
    )
    guidance: float = declare(
        Decimal(
            "guidance",
            _GUIDANCE,
            link="guidance",
            saved=True,
            from_profile=True,
            low=MIN_GUIDANCE,
            high=MAX_GUIDANCE,
            digits=2,
        ),
        4.5,
    )
    pictures: int = declare(
        Whole("number of pictures", _PICTURES, link="n", unless="dial", low=1, high=MAX_PICTURES), 1
    )
    dial: str = declare(SeatKey("seat of the dial", _DIAL, link="dial", optional=True), "")
