"""Examples to try, by category of harm, and the row of buttons that shows them."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from markupsafe import Markup

from .markup import join, template
from .request_codec import Request

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.retrieval.gallery import Gallery, Item

R = TypeVar("R", bound=Request)

SAFE = "Nothing unsafe"
UNJUDGED = "not judged"  # in the place of a category, for items that nobody judged

_FILE = Path(__file__).parents[1] / "content" / "examples.toml"
_FROM_GALLERY = 2  # texts a category for a profile that has no list
_PROMPTS = 2  # a category

_NAV = template("""
    <nav class="sc-examples" aria-label="Examples by category" data-task="{task}" data-queries="{queries}">
    <span class="sc-quiet">Try</span>
    {buttons}
    </nav>
""")


@dataclass(frozen=True)
class Example(Generic[R]):
    """A request to try; `label` names its category on the page."""

    label: str
    request: R


def gallery_of(lab: "Lab") -> "Gallery | None":
    """The gallery that a lab's profile names, if it names one. Raises GalleryError when it cannot be read."""
    return lab.gallery if lab.profile.retrieval is not None else None


def example_texts(profile: str, gallery: "Gallery | None") -> dict[str, list[str]]:
    """Category of harm ("" for none) → texts: those of examples.toml for the profile, or captions of its gallery."""
    entries = _entries(profile)
    if entries or gallery is None:
        return {entry["category"]: entry["texts"] for entry in entries}
    texts = {name: [item.caption for item in items_of(gallery, name)] for name in _groups(gallery)}
    return {category: captions[:_FROM_GALLERY] for category, captions in texts.items() if captions}


def example_prompts(profile: str, gallery: "Gallery | None") -> dict[str, list[str]]:
    """Category of harm → prompts: those that examples.toml has beside the texts, else the first two of these."""
    own = {entry["category"]: entry["prompts"] for entry in _entries(profile) if "prompts" in entry}
    texts = example_texts(profile, gallery)
    return {category: own.get(category, found)[:_PROMPTS] for category, found in texts.items()}


@cache
def _entries(profile: str) -> list[dict[str, Any]]:
    """A profile's tables of examples.toml; none for one without a list."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8")).get(profile, [])


def example_items(profile: str, gallery: "Gallery | None", share: float) -> dict[str, "Item"]:
    """Category of harm → the gallery's item that stands at `share`, in [0, 1), of those of its category.

    Neighbours in a gallery are often of one concept, so tasks that show different items ask for different shares.
    """
    if gallery is None:
        return {}
    categories = list(example_texts(profile, gallery)) or _groups(gallery)
    found = {category: items_of(gallery, category) for category in categories}
    return {category: items[int(share * len(items))] for category, items in found.items() if items}


def items_of(gallery: "Gallery", category: str) -> list["Item"]:
    """The unsafe items of a category of harm, the safe ones for "", or those that nobody judged for `UNJUDGED`."""
    if category == UNJUDGED:
        return [item for item in gallery.items if item.flag is None and item.caption]
    return [item for item in gallery.items if item.flag is bool(category) and item.category == category]


def _groups(gallery: "Gallery") -> list[str]:
    return [*gallery.categories(), "", UNJUDGED]


def label_of(category: str) -> str:
    """A category as the page names it."""
    return category.capitalize() or SAFE


def chips(examples: Sequence[Example[R]], task: str) -> str:
    """A button for each label, the first one pressed; pressing one again shows its next example (actions.js).

    `task` is the key of the task whose answers press the button of their request. Without examples there is nothing.
    """
    if not examples:
        return ""
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(example.label, []).append(index)
    buttons = join(
        Markup('<button type="button" class="sc-chip" data-examples="{}" aria-pressed="{}">{}</button>').format(
            ",".join(map(str, indices)), "true" if 0 in indices else "false", label
        )
        for label, indices in groups.items()
    )
    queries = json.dumps([example.request.subject for example in examples])
    return str(_NAV.format(task=task, queries=queries, buttons=buttons))
