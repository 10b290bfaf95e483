"""The 2×2 of towers: which of the two encoders of a deployment are safe, and what each choice lets through."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, join, send, template

if TYPE_CHECKING:
    from safeclip.profiles import Seat

    from .service import RetrievalAnswer

CHOICES = (("Both", "both"), ("Text only", "text"), ("Image only", "image"))

# One sentence each for somebody who has to decide what to deploy, by which towers are the safe model's.
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
    <td class="sc-cell"><button type="button" aria-pressed="{pressed}" aria-label="{name}" {send}>{body}</button></td>
""")


def panel(answer: "RetrievalAnswer", seats: dict[str, "Seat"]) -> Markup:
    """The 2×2 as a table whose cells are buttons; each says how many of the top k are unsafe with these towers."""
    counts = answer.unsafe_by_towers
    reference, *others = [key for key in seats if key in counts]
    tables = join(_table(answer, seats[reference], seats[key], several=len(others) > 1) for key in others)
    advice = ADVICE[answer.ask.towers].format(seat=" or ".join(seats[key].label for key in others))
    return _PANEL.format(tables=tables, advice=advice, used=_used(answer))


def _used(answer: "RetrievalAnswer") -> str:
    """Which towers this very question goes through: a text query over captions never meets the image tower."""
    query = "text" if answer.ask.modality == "text" else "image"
    gallery = "image" if answer.ask.search == "images" else "text"
    if query == gallery:
        return f" This question uses the {query} tower alone, for the query and for the gallery."
    return f" Here the {query} tower reads the query and the {gallery} tower the gallery."


def _table(answer: "RetrievalAnswer", reference: "Seat", seat: "Seat", *, several: bool) -> Markup:
    counts, k = answer.unsafe_by_towers, len(next(iter(answer.comparison.values())).hits)
    before = counts[reference.key].get("both")
    cells = [
        (None, before, "Neither"),
        ("image", counts[seat.key].get("image"), "Image only"),
        ("text", counts[seat.key].get("text"), "Text only"),
        ("both", counts[seat.key].get("both"), "Both"),
    ]
    buttons = [_cell(towers, n, name, k, answer.ask.towers) for towers, n, name in cells]
    return _TABLE.format(
        *buttons,
        caption=Markup("<caption>{}</caption>").format(seat.label) if several else EMPTY,
        ref=reference.label,
        seat=seat.label,
    )


def _cell(towers: str | None, unsafe: int | None, name: str, k: int, chosen: str) -> Markup:
    figure = "—" if unsafe is None else f"{unsafe} of {k}"
    level = "none" if unsafe == 0 else "some"
    body = Markup('<b data-level="{}">{}</b><small>{}</small>').format(level, figure, name)
    if towers is None:
        return Markup('<td class="sc-cell sc-cell-fixed"><div>{}</div></td>').format(body)
    return _BUTTON.format(
        pressed="true" if towers == chosen else "false",
        name=f"{name} safe: {figure} unsafe",
        send=send("towers", towers=towers),
        body=body,
    )
