"""Views: the HTML of a task's states. The frame around an answer is the same in every task; a view fills it in."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from markupsafe import Markup

from safeclip.profiles import Seat

from .markup import EMPTY, Pieces, Template, icon, join, template
from .reporting import panel as report_panel
from .service import TaskState, plain

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Item

    from .blur_policy import BlurPolicy
    from .context import PageContext
    from .service import TaskService

S = TypeVar("S", bound=TaskState[Any])

_ROOT = template("""
    <div class="sc-view {classes}" tabindex="-1" data-task="{task}" data-state="{state}" data-permalink="{link}"
    data-say="{say}" {follow}>{content}</div>
""")
_ANSWER = template("""
    <header class="sc-query">
    {image}
    <div><h2>{title}</h2><p class="sc-facts">{facts}</p></div>
    {copy}
    </header>
    {notices}
    {verdict}
    <div class="sc-columns" data-columns="{n}" style="--columns:{n}" {scrolls}>{columns}</div>
    <p class="sc-shield">{note}</p>
    {more}
    {report}
""")
_COLUMN = template("""
    <section class="sc-column" data-seat="{key}" aria-label="{name}">
    <header class="sc-head">
    <h3 class="sc-seat">{label}{role}</h3>
    <div>{figure}<p class="sc-sub">{sub}</p>{route}</div>
    </header>
    <div>{body}</div>
    </section>
""")
_FAULT = template("""
    <div class="sc-fault" role="note">
    <b>{} has no answer.</b>
    <p>{}</p>
    </div>
""")
_REVEAL = template("""
    <button type="button" class="sc-cover sc-reveal" data-reveal="{id}" aria-label="Reveal {name}">
    {icon}<span>Reveal</span></button>
""")
_HIDDEN, _UNCOVERED = template('<span class="sc-cover">hidden</span>'), template("")
_CLOSER = template("""
    <details class="sc-closer"><summary>Look closer</summary>
    <div class="sc-panels">{}</div></details>
""")
_VERDICT = Markup('<p class="sc-plainly">{}</p>')
_MESSAGE = Markup('<div class="sc-fault" role="note"><p>{}</p></div>')
_NOTICE = Markup('<div role="alert">{}<p class="sc-quiet">Nothing below has changed.</p></div>')
_REFUSAL = Markup('<div class="sc-fault sc-policy" role="note"><b>{}</b><p>{}</p></div>')
_COPY = template("""
    <button type="button" class="sc-copy" data-copy="{}">{}<span>Copy link</span></button>
""")
_NO_LINK = Markup('<span class="sc-quiet">An uploaded picture cannot be part of a link.</span>')
_SCROLLS = Markup('role="group" tabindex="0" aria-label="Columns"')

NO_FIGURE = Markup('<p class="sc-figure"><b>—</b></p>')


class TaskView(ABC, Generic[S]):
    """Draws the states of one task. `classes` are those of its root element."""

    classes: ClassVar[str] = ""
    scrolling: ClassVar[bool] = False  # whether a narrow screen scrolls through three columns or more
    has_blind: ClassVar[bool] = False  # whether a column can be shown without the name of its seat
    refusal: ClassVar[str] = "This is not answered here."

    def __init__(self, context: "PageContext", service: "TaskService[Any, S]") -> None:
        self.context = context
        self.key = service.name
        self.seats: Mapping[str, Seat] = service.seats
        self.reference: Seat = next(iter(self.seats.values()))

    def prepare(self) -> None:  # noqa: B027  # most views have nothing to prepare
        """Draws what answers have in common before anybody asks, in the background."""

    def draw(self, state: S, *, follow: bool = False) -> str:
        """The HTML of a state; `data-say` is what a screen reader hears when the answer is finished.

        With `follow`, actions.js raises that event once this is drawn: a link is opened, and its request is to be run.
        """
        if state.error:
            refused = _REFUSAL.format(self.refusal, state.error)
            return self._root(refused if state.refused else _MESSAGE.format(state.error), say=state.error)
        columns = self.columns(state)
        link = state.request.to_link()
        answer = _ANSWER.pieces(
            image=self.image(state),
            title=self.title(state),
            facts=self.facts(state),
            copy=_COPY.format(link, icon("link")) if link else _NO_LINK,
            notices=self.notices(state),
            verdict=_VERDICT.format(verdict) if state.done and (verdict := self.verdict(state)) else EMPTY,
            n=len(columns),
            scrolls=_SCROLLS if self.scrolling and len(columns) > 2 else EMPTY,
            columns=Pieces(columns),
            note=self.note(state),
            more=self.more(state),
            report=self._report(state) if state.done else EMPTY,
        )
        return self._root(
            answer,
            state="done" if state.done else "writing",
            link=link,
            say=" ".join((*self.notes(state), self.say(state))) if state.done else "",
            follow=follow,
        )

    def notice(self, state: S) -> str:
        """The HTML of a failed state that stands above an answer, "" for another state."""
        if not state.error:
            return ""
        refused = _REFUSAL.format(self.refusal, state.error)
        return str(_NOTICE.format(refused if state.refused else _MESSAGE.format(state.error)))

    def whole(self, state: S) -> str:
        """The HTML of a finished state with all that a tab shows of it, for a page of its own."""
        return self.draw(state)

    def intro(self, request: Any) -> str:
        """The HTML before anything is asked."""
        return self._root(Markup('<p class="sc-intro">{}</p>').format(self.invitation(request)))

    def blank(self) -> str:
        """The HTML of a tab that was not opened yet: the frame that a state is drawn into."""
        return self._root(EMPTY)

    def say(self, state: S) -> str:
        """The finished state in a sentence a column."""
        return state.error or self.title(state)

    @abstractmethod
    def columns(self, state: S) -> list[Markup]:
        """A column for each seat that is compared, made by `column`."""

    def title(self, state: S) -> str:
        """The heading: the request's subject."""
        return state.request.subject

    def image(self, state: S) -> Markup:
        """The image of the request, beside the heading."""
        return EMPTY

    def verdict(self, state: S) -> str:
        """The finished state in one plain sentence above the columns."""
        return ""

    def facts(self, state: S) -> Markup | str:
        """A few words beside the heading on how the request is answered."""
        return ""

    def notices(self, state: S) -> Markup:
        """Notices above the columns that a reader should know before trusting the answer."""
        return notice_box(Markup("<p>{}</p>").format(note) for note in self.notes(state))

    def notes(self, state: S) -> list[str]:
        """The comparison's notes, among them what of the request is not in the profile's world."""
        return [plain(note) for note in getattr(state.comparison, "notes", ())]

    def note(self, state: S) -> Markup | str:
        """A sentence below the columns."""
        return ""

    def more(self, state: S) -> Markup:
        """Panels below the columns."""
        return EMPTY

    def invitation(self, request: Any) -> str:
        """A sentence that tells a visitor how to begin."""
        return f"{listed(self.labels(request.seats).values())} will answer side by side."

    def blind(self, state: S, key: str) -> Markup:
        """A seat's result without its name, for a blind round; only of a view that `has_blind` columns."""
        raise NotImplementedError

    def labels(self, seats: Iterable[str]) -> dict[str, str]:
        """The keys of the columns, the reference and then those of `seats` that there are, with their labels."""
        wanted = {self.reference.key, *seats}
        return {key: seat.label for key, seat in self.seats.items() if key in wanted}

    def column(
        self,
        key: str,
        *,
        body: Markup,
        figure: Markup = NO_FIGURE,
        sub: Markup | str = "",
        label: str = "",
        name: str = "",
        route: Markup = EMPTY,
    ) -> Markup:
        """A column: the seat's label, one figure, a line below it, and the result.

        `label` stands over a column that is no seat's own, and `name` is what it is called where that is more.
        """
        shown = label or self.seats[key].label
        return _COLUMN.format(
            key=key,
            name=name or shown,
            label=shown,
            role=Markup('<span class="sc-role">reference</span>') if key == self.reference.key else EMPTY,
            figure=figure,
            sub=sub,
            route=route,
            body=body,
        )

    def _report(self, state: S) -> Markup:
        context = self.context
        return report_panel.draw(context.desk, self.key, state, context.lab.profile.name, context.fingerprint)

    def _root(
        self, content: Markup | Pieces, *, state: str = "done", link: str = "", say: str = "", follow: bool = False
    ) -> str:
        return "".join(
            _ROOT.pieces(
                classes=self.classes,
                task=self.key,
                state=state,
                link=link,
                say=say,
                follow=Markup("data-follow") if follow else EMPTY,
                content=content,
            )
        )


def with_turn(drawn: str, turn: int) -> str:
    """A drawn state with the browser's number of what it answers: turns.js knows by it what comes too late.

    It also tells the answer to a link from the same one on the first screen: actions.js hears of changes alone.
    """
    return drawn.replace("data-task=", f'data-turn="{turn}" data-task=', 1)


def item_kind(item: "Item") -> str:
    """'safe', 'unsafe · violence' or 'not judged'."""
    return " · ".join(filter(None, (item.label, item.category if item.unsafe else "")))


def item_look(item: "Item") -> str:
    """The end of a CSS class for an item: "unsafe", "safe" or "unjudged"."""
    return {True: "unsafe", False: "safe", None: "unjudged"}[item.flag]


def item_alt(item: "Item", blur_policy: "BlurPolicy") -> str:
    """The alternative text of a gallery image, which says whether it is blurred, and whether nobody judged it."""
    if item.unsafe:
        return f"Blurred unsafe picture: {item.caption}"
    if item.flag is False:
        return item.caption
    return f"{'Blurred picture' if blur_policy.hides(item) else 'Picture'}, {item.label}: {item.caption}"


def item_cover(item: "Item", name: str, blur_policy: "BlurPolicy") -> Markup:
    """A button over a hidden image that reveals it, or the word "hidden" where revealing is locked."""
    return cover_template(item, blur_policy).format(name=name)


def cover_template(item: "Item", blur_policy: "BlurPolicy") -> Template:
    """As `item_cover`, with the image's {name} to be filled in."""
    if not blur_policy.hides(item):
        return _UNCOVERED
    return _HIDDEN if blur_policy.locked else _REVEAL.partly(id=item.image_id, icon=icon("eye"))


def asked_image(item: "Item | None", thumbnail: str, blur_policy: "BlurPolicy") -> Markup:
    """The picture that a request is about, to stand beside the heading: the gallery's `item`, or an uploaded one.

    `thumbnail` is the `data:` URI of the uploaded one.
    """
    if thumbnail:
        return Markup('<img src="{}" alt="The picture that you asked with">').format(Markup(thumbnail))
    if item is None:
        return EMPTY
    return Markup('<img src="{}" alt="{}">').format(
        Markup(blur_policy.source(item.image_id)), item_alt(item, blur_policy)
    )


def look_closer(panels: Markup) -> Markup:
    """Panels for whoever wants to know more, folded; actions.js keeps them open once they were opened."""
    return _CLOSER.format(panels) if panels else EMPTY


def fault(label: str, message: str) -> Markup:
    """One seat's failure, in its column."""
    return _FAULT.format(label, plain(message))


def notice_box(paragraphs: Iterable[Markup]) -> Markup:
    """Paragraphs above the columns, nothing where there is none."""
    content = join(paragraphs)
    return Markup('<div class="sc-notices">{}</div>').format(content) if content else EMPTY


def listed(words: Iterable[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
