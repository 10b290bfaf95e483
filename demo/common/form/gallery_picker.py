"""The gallery a page at a time, to choose an image from. Unsafe images are blurred here too."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from markupsafe import Markup

from ..markup import EMPTY, join, mark, plural, send, template

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery, Item

    from ..blur_policy import BlurPolicy

PER_PAGE = 24

_PICKER = template("""
    <div class="sc-picker">
    <form class="sc-filter" data-filter="browse">
    <label><span class="sc-sr">Category</span><select name="category">{choices}</select></label>
    <label><span class="sc-sr">Words in the caption</span>
    <input name="words" type="search" value="{words}" placeholder="words in the caption" autocomplete="off"></label>
    <span class="sc-quiet">{count}</span>
    <span class="sc-pages">{back}{next}</span>
    </form>
    <ul class="sc-tiles">{tiles}</ul>
    </div>
""")
_TILE = template("""
    <li><button type="button" class="sc-tile" title="{caption}" aria-label="{name}" {send}>
    <img src="{src}" alt="" decoding="async">
    <span>{mark}{caption}</span></button></li>
""")


@dataclass(frozen=True)
class PickerFilter:
    """Filter of the gallery, and the page shown. `category` is "" for all, a label of items, or a category of harm."""

    category: str = ""
    words: str = ""
    page: int = 0

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """A filter as the browser sends it; its values may be anything."""
        page = data.get("page", 0)
        return cls(
            str(data.get("category", ""))[:64],
            str(data.get("words", ""))[:100],
            page if isinstance(page, int) and 0 <= page < 1_000_000 else 0,
        )


def draw(gallery: "Gallery", filter: PickerFilter, blur_policy: "BlurPolicy", purpose: str = "Search with") -> str:
    """The HTML of one page of the gallery with its filters. `purpose` begins the name of each image's button."""
    items = [item for item in gallery.items if _matches(item, filter)]
    last = max(0, (len(items) - 1) // PER_PAGE)
    page = min(filter.page, last)
    shown = items[page * PER_PAGE : (page + 1) * PER_PAGE]
    kinds = dict.fromkeys([*sorted({item.label for item in gallery.items}), *gallery.categories()])
    options = [("", "All pictures"), *((kind, kind.capitalize()) for kind in kinds)]
    choices = join(
        Markup('<option value="{}"{}>{}</option>').format(
            value, Markup(" selected") if value == filter.category else EMPTY, label
        )
        for value, label in options
    )
    return str(
        _PICKER.format(
            choices=choices,
            words=filter.words,
            count=plural(len(items), "picture"),
            back=_turn("Back", filter, page - 1, page > 0),
            next=_turn("More", filter, page + 1, page < last),
            tiles=join(_tile(item, blur_policy, purpose) for item in shown),
        )
    )


def _matches(item: "Item", filter: PickerFilter) -> bool:
    if filter.category and filter.category not in (item.label, item.category if item.unsafe else ""):
        return False
    caption = item.caption.lower()
    return all(word in caption for word in filter.words.lower().split())


def _tile(item: "Item", blur_policy: "BlurPolicy", purpose: str) -> Markup:
    return _TILE.format(
        caption=item.caption,
        name=f"{purpose} this {'blurred ' if blur_policy.hides(item) else ''}{item.label} picture: {item.caption}",
        send=send("use", id=item.image_id),
        src=Markup(blur_policy.source(item.image_id)),
        mark=mark(item.flag),
    )


def _turn(label: str, filter: PickerFilter, page: int, possible: bool) -> Markup:
    return Markup('<button type="button" class="sc-turn" {} {}>{}</button>').format(
        send("browse", category=filter.category, words=filter.words, page=page),
        EMPTY if possible else Markup("disabled"),
        label,
    )
