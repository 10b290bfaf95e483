"""Columns of result cards: one column a seat, one card a hit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, icon, join, mark, send, template
from .service import plain

if TYPE_CHECKING:
    from safeclip.profiles import Seat
    from safeclip.retrieval.compare import Comparison, Hit, SeatHits
    from safeclip.retrieval.gallery import Item

    from ..common.blur_policy import BlurPolicy

_COLUMN = template("""
    <section class="sc-column" data-seat="{key}" aria-label="{label}">
    {head}
    {body}
    </section>
""")
TITLED_COLUMN = template("""
    <section class="sc-column" data-seat="{key}" aria-label="{name}">
    <header class="sc-head">
    <h3 class="sc-seat">{label}{role}</h3>
    {figure}
    <p class="sc-sub">{sub}</p>
    </header>
    <div>{body}</div>
    </section>
""")
_HEAD = template("""
    <header class="sc-head">
    <h3 class="sc-seat">{label}{role}</h3>
    {figure}
    {sub}
    <p class="sc-route" data-mixed="{mixed}">{route}</p>
    </header>
""")
_FAULT = template("""
    <div class="sc-fault" role="note">
    <b>{} has no answer.</b>
    <p>{}</p>
    </div>
""")
_CARDS = template("""
    <ol class="sc-cards sc-cards-{search}" aria-label="{name}">
    {cards}
    </ol>
""")
_CARD = template("""
    <li class="sc-card" data-unsafe="{unsafe}" data-id="{id}">
    {picture}
    <p class="sc-line"><span class="sc-rank" title="rank">{rank}</span>{change}</p>
    <p class="sc-caption" title="{caption}">{caption}</p>
    <p class="sc-kind">{mark}<span>{kind}{twin}</span>
    <span class="sc-score" title="cosine similarity">{score:.3f}</span></p>
    </li>
""")
_PICTURE = template("""
    <div class="sc-picture">
    <img src="{src}" alt="{alt}" decoding="async">
    {cover}
    <button type="button" class="sc-use" aria-label="{use}" title="Search with this picture" {send}>{icon}</button>
    </div>
""")
_REVEAL = template("""
    <button type="button" class="sc-cover sc-reveal" data-reveal="{id}" aria-label="{name}">
    {icon}<span>Reveal</span></button>
""")
_CHANGE = template("""
    <span class="sc-change sc-{look}" title="{words}">
    <span aria-hidden="true">{sign}</span><span class="sc-sr">{words}</span></span>
""")


@dataclass(frozen=True)
class Change:
    """How a hit stands against another seat's list: a short sign, its meaning in words, and a class for its look."""

    sign: str
    words: str
    look: str


def change_from(before: int | None, now: int) -> Change:
    """The change of a hit that was at rank `before` (None: not among the top k) and is at rank `now`."""
    if before is None:
        return Change("new", "new here", "new")
    if before == now:
        return Change("=", f"at rank {now} on both sides", "same")
    if before > now:
        return Change(f"↑{before - now}", f"up {before - now}, from rank {before}", "up")
    return Change(f"↓{now - before}", f"down {now - before}, from rank {before}", "down")


def changes(comparison: "Comparison", seats: tuple["Seat", ...]) -> dict[str, dict[str, Change]]:
    """Seat key → hit id → its change. The reference's hits say from which of the other columns they are gone."""
    reference, *others = (seat for seat in seats if seat.key in comparison)
    before = {hit.id: hit.rank for hit in comparison[reference.key].hits}
    result: dict[str, dict[str, Change]] = {reference.key: {}}
    answered = [seat for seat in others if comparison[seat.key].error is None]
    if comparison[reference.key].error is None:
        for seat in answered:
            hits = comparison[seat.key].hits
            result[seat.key] = {hit.id: change_from(before.get(hit.id), hit.rank) for hit in hits}
    for id in before:
        gone = [seat for seat in answered if id not in result[seat.key]]
        if gone and len(gone) == len(answered):
            result[reference.key][id] = Change("gone", f"gone from {_names(gone)}", "gone")
        elif gone:
            result[reference.key][id] = Change(f"gone {len(gone)}/{len(answered)}", f"gone from {_names(gone)}", "gone")
    return result


def column(
    found: "SeatHits",
    seat: "Seat",
    seats: dict[str, "Seat"],
    *,
    search: str,
    shield: "BlurPolicy",
    changed: dict[str, Change],
    reference: "SeatHits | None" = None,
    twin: str = "",
) -> Markup:
    """One seat's column. `reference` is the column it is compared with, None for the reference itself."""
    head = _HEAD.format(
        label=seat.label,
        role=Markup('<span class="sc-role">reference</span>') if reference is None else EMPTY,
        figure=_figure(found),
        sub=_sub(found, search, changed, reference),
        route=_route(found, seats, search),
        mixed="no" if found.query_seat == found.index_seat == found.seat else "yes",
    )
    if found.error is not None:
        body = fault(seat.label, found.error)
    else:
        cards = join(card(hit, search, shield, changed.get(hit.id), twin) for hit in found.hits)
        body = _CARDS.format(search=search, name=f"What {seat.label} finds", cards=cards)
    return _COLUMN.format(key=seat.key, label=seat.label, head=head, body=body)


def card(hit: "Hit", search: str, shield: "BlurPolicy", change: Change | None, twin: str = "") -> Markup:
    """One hit. An unsafe picture is a smear with a button to reveal it; its caption and category stay readable."""
    item = hit.item
    return _CARD.format(
        unsafe="yes" if item.unsafe else "no",
        id=hit.id,
        picture=picture(hit, shield) if search == "images" else EMPTY,
        rank=hit.rank,
        change=_change(change),
        score=hit.score,
        caption=item.caption,
        mark=mark(item.unsafe),
        kind=_kind(item),
        twin=Markup(' <b class="sc-twin">twin</b>') if twin and item.image_id == twin else EMPTY,
    )


def picture(hit: "Hit", shield: "BlurPolicy") -> Markup:
    """The picture of a card, as `shield` lets it out, and what can be done with it."""
    item = hit.item
    name = f"picture {hit.rank}, {item.caption}"
    return _PICTURE.format(
        src=Markup(shield.source(item.image_id)),
        alt=alt(item),
        cover=cover(item, name, shield),
        use=f"Search with {name}",
        send=send("use", id=item.image_id),
        icon=icon("search"),
    )


def alt(item: "Item") -> str:
    """What a gallery picture is called where it cannot be seen, or only its smear can."""
    return f"Blurred unsafe picture: {item.caption}" if item.unsafe else item.caption


def cover(item: "Item", name: str, shield: "BlurPolicy") -> Markup:
    """What lies over an unsafe picture: a button to reveal it, or the word "hidden" where that is locked."""
    if not item.unsafe:
        return EMPTY
    if shield.locked:
        return Markup('<span class="sc-cover">hidden</span>')
    return _REVEAL.format(id=item.image_id, name=f"Reveal {name}", icon=icon("eye"))


def fault(label: str, message: str) -> Markup:
    """One side's failure, in its column."""
    return _FAULT.format(label, plain(message))


def kind(item: object) -> str:
    """'safe', or 'unsafe · violence'."""
    return " · ".join(filter(None, ("unsafe", item.category))) if item.unsafe else "safe"


def _kind(item: object) -> Markup:
    """As `kind`; the word "unsafe" is only heard where a narrow card shows its mark and its category."""
    if not (item.unsafe and item.category):
        return Markup("{}").format(kind(item))
    return Markup('<span class="sc-kind-word">unsafe · </span>{}').format(item.category)


def tally(unsafe: int, k: int) -> Markup:
    """k marks, the unsafe ones first. Decoration: the figure beside it says the same in words."""
    marks = join([mark(True)] * unsafe + [mark(False)] * (k - unsafe))
    return Markup('<div class="sc-tally" aria-hidden="true">{}</div>').format(marks)


def _figure(found: "SeatHits") -> Markup:
    if found.error is not None:
        return Markup('<p class="sc-figure"><b>—</b></p>')
    n = len(found.hits)
    return Markup('<p class="sc-figure" data-level="{}"><b>{} of {}</b> unsafe</p>{}').format(
        "none" if not found.unsafe_count else "some", found.unsafe_count, n, tally(found.unsafe_count, n)
    )


def _sub(found: "SeatHits", search: str, changed: dict[str, Change], reference: "SeatHits | None") -> Markup:
    """What a reader needs beside the figure: how many pictures are hidden, and what the other side had that is gone."""
    parts = []
    if found.error is None and search == "images" and found.unsafe_count:
        parts.append(f"{found.unsafe_count} hidden")
    if reference is not None and found.error is None and reference.error is None:
        now = {hit.id for hit in found.hits}
        gone = [hit for hit in reference.hits if hit.id not in now]
        if gone:
            unsafe = sum(hit.item.unsafe for hit in gone)
            parts.append(f"{len(gone)} vanished" + (f", {unsafe} of them unsafe" if unsafe else ""))
        if new := sum(change.look == "new" for change in changed.values()):
            parts.append(f"{new} new")
        if not gone:
            parts.append("the same results" if all(c.look == "same" for c in changed.values()) else "reordered")
    return Markup('<p class="sc-sub">{}</p>').format(" · ".join(parts))


def _route(found: "SeatHits", seats: dict[str, "Seat"], search: str) -> str:
    asker, holder = seats[found.query_seat].label, seats[found.index_seat].label
    return f"Query and {search} by {asker}" if asker == holder else f"Query by {asker}, {search} by {holder}"


def _change(change: Change | None) -> Markup:
    if change is None:
        return EMPTY
    return _CHANGE.format(look=change.look, words=change.words, sign=change.sign)


def _names(seats: list["Seat"]) -> str:
    return " and ".join(seat.label for seat in seats)
