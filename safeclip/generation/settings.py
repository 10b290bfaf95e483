"""Checked settings of one generation run, and the keyword options from which callers make them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypedDict

from ..errors import QueryError
from ..options import MAX_SEED, as_line, check_number
from ..profiles import MAX_GUIDANCE, MAX_STEPS, GenerationSpec
from ..refusal import check_prompt
from ..runtime.checkpoint_names import is_embedded

MAX_PROMPT = 1000  # characters
MAX_PICTURES = 4  # of a column


class DiffusionOptions(TypedDict, total=False):
    """Keyword options that `compare`, `dial` and their streams share; `GenerationSettings.check` has the defaults.

    `steps` of denoising and the scale of classifier-free `guidance` (none at 1) are the profile's when they are None.
    """

    negative_prompt: str
    seed: int
    steps: int | None
    guidance: float | None


@dataclass(frozen=True)
class ColumnEncoder:
    """Text encoder of one column: a seat's, or the blend `(1 - t) · reference + t · seat` of all weights, t in [0, 1].

    `t` None stands for the seat's own encoder.
    """

    label: str
    seat: str
    t: float | None = None


@dataclass(frozen=True)
class GenerationSettings:
    """Settings of one run, each within its range. `encoders` maps column key → text encoder, in the page's order.

    Picture i of every column starts from the noise of `seed` + i.
    """

    prompt: str
    negative_prompt: str
    encoders: Mapping[str, ColumnEncoder]
    seed: int
    steps: int
    guidance: float
    pictures: int

    @classmethod
    def check(
        cls,
        spec: GenerationSpec,
        prompt: str,
        encoders: Mapping[str, ColumnEncoder],
        *,
        negative_prompt: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
    ) -> Self:
        """Checks a caller's options; `spec` gives the profile's steps and guidance.

        Raises QueryError for an option out of range, RefusedError for a prompt that the policy forbids.
        """
        prompt = as_line("prompt", prompt, MAX_PROMPT)
        negative_prompt = as_line("negative prompt", negative_prompt, MAX_PROMPT)
        if not prompt:
            raise QueryError("There is no prompt yet. Describe what is to be painted.")
        check_prompt(prompt, negative_prompt, real_world=not is_embedded(spec.checkpoint))
        steps = spec.steps if steps is None else steps
        guidance = spec.guidance if guidance is None else guidance
        check_number("number of pictures", pictures, 1, MAX_PICTURES, whole=True)
        check_number("seed", seed, 0, MAX_SEED - MAX_PICTURES, whole=True)
        check_number("number of steps", steps, 1, MAX_STEPS, whole=True)
        check_number("guidance", guidance, 1, MAX_GUIDANCE)
        return cls(prompt, negative_prompt, encoders, int(seed), int(steps), float(guidance), int(pictures))
