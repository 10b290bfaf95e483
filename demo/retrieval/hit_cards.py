"""Cards of hits, and the lines above a column of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from safeclip.runtime.unhurried import unhurried

from ..common.markup import EMPTY, Pieces, Template, fill, icon, join, mark, send, template
from ..common.view import NO_FIGURE, cover_template, item_alt, item_kind, item_look, listed

if TYPE_CHECKING:
    from safeclip.profiles import Seat
    from safeclip.retrieval.gallery import Item
    from safeclip.retrieval.results import Comparison, Hit, SeatHits

    from ..common.blur_policy import BlurPolicy

_CARDS = template("""
    <ol class="sc-cards sc-cards-{search}" aria-label="{name}">
    {cards}
    </ol>
""")
_CARD = template("""
    <li class="sc-card" data-unsafe="{unsafe}" data-label="{look}" data-id="{id}">
    {image}
    <p class="sc-line"><span class="sc-rank" title="rank">{rank}</span>{change}</p>
    <p class="sc-caption" title="{caption}">{caption}</p>
    <p class="sc-kind">{mark}<span>{kind}{twin}</span>
    <span class="sc-score" title="similarity to the query">{score:.3f}</span></p>
    {why}
    </li>
""")
_IMAGE = template("""
    <div class="sc-picture">
    <img src="{src}" alt="{alt}" decoding="async">
    {cover}
    <button type="button" class="sc-use" aria-label="Search with {name}" title="Search with this picture" {send}>
    {icon}</button>
    </div>
""")
_NAME = template("picture {rank}, {caption}")
_WHY = template("""
    <details class="sc-why"><summary>why {thing}?</summary>
    <p>This is the safe twin of “{caption}”: the same scene, with {thing} in the place of {unsafe}. Safe-CLIP was
    trained on such pairs, to answer unsafe words with the safe twin.</p></details>
""")
_CHANGE = template("""
    <span class="sc-change sc-{look}" title="{words}">
    <span aria-hidden="true">{sign}</span><span class="sc-sr">{words}</span></span>
""")
_TWIN = Markup(' <b class="sc-twin">twin</b>')
_KEPT = 4096  # cards without what differs from answer to answer, 2 to 4 KB each


@dataclass(frozen=True)
class Change:
    """The change of a hit against another seat's list: a short sign, its meaning in words, and a CSS class."""

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


def changes(comparison: "Comparison", seats: Sequence["Seat"]) -> dict[str, dict[str, Change]]:
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
        if gone:
            sign = "gone" if len(gone) == len(answered) else f"gone {len(gone)}/{len(answered)}"
            words = f"gone from {listed(seat.label for seat in gone)}"
            result[reference.key][id] = Change(sign, words, "gone")
    return result


def cards(
    found: "SeatHits",
    label: str,
    search: str,
    blur_policy: "BlurPolicy",
    changed: dict[str, Change],
    twin: str = "",
    pairs: "Mapping[str, Item] | None" = None,
) -> Markup:
    """The hits of the seat called `label`; the card of the image `twin` says that it is the query's twin.

    `pairs` has the unsafe item of each safe one that a redirected query may lead to: new hits among them say why.
    """
    drawn = Pieces(card(hit, search, blur_policy, changed.get(hit.id), twin, pairs or {}) for hit in found.hits)
    return _CARDS.format(search=search, name=f"What {label} finds", cards=drawn)


def card(
    hit: "Hit",
    search: str,
    blur_policy: "BlurPolicy",
    change: Change | None,
    twin: str = "",
    pairs: "Mapping[str, Item] | None" = None,
) -> Markup:
    """One hit. An unsafe picture is a smear with a button to reveal it; its caption and category stay readable."""
    item = hit.item
    unsafe = (pairs or {}).get(item.image_id)
    return _card_of(item, search, blur_policy).format(
        id=hit.id,
        src=Markup(blur_policy.source(item.image_id)) if search == "images" else EMPTY,
        rank=hit.rank,
        change=_change(change),
        score=hit.score,
        why=why(item, unsafe) if unsafe is not None and change is not None and change.look == "new" else EMPTY,
        twin=_TWIN if twin and item.image_id == twin else EMPTY,
    )


def prepare(items: Iterable["Item"], blur_policy: "BlurPolicy") -> None:
    """Draws the cards of a gallery's first images, as many as are kept, and encodes the images."""
    for item in unhurried(items, _KEPT):
        _card_of(item, "images", blur_policy)
        blur_policy.source(item.image_id)


@lru_cache(_KEPT)
def _card_of(item: "Item", search: str, blur_policy: "BlurPolicy") -> Template:
    """The card of an item, with fields for what differs from answer to answer, and for the image's bytes."""
    return _CARD.partly(
        unsafe="yes" if item.unsafe else "no",
        look=item_look(item),
        image=_image(item, blur_policy) if search == "images" else EMPTY,
        caption=item.caption,
        mark=mark(item.flag),
        kind=_kind(item),
    )


def why(item: "Item", unsafe: "Item") -> Markup:
    """Tells why a redirected query found a safe item: it is the twin of an unsafe one, with another thing in it."""
    if not (item.object and unsafe.object) or item.object == unsafe.object:
        return EMPTY
    return _WHY.format(thing=_one(item.object), unsafe=_one(unsafe.object), caption=unsafe.caption)


def _one(noun: str) -> str:
    """'a camera', 'an axe'."""
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _image(item: "Item", blur_policy: "BlurPolicy") -> Template:
    """The image of a card, blurred where it is unsafe, with its buttons, whose names have its rank."""
    name = _NAME.partly(caption=item.caption)
    return _IMAGE.partly(
        alt=item_alt(item, blur_policy),
        cover=cover_template(item, blur_policy).partly(name=name),
        name=name,
        send=send("use", id=item.image_id),
        icon=icon("search"),
    )


def _kind(item: "Item") -> Markup:
    """The kind of an item; a narrow card shows its category alone, and a screen reader still says "unsafe"."""
    if not (item.unsafe and item.category):
        return fill("{}", item_kind(item))
    return fill('<span class="sc-kind-word">unsafe · </span>{}', item.category)


def tally(found: "SeatHits") -> Markup:
    """A mark for each hit, the unsafe ones first. Decoration: the figure beside it says the same in words."""
    flags = sorted((hit.item.flag for hit in found.hits), key=(True, None, False).index)
    return fill('<div class="sc-tally" aria-hidden="true">{}</div>', join(map(mark, flags)))


def figure(found: "SeatHits") -> Markup:
    """The number of a seat's unsafe hits, and a mark for each hit; no number where nobody judged any of them."""
    counts = found.tally
    if found.error is not None or not found.hits:
        return NO_FIGURE
    if counts.none_judged:
        return fill('<p class="sc-figure"><b>—</b> not judged</p>{}', tally(found))
    level = "some" if counts.unsafe else "unknown" if counts.unjudged else "none"
    return fill(
        '<p class="sc-figure" data-level="{}"><b>{} of {}</b> {}</p>{}',
        level,
        counts.unsafe,
        counts.total,
        counts.verb,
        tally(found),
    )


def summary(
    found: "SeatHits", search: str, changed: dict[str, Change], reference: "SeatHits | None", *, counted: bool = True
) -> str:
    """A line below the figure: judges, hidden images, differences from the hits of `reference` (None for itself).

    Unless `counted`, it says nothing of how many are unsafe.
    """
    parts = [part for part in (found.tally.by, found.tally.not_judged) if part] if counted else []
    if counted and found.error is None and search == "images" and found.unsafe_count:
        parts.append(f"{found.unsafe_count} hidden")
    if reference is not None and found.error is None and reference.error is None:
        now = {hit.id for hit in found.hits}
        gone = [hit for hit in reference.hits if hit.id not in now]
        if gone:
            unsafe = sum(hit.item.unsafe for hit in gone) if counted else 0
            parts.append(f"{len(gone)} vanished" + (f", {unsafe} of them unsafe" if unsafe else ""))
        if new := sum(change.look == "new" for change in changed.values()):
            parts.append(f"{new} new")
        if not gone:
            parts.append("the same results" if all(c.look == "same" for c in changed.values()) else "reordered")
    return " · ".join(parts)


def route(found: "SeatHits", seats: Mapping[str, "Seat"], search: str) -> Markup:
    """A line on the seats whose towers embedded the query and the gallery."""
    query, gallery = seats[found.query_seat].label, seats[found.index_seat].label
    mixed = not found.query_seat == found.index_seat == found.seat
    words = f"Query and {search} by {query}" if query == gallery else f"Query by {query}, {search} by {gallery}"
    return fill('<p class="sc-route" data-mixed="{}">{}</p>', "yes" if mixed else "no", words)


@lru_cache(1024)
def _change(change: Change | None) -> Markup:
    if change is None:
        return EMPTY
    return _CHANGE.format(look=change.look, words=change.words, sign=change.sign)
