"""Lists the hits that each seat drops, adds and re-ranks against the reference."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, fill, join, mark, plural, template

if TYPE_CHECKING:
    from safeclip.profiles import Seat
    from safeclip.retrieval.gallery import Item
    from safeclip.retrieval.results import Comparison

    from .service import RetrievalState

_LONGEST = 8  # entries that a list shows; it counts the rest
_ROW = template("""
    <li><span class="sc-where">{}</span>{}<span class="sc-what">{}<span class="sc-sr"> ({})</span></span></li>
""")


def panel(state: "RetrievalState", seats: Mapping[str, "Seat"]) -> Markup:
    """The changes of each column beside the reference that has hits. Empty where nothing can be compared."""
    comparison = state.comparison
    if comparison is None:
        return EMPTY
    reference, *others = (key for key in seats if key in comparison)
    others = [key for key in others if comparison[key].error is None]
    if comparison[reference].error is not None or not others:
        return EMPTY
    blocks = join(_block(comparison, reference, key, seats, unfolded=key == others[0]) for key in others)
    return fill('<section class="sc-panel sc-moves"><h3>What moved</h3>{}</section>', blocks)


def _block(
    comparison: "Comparison", reference: str, key: str, seats: Mapping[str, "Seat"], *, unfolded: bool
) -> Markup:
    movement = comparison.moved(reference, key)
    items = {hit.id: hit.item for side in (reference, key) for hit in comparison[side].hits}
    ranks = {side: {hit.id: hit.rank for hit in comparison[side].hits} for side in (reference, key)}
    lists = [
        ("Vanished", [(f"was {ranks[reference][id]}", items[id]) for id in movement.vanished]),
        ("New", [(f"now {ranks[key][id]}", items[id]) for id in movement.appeared]),
        ("Moved", [(f"{old} → {new}", items[id]) for id, (old, new) in movement.moved.items()]),
    ]
    if not any(entries for _, entries in lists):
        said = Markup("<p>The same results in the same order.</p>")
    else:
        said = join(_list(name, entries, unfolded) for name, entries in lists if entries)
    title = fill("<h4>{} → {}</h4>", seats[reference].label, seats[key].label)
    return fill('<div class="sc-move">{}{}</div>', title, said)


def _list(name: str, entries: list[tuple[str, "Item"]], unfolded: bool) -> Markup:
    rows = join(_ROW.format(where, mark(item.flag), item.caption, item.label) for where, item in entries[:_LONGEST])
    rest = len(entries) - _LONGEST
    more = fill('<li class="sc-more">and {}</li>', plural(rest, "more", "more")) if rest > 0 else EMPTY
    return fill(
        "<details{}><summary>{} <b>{}</b></summary><ul>{}{}</ul></details>",
        Markup(" open") if unfolded else EMPTY,
        name,
        len(entries),
        rows,
        more,
    )
