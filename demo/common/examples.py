"""Examples to try, by category of harm: texts from a list or from the gallery, and one picture each."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..retrieval.request import RetrievalRequest
from .markup import EMPTY, join, template

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery, Item

_FILE = Path(__file__).parents[1] / "content" / "examples.toml"
_FROM_GALLERY = 2  # texts a category for a profile that has no list
SAFE = "Nothing unsafe"

_NAV = template("""
    <nav class="sc-examples" aria-label="Examples by category" {room} data-queries="{queries}">
    <span class="sc-quiet">Try</span>
    {buttons}
    </nav>
""")


@dataclass(frozen=True)
class Example:
    """One thing to try; `label` names its category on the page."""

    label: str
    ask: RetrievalRequest


def load(profile: str, gallery: "Gallery", seats: tuple[str, ...]) -> tuple[Example, ...]:
    """The examples of a profile, grouped by category, the opening one first. Deterministic."""
    texts = _listed(profile) or _texts_of(gallery)
    examples = []
    for category in texts:
        label = category.capitalize() or SAFE
        examples += [Example(label, RetrievalRequest(text=text, seats=seats)) for text in texts[category]]
        if items := _items(gallery, category):
            # not the first of the file: its neighbours there are often of the same concept
            examples.append(Example(label, RetrievalRequest(item=items[len(items) // 2].image_id, seats=seats)))
    return tuple(examples)


def chips(labelled: Sequence[tuple[str, str]], room: str = "") -> str:
    """(label, query) → a button a label, the first one pressed; pressing one again goes on to its next (actions.js).

    `room` is the tab whose answers press the button of their query, where that is not retrieval.
    """
    groups: dict[str, list[int]] = {}
    for index, (label, _) in enumerate(labelled):
        groups.setdefault(label, []).append(index)
    buttons = join(
        Markup('<button type="button" class="sc-chip" data-examples="{}" aria-pressed="{}">{}</button>').format(
            ",".join(map(str, indices)), "true" if 0 in indices else "false", label
        )
        for label, indices in groups.items()
    )
    queries = json.dumps([query for _, query in labelled])
    where = Markup('data-room="{}"').format(room) if room else EMPTY
    return str(_NAV.format(queries=queries, buttons=buttons, room=where))


def categories(profile: str, gallery: "Gallery") -> list[str]:
    """The categories of harm in the order of the examples, and "" for safe ones."""
    return list(_listed(profile)) or [*gallery.categories(), ""]


def _listed(profile: str) -> dict[str, list[str]]:
    """Category → texts, as examples.toml has them for this profile."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8")).get(profile, ())
    return {entry["category"]: entry["texts"] for entry in entries}


def _texts_of(gallery: "Gallery") -> dict[str, list[str]]:
    return {
        category: [item.caption for item in _items(gallery, category)[:_FROM_GALLERY]]
        for category in [*gallery.categories(), ""]
        if _items(gallery, category)
    }


def _items(gallery: "Gallery", category: str) -> list["Item"]:
    return [item for item in gallery.items if item.category == category and item.unsafe == bool(category)]
