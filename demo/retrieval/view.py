"""The stage: everything that one answer shows, as one piece of HTML."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.blur_policy import BlurPolicy
from ..common.markup import EMPTY, icon, join, mark, plural, send, template
from ..common.permalink import to_query
from . import embedding_map
from . import hit_cards as cards
from . import rank_changes as movement
from . import tower_matrix as towers

if TYPE_CHECKING:
    from safeclip import Lab

    from .service import RetrievalAnswer

_STAGE = template("""
    <div class="sc-stage" data-permalink="{link}" data-say="{say}">
    {query}
    {notices}
    <div class="sc-columns" data-columns="{n}" style="--columns:{n}">{columns}</div>
    <p class="sc-shield">{shield}</p>
    <div class="sc-panels">{panels}</div>
    </div>
""")
_QUERY = template("""
    <header class="sc-query">
    {picture}
    <div><h2>{title}</h2><p class="sc-facts">{kind}<span>{facts}</span></p></div>
    {copy}
    </header>
""")
_COPY = template("""
    <button type="button" class="sc-copy" data-copy="{}">{}<span>Copy link</span></button>
""")
_MESSAGE = template("""
    <div class="sc-stage" data-permalink="" data-say="{0}">
    <div class="sc-fault" role="note"><p>{0}</p></div>
    </div>
""")


class RetrievalView:
    """Draws answers of one lab. The gallery's part of the map is drawn once for each modality."""

    def __init__(self, lab: "Lab", shield: BlurPolicy) -> None:
        self.lab = lab
        self.shield = shield
        self.seats = {seat.key: seat for seat in lab.profile.seats}
        self._canvases: dict[str, embedding_map.Canvas] = {}

    def draw(self, answer: "RetrievalAnswer") -> str:
        """The HTML of an answer; its `data-say` is what a screen reader hears when it arrives."""
        if answer.comparison is None:
            return str(_MESSAGE.format(answer.error))
        comparison, ask = answer.comparison, answer.ask
        seats = [self.seats[key] for key in comparison]
        changed = cards.changes(comparison, tuple(seats))
        reference = comparison[seats[0].key]
        columns = join(
            cards.column(
                comparison[seat.key],
                seat,
                self.seats,
                search=ask.search,
                shield=self.shield,
                changed=changed.get(seat.key, {}),
                reference=None if seat is seats[0] else reference,
                twin=answer.item.twin if answer.item and answer.item.unsafe else "",
            )
            for seat in seats
        )
        panels = join(
            [
                towers.panel(answer, self.seats) if len(answer.unsafe_by_towers) > 1 else EMPTY,
                embedding_map.panel(answer, self._canvas(answer), self.seats),
                movement.panel(answer, self.seats),
            ]
        )
        return str(
            _STAGE.format(
                link=to_query(ask),
                say=self.say(answer),
                query=self._query(answer),
                notices=_notices(answer),
                n=len(seats),
                columns=columns,
                shield=self._shield(answer),
                panels=panels,
            )
        )

    def say(self, answer: "RetrievalAnswer") -> str:
        """The answer in a sentence a column: how many are unsafe, how many pictures are hidden."""
        if answer.comparison is None:
            return answer.error
        parts = []
        for key, found in answer.comparison.items():
            label = self.seats[key].label
            if found.error is not None:
                parts.append(f"{label} has no answer.")
                continue
            hidden = ""
            if answer.ask.search == "images" and found.unsafe_count:
                hidden = f", {plural(found.unsafe_count, 'picture')} hidden"
            parts.append(f"{label}: {found.unsafe_count} of {len(found.hits)} unsafe{hidden}.")
        return " ".join(parts)

    def _canvas(self, answer: "RetrievalAnswer") -> "embedding_map.Canvas | None":
        if not answer.positions:
            return None
        modality = answer.ask.modality
        if modality not in self._canvases:
            the_map = self.lab.retrieval.map
            projection = the_map.captions if modality == "text" else the_map.images
            self._canvases[modality] = embedding_map.Canvas(projection, self.lab.gallery)
        return self._canvases[modality]

    def _query(self, answer: "RetrievalAnswer") -> Markup:
        ask, item = answer.ask, answer.item
        picture, title, kind = EMPTY, ask.text, EMPTY
        if ask.upload:
            title = "Your picture"
            picture = Markup('<img src="{}" alt="The picture that you asked with">').format(answer.thumbnail)
        elif ask.item:
            title = item.caption
            alt = f"Blurred unsafe picture: {title}" if item.unsafe else title
            picture = Markup('<img src="{}" alt="{}">').format(self.shield.source(ask.item), alt)
        if item is not None:
            kind = Markup('<span class="sc-kind sc-kind-{}">{}{}</span>').format(
                "unsafe" if item.unsafe else "safe",
                mark(item.unsafe),
                f"{'picture' if ask.item else 'caption'} of the gallery, {cards.kind(item)}",
            )
        if link := to_query(ask):
            copy = _COPY.format(link, icon("link"))
        else:
            copy = Markup('<span class="sc-quiet">An uploaded picture cannot be part of a link.</span>')
        gallery = self.lab.gallery
        size = len(gallery if ask.search == "images" else gallery.captions)
        facts = f"top {ask.k} of {plural(size, ask.search.removesuffix('s'))}, {answer.milliseconds:.0f} ms"
        return _QUERY.format(picture=picture, title=title, kind=kind, facts=facts, copy=copy)

    def _shield(self, answer: "RetrievalAnswer") -> str:
        if answer.ask.search == "captions":
            return "Captions are words and stay readable, the unsafe ones too: they are what is judged here."
        hidden = sum(found.unsafe_count for found in answer.comparison.values())
        if not hidden:
            return "No unsafe picture was found: nothing is hidden."
        reveal = "Revealing is locked here." if self.shield.locked else "Each can be revealed by itself."
        return (
            f"{plural(hidden, 'unsafe picture')} hidden: blurred on the server, so this page holds no clear copy. "
            f"{reveal} Captions stay readable."
        )


def _notices(answer: "RetrievalAnswer") -> Markup:
    """What the reader should know before trusting the answer: words that the model has never met, cut texts."""
    notices = [_unknown(word, near, answer.ask.text) for word, near in answer.unknown_words.items()]
    notices += [Markup("<p>{}</p>").format(note) for note in answer.comparison.notes]
    return Markup('<div class="sc-notices">{}</div>').format(join(notices)) if notices else EMPTY


def _unknown(word: str, near: list[str], text: str) -> Markup:
    button = Markup('<button type="button" class="sc-word" {}>{}</button>')
    buttons = join(button.format(send("word", text=text, word=word, near=known), known) for known in near)
    advice = Markup("Near words it knows: {}").format(buttons) if near else "It knows no word that looks like it."
    return Markup("<p>This model was never trained on the word <b>{}</b>, so it can only guess. {}</p>").format(
        word, advice
    )
