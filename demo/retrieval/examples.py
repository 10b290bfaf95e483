"""Examples of the retrieval task: texts of every category of harm, and an image of each from the gallery."""

from typing import TYPE_CHECKING

from ..common.examples import Example, example_items, example_texts, label_of
from .request import RetrievalRequest

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery

_SHARE = 9 / 10  # of the embedded gallery, none with a people or a faith beside harm


def examples(profile: str, gallery: "Gallery | None", seats: tuple[str, ...]) -> tuple[Example[RetrievalRequest], ...]:
    """The examples of a profile, grouped by category, the opening one first. Deterministic."""
    items = example_items(profile, gallery, _SHARE)
    found = []
    for category, texts in example_texts(profile, gallery).items():
        label = label_of(category)
        found += [Example(label, RetrievalRequest(text=text, seats=seats)) for text in texts]
        if category in items:
            found.append(Example(label, RetrievalRequest(item=items[category].image_id, seats=seats)))
    return tuple(found)
