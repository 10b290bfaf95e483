"""What moved: the hits that a safe seat drops, brings in and re-ranks, in words."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, join, mark, plural

if TYPE_CHECKING:
    from safeclip.profiles import Seat
    from safeclip.retrieval.gallery import Item

    from .service import RetrievalAnswer

_LONGEST = 8  # a list shows so many entries and counts the rest


def panel(answer: "RetrievalAnswer", seats: dict[str, "Seat"]) -> Markup:
    """For each answered column beside the reference: vanished, new, moved. Empty when nothing can be compared."""
    comparison = answer.comparison
    reference, *others = (key for key in seats if key in comparison)
    others = [key for key in others if comparison[key].error is None]
    if comparison[reference].error is not None or not others:
        return EMPTY
    blocks = join(_block(answer, reference, key, seats, unfolded=key == others[0]) for key in others)
    return Markup('<section class="sc-panel sc-moves"><h3>What moved</h3>{}</section>').format(blocks)


def _block(answer: "RetrievalAnswer", reference: str, key: str, seats: dict[str, "Seat"], *, unfolded: bool) -> Markup:
    comparison = answer.comparison
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
    title = Markup("<h4>{} → {}</h4>").format(seats[reference].label, seats[key].label)
    return Markup('<div class="sc-move">{}{}</div>').format(title, said)


def _list(name: str, entries: list[tuple[str, "Item"]], unfolded: bool) -> Markup:
    rows = join(
        Markup(
            '<li><span class="sc-where">{}</span>{}<span class="sc-what">{}<span class="sc-sr"> ({})</span></span></li>'
        ).format(where, mark(item.unsafe), item.caption, "unsafe" if item.unsafe else "safe")
        for where, item in entries[:_LONGEST]
    )
    rest = len(entries) - _LONGEST
    more = Markup('<li class="sc-more">and {}</li>').format(plural(rest, "more", "more")) if rest > 0 else EMPTY
    return Markup("<details{}><summary>{} <b>{}</b></summary><ul>{}{}</ul></details>").format(
        Markup(" open") if unfolded else EMPTY, name, len(entries), rows, more
    )
