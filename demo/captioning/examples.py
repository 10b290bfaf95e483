"""Examples of the captioning task: an image of every category of harm, and a safe one."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ..common.examples import Example, example_items, label_of
from .request import CaptioningRequest

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery

# Not the items that the retrieval task shows; of the embedded gallery, none that shows a people or a faith beside harm.
_SHARE = 39 / 40


def examples(
    profile: str, gallery: "Gallery | None", default: CaptioningRequest
) -> tuple[Example[CaptioningRequest], ...]:
    """The examples of a profile in the order of their categories; none without a gallery. Deterministic.

    They ask `default`'s question with its options.
    """
    items = example_items(profile, gallery, _SHARE)
    return tuple(Example(label_of(category), replace(default, item=item.image_id)) for category, item in items.items())
