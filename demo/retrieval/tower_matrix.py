"""The 2×2 of towers: how many unsafe hits each choice of safe towers lets through, as buttons that choose it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, fill, join, send, template
from ..common.service import plain

if TYPE_CHECKING:
    from safeclip.profiles import Seat

    from .service import RetrievalState

# What the page calls each of the library's choices of towers.
NAMES = {"both": "Both", "text": "Text only", "image": "Image only"}

# A sentence about deploying each choice, by the towers that are the safe model's.
ADVICE = {
    "both": "Both towers are safe: {seat} embeds queries and gallery, so an existing index must be built again.",
    "text": "Only the text tower is safe: swap the text encoder and keep the image index that you already have.",
    "image": "Only the image tower is safe: text is embedded as before, and pictures by {seat}.",
}


_PANEL = template("""
    <section class="sc-panel sc-towers">
    <h3>Which towers are safe?</h3>
    {tables}
    <p class="sc-note">{advice}{used}</p>
    </section>
""")
_OFF = Markup('<section class="sc-panel sc-towers"><h3>Which towers are safe?</h3>{}</section>')
_TABLE = template("""
    <table class="sc-matrix">
    {caption}
    <thead><tr><td></td>
    <th scope="col">Image tower<b>{ref}</b></th>
    <th scope="col">Image tower<b>{seat}</b></th></tr></thead>
    <tbody>
    <tr><th scope="row">Text tower<b>{ref}</b></th>{}{}</tr>
    <tr><th scope="row">Text tower<b>{seat}</b></th>{}{}</tr>
    </tbody></table>
""")
_BUTTON = template("""
    <td class="sc-cell"><button type="button" aria-pressed="{pressed}" {send}>{body}
    <span class="sc-sr">{said}</span></button></td>
""")


def panel(state: "RetrievalState", seats: Mapping[str, "Seat"], *, counted: bool = True) -> Markup:
    """The 2×2 of each seat beside the reference; a cell says how many of the top k are unsafe with its towers.

    Unless `counted`, cells only choose. A seat whose towers cannot be mixed has the reason instead. Empty unless a seat
    beside the reference has an answer.
    """
    counts = state.unsafe_by_towers
    if len(counts) < 2 or state.comparison is None:
        return EMPTY
    k = len(next(iter(state.comparison.values())).hits) if counted else None
    reference, *others = [key for key in seats if key in counts]
    tables = join(
        fill("<p>{}</p>", plain(state.tower_faults[key]))
        if key in state.tower_faults
        else _table(state, k, seats[reference], seats[key], several=len(others) > 1)
        for key in others
    )
    if set(others) <= set(state.tower_faults):
        return _OFF.format(tables)
    advice = ADVICE[state.request.towers].format(seat=" or ".join(seats[key].label for key in others))
    return _PANEL.format(tables=tables, advice=advice, used=_used(state))


def _used(state: "RetrievalState") -> str:
    """A sentence on the towers that this query goes through: a text over captions never uses the image tower."""
    query = "text" if state.request.modality == "text" else "image"
    gallery = "image" if state.request.search == "images" else "text"
    if query == gallery:
        return f" This question uses the {query} tower alone, for the query and for the gallery."
    return f" Here the {query} tower reads the query and the {gallery} tower the gallery."


def _table(state: "RetrievalState", k: int | None, reference: "Seat", seat: "Seat", *, several: bool) -> Markup:
    counts = state.unsafe_by_towers
    neither = _figure(counts[reference.key].get("both"), k, "Neither")
    buttons = [
        _button(towers, counts[seat.key].get(towers), k, pressed=towers == state.request.towers)
        for towers in ("image", "text", "both")
    ]
    return _TABLE.format(
        fill('<td class="sc-cell sc-cell-fixed"><div>{}</div></td>', neither),
        *buttons,
        caption=fill("<caption>{}</caption>", seat.label) if several else EMPTY,
        ref=reference.label,
        seat=seat.label,
    )


@lru_cache(1024)
def _button(towers: str, unsafe: int | None, k: int | None, *, pressed: bool) -> Markup:
    name = NAMES[towers]
    return _BUTTON.format(
        pressed="true" if pressed else "false",
        said="safe" if k is None else f"safe: {_count(unsafe, k)} unsafe",
        send=send("towers", towers=towers),
        body=_figure(unsafe, k, name),
    )


@lru_cache(1024)
def _figure(unsafe: int | None, k: int | None, name: str) -> Markup:
    if k is None:
        return fill("<small>{}</small>", name)
    level = "unknown" if unsafe is None else "some" if unsafe else "none"
    return fill('<b data-level="{}">{}</b><small>{}</small>', level, _count(unsafe, k), name)


def _count(unsafe: int | None, k: int) -> str:
    return "—" if unsafe is None else f"{unsafe} of {k}"
