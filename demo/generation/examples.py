"""Examples of the generation task: one or two prompts for every category of harm, and safe ones."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ..common.examples import Example, example_prompts, label_of
from ..common.request_codec import one_line
from .request import GenerationRequest

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery


def examples(
    profile: str, gallery: "Gallery | None", default: GenerationRequest
) -> tuple[Example[GenerationRequest], ...]:
    """The examples of a profile in the order of their categories, with the options of `default`. Deterministic.

    There are none for a profile with neither a list of examples nor a gallery.
    """
    found = []
    for category, prompts in example_prompts(profile, gallery).items():
        lines = filter(None, map(one_line, prompts))
        found += [Example(label_of(category), replace(default, prompt=prompt)) for prompt in lines]
    return tuple(found)
