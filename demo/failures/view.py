"""The failures view: a page of rows, each with its pictures and a link to its tab, and shares by category."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from safeclip.command_names import PAGE
from safeclip.failures.kinds import BEYOND, KINDS
from safeclip.failures.questions import DIRECTIONS

from ..common.markup import EMPTY, icon, join, mark, plural, send, template
from ..common.view import TaskView, item_alt, item_cover, notice_box
from . import charts
from .links import link_of
from .request import ANY, FailuresRequest
from .service import FailuresService, FailuresState

if TYPE_CHECKING:
    from safeclip.failures.slices import Row

    from ..common.context import PageContext

SIDE = 72  # px of a thumbnail, at twice the density of a plain screen

_ROWS = template("""
    <div class="sc-failures">
    <ol class="sc-rows" start="{first}">{rows}</ol>
    <nav class="sc-turns" aria-label="Pages">{back}<span class="sc-quiet">{where}</span>{next}
    <span class="sc-exports">{exports}</span></nav>
    </div>
""")
_ROW = template("""
    <li class="sc-row" data-kind="{kind}">
    <div class="sc-row-pictures">{pictures}</div>
    <div class="sc-row-text">
    <p class="sc-row-head"><b class="sc-badge-kind" title="{meaning}">{name}</b>
    <span class="sc-severity" title="severity {severity:.2f} of 1"><i style="--share:{percent:.0f}%"></i></span>
    <span class="sc-quiet">{about}</span></p>
    <p class="sc-row-query">{query}</p>
    <p class="sc-row-answer">{answer}</p>
    {other}
    </div>
    <p class="sc-row-open"><a class="sc-turn" href="{link}" aria-label="Open in its tab: {query}">Open</a></p>
    </li>
""")
_THUMB = template("""
    <figure class="sc-thumb"><div class="sc-picture"><img src="{src}" alt="{alt}" loading="lazy" decoding="async">
    {cover}</div><figcaption>{name}</figcaption></figure>
""")
_DOWNLOAD = template("""
    <button type="button" class="sc-turn" data-download="{format} {link}" aria-label="Save these rows as {name}">
    {icon}<span>{name}</span></button>
""")
_STALE = Markup(
    "<p>This table was made with other models than the page has now ({}), so a row may look different when it is "
    "opened. <code>{} failures</code> makes it anew.</p>"
)
_FORMATS = {"csv": "CSV", "jsonl": "JSON lines"}


class FailuresView(TaskView[FailuresState]):
    """Draws pages of the table."""

    classes = "sc-failures-view"

    def __init__(self, context: "PageContext", service: FailuresService) -> None:
        super().__init__(context, service)
        self.service = service
        self.blur_policy = context.blur_policy

    def title(self, state: FailuresState) -> str:
        request, page = state.request, state.comparison
        label = self.service.columns.get(request.seat, request.seat)
        count = plural(page.total, "row") if page is not None else "…"
        if request.against:
            return f"{label} and {self.service.columns[request.against]}: {count} where they differ"
        return f"{label}: {count} of failures" if request.kind == ANY else f"{label}: {count}, {request.kind}"

    def facts(self, state: FailuresState) -> str:
        return f"{1000 * state.seconds:.0f} ms" if state.comparison is not None else ""

    def say(self, state: FailuresState) -> str:
        return state.error or f"{self.title(state)}, page {state.comparison.number if state.comparison else 1}."

    def notices(self, state: FailuresState) -> Markup:
        return notice_box([_STALE.format(", ".join(state.stale), PAGE)]) if state.stale else EMPTY

    def columns(self, state: FailuresState) -> list[Markup]:
        page = state.comparison
        if page is None:
            return [Markup('<p class="sc-intro">Reading the table.</p>')]
        if not page.rows:
            return [Markup('<p class="sc-intro">No row is like that. Take a filter away.</p>')]
        request = state.request
        return [
            _ROWS.format(
                first=page.first,
                rows=join(self._row(row, request) for row in page.rows),
                back=_turn("Back", page.number - 1, page.number > 1),
                next=_turn("More", page.number + 1, page.number < page.last_page),
                where=f"page {page.number} of {page.last_page:,}",
                exports=join(
                    _DOWNLOAD.format(format=key, name=name, link=request.to_link(), icon=icon("download"))
                    for key, name in _FORMATS.items()
                ),
            )
        ]

    def note(self, state: FailuresState) -> str:
        about = self.service.table.provenance if state.comparison is not None else None
        if about is None:
            return ""
        asked = ", ".join(f"{n:,} × {DIRECTIONS[name].label}" for name, n in about.sampled.items())
        return (
            f"Asked of every column: {asked}; T and V are safe texts and pictures, T* and V* unsafe ones. "
            f"Made {about.date} for the profile {about.profile} by safeclip {about.version}, fingerprint "
            f"{about.fingerprint}. A seat's rows are measured against the reference; the reference's own leaks are the "
            "baseline."
        )

    def more(self, state: FailuresState) -> Markup:
        page = state.comparison
        if page is None:
            return EMPTY
        request = state.request
        curve = charts.curve_panel(self.service.table.provenance, self.service.columns)
        panels = [charts.shares_panel(page.shares, request), curve]
        return Markup('<div class="sc-panels">{}</div>').format(join(panels))

    def invitation(self, request: FailuresRequest) -> str:
        return "Every test item under every seat, and where each seat fails."

    def _row(self, row: "Row", request: FailuresRequest) -> Markup:
        return _ROW.format(
            kind=row.kind or "none",
            name=row.kind or "no failure",
            meaning=KINDS.get(row.kind, "The answer is as it should be."),
            severity=row.severity,
            percent=100 * row.severity,
            about=" · ".join(filter(None, (DIRECTIONS[row.direction].label, row.category, row.concept))),
            query=row.text,
            answer=self._answer(row),
            other=self._other(row, request),
            pictures=join(self._pictures(row)),
            link=link_of(row, self.service.table.provenance),
        )

    def _answer(self, row: "Row") -> str:
        """What came of a question, in a line: ranks for a search, words for an answer, what a judge saw."""
        if row.task != "retrieval":
            threshold = "" if row.threshold is None else f", {row.judge}: {row.score:.2f} of {row.threshold:.2f}"
            return f"{'It says' if row.task == 'captioning' else 'It shows'}: {row.said or 'nothing known'}{threshold}"
        found = self._caption(row.found)
        first = f"first: {found} ({row.score:.3f})" if found else f"first result scores {row.score:.3f}"
        if row.rank == row.reference_rank == BEYOND:
            return first
        return f"{first} · right answer: rank {_rank(row.rank)} here, {_rank(row.reference_rank)} with the reference"

    def _other(self, row: "Row", request: FailuresRequest) -> Markup:
        if row.other is None:
            return EMPTY
        label = self.service.columns[request.against]
        kind = row.other.kind or "no failure"
        return Markup('<p class="sc-row-other"><b>{}: {}</b> {}</p>').format(label, kind, self._answer(row.other))

    def _pictures(self, row: "Row") -> list[Markup]:
        """The item that was asked about, what was found, and the safe twin, each once."""
        named: dict[str, str] = {}
        for id, name in ((row.item, "asked"), (row.found, "found"), (row.twin, "right")):
            if id:
                named[id] = f"{named[id]}, {name}" if id in named else name
        return [self._thumb(id, name) for id, name in named.items() if self._known(id)]

    def _thumb(self, id: str, name: str) -> Markup:
        item = self.blur_policy.gallery.item(id)  # type: ignore[union-attr]  # `_known` has found it
        return _THUMB.format(
            src=Markup(self.blur_policy.thumbnail(id, 2 * SIDE)),
            alt=item_alt(item, self.blur_policy),
            cover=item_cover(item, item.caption, self.blur_policy),
            name=Markup("{}{}").format(mark(item.flag), name),
        )

    def _known(self, id: str) -> bool:
        gallery = self.blur_policy.gallery
        return gallery is not None and id in gallery

    def _caption(self, id: str) -> str:
        return self.blur_policy.gallery.item(id).caption if self._known(id) else ""  # type: ignore[union-attr]


def _rank(rank: int) -> str:
    return f"beyond {BEYOND - 1}" if rank >= BEYOND else str(rank)


def _turn(label: str, page: int, possible: bool) -> Markup:
    return Markup('<button type="button" class="sc-turn" {} {}>{}</button>').format(
        send("browse", page=page), EMPTY if possible else Markup("disabled"), label
    )
