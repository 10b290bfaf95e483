"""What a visitor asks to be painted: one hashable record that controls, permalinks, PNG files and the API all speak."""

import math
import re
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safeclip.errors import QueryError
from safeclip.generation.compare import DIAL, MAX_PICTURES
from safeclip.options import MAX_SEED

from ..retrieval.request import default_seats

if TYPE_CHECKING:
    from safeclip.generation.compare import Generation

MIN_GUIDANCE = 1.0  # none
LAST_SEED = MAX_SEED - MAX_PICTURES  # after it there is no room for the seeds of more pictures

_HUGE = 10**18  # no option goes near it, and not everything can be done with what lies beyond
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class GenerationRequest:
    """A prompt and how to paint it. `seats` are the keys of the columns to the right of the reference.

    `dial` is the key of the seat whose safety dial is shown, one picture for each of `generation.DIAL`; with "" the
    seats stand side by side. Picture i of every column starts from the noise of `seed` + i.
    """

    prompt: str = ""
    negative: str = ""
    seats: tuple[str, ...] = ()
    seed: int = 0
    steps: int = 30
    guidance: float = 4.5
    pictures: int = 1
    dial: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is asked yet."""
        return not self.prompt.strip()

    @property
    def columns(self) -> int:
        """How many encoders paint."""
        return len(DIAL) if self.dial else 1 + len(self.seats)


def default_ask(generation: "Generation") -> GenerationRequest:
    """An empty ask with the profile's own options."""
    return GenerationRequest(
        seats=default_seats(generation.seats.values()), steps=generation.spec.steps, guidance=generation.spec.guidance
    )


def checked(ask: GenerationRequest, generation: "Generation") -> GenerationRequest:
    """`ask` as the library takes it: texts on one line, seats in the profile's order and without the reference.

    Its values come from a browser and may be of any type; None stands for what an empty box leaves open. Raises
    QueryError, saying what to change. Whether a number is in range and a prompt can be painted, the library says.
    """
    spec = generation.spec
    dial = _text("seat of the dial", ask.dial)
    if dial:
        _known(dial, generation)
        if dial == generation.reference:
            raise QueryError(f"The dial starts from “{dial}” itself. Choose another seat for its far end.")
    return GenerationRequest(
        prompt=_text("prompt", ask.prompt),
        negative=_text("negative prompt", ask.negative),
        seats=_seats(ask.seats, generation),
        seed=_number("seed", ask.seed, 0),
        steps=_number("number of steps", ask.steps, spec.steps),
        guidance=_rounded(_number("guidance", ask.guidance, spec.guidance)),
        pictures=1 if dial else _number("number of pictures", ask.pictures, 1),
        dial=dial,
    )


def one_line(text: str) -> str:
    """Text without control characters and broken surrogates, which no link, PNG or tokenizer carries, on one line."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(_CONTROL.sub(" ", encodable).split())


def _text(what: str, value: Any) -> str:
    if not isinstance(value, (str, type(None))):
        raise QueryError(f"The {what} must be text, not {reprlib.repr(value)}.")
    return one_line(value or "")


def _number(what: str, value: Any, default: float) -> Any:
    """A number; whole ones as int, for JavaScript knows one kind."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise QueryError(f"The {what} must be a number, not {reprlib.repr(value)}.")
    if isinstance(value, int) and abs(value) > _HUGE:
        raise QueryError(f"The {what} must be a number of at most {len(str(_HUGE)) - 1} digits.")
    whole = isinstance(default, int) and isinstance(value, float) and abs(value) < _HUGE and value.is_integer()
    return int(value) if whole else value


def _rounded(number: Any) -> Any:
    """A number with the digits that a link carries."""
    return round(number, 2) if isinstance(number, float) and math.isfinite(number) else number


def _seats(value: Any, generation: "Generation") -> tuple[str, ...]:
    if not isinstance(value, (list, tuple, type(None))):
        raise QueryError(f"The seats must be a list of keys, not {reprlib.repr(value)}.")
    wanted = value or ()
    for key in wanted:
        _known(key, generation)
    return tuple(key for key in generation.seats if key in wanted and key != generation.reference)


def _known(key: Any, generation: "Generation") -> None:
    if not isinstance(key, str) or key not in generation.seats:
        named = one_line(key)[:64] if isinstance(key, str) else reprlib.repr(key)
        known = ", ".join(generation.seats)
        raise QueryError(f"There is no seat “{named}” in this profile. Its seats are {known}.")
