"""The page: header, tabs, footer, API; and how it is launched."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

import safeclip
from safeclip.errors import ProfileError, SafeClipError
from safeclip.profile_changes import searches_its_gallery

from . import about, health, scoreboard, theme
from .browser import STATIC, head
from .common.blocks import html, payload, router
from .common.blur_policy import BlurPolicy
from .common.context import PageContext
from .common.endpoint import publish
from .common.markup import EMPTY, icon, join, plural, template
from .common.reporting.panel import report_functions
from .common.service import plain
from .common.tab import TaskTab
from .common.traffic.parcels import AT_ONCE
from .common.traffic.sessions import PageConfig
from .reports.blind_round import BlindRounds
from .reports.desk import open_desk
from .reports.store import ReportStore
from .serving import MALFORMED, Health, middleware
from .tasks import TASKS, link_names, seated_tasks
from .tour.script import address_to_scan, tour_data
from .tour.stops import Tour, tour_of, without_stops

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.index_making import IndexMaking
    from safeclip.retrieval.gallery import Gallery

    from .settings import Settings

log = logging.getLogger(__name__)

TITLE = "Safe-CLIP, side by side"
_LEAD = "The same question to the original encoder and to its safe versions."
_NAMES = 2000  # at most
_PLACES = 1.0  # seconds between two messages of one's place in the queue; one after every answer is n² for n who wait
_THREADS = 200  # of handlers: a search that waits for its batch holds one, and steps of a painting need some too

_HEADER = template("""
    <header class="sc-header">
    <div><h1>{title}</h1>{lead}</div>
    <div class="sc-tools">
    <a class="sc-skip" href="#sc-main">Skip to the answer</a>
    <button type="button" class="sc-badge sc-about-button">About</button>
    <span class="sc-badge" title="{description}">{profile}</span>
    <button type="button" class="sc-theme"
    aria-label="Switch between light and dark" title="Light or dark">{icon}</button>
    </div>
    </header>
    {about}
    <p id="sc-live" class="sc-sr" role="status" aria-live="polite"></p>
""")


class Page(gr.Blocks):
    """The page, its tabs by task, its tour, and the data that its scripts read as `window.safeclip`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_config = PageConfig.of(self)
        self.health = Health()
        self.tabs: dict[str, TaskTab[Any, Any]] = {}
        self.blur_policy = BlurPolicy(None, locked=True)
        self.tour = Tour()
        self.browser_data: dict[str, Any] = {"links": {"parameters": [], "subjects": []}, "tour": tour_data(Tour(), "")}

    @property
    def unsent(self) -> bool:
        """Whether an answer is computed, or waits to be sent to whoever asked."""
        queue = self._queue
        return any(queue.active_jobs) or any(queue.pending_event_ids_session.values())

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As Gradio, but with one sentence for a call that it cannot read, not the call's values and a stack trace."""
        try:
            return await super().process_api(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            log.error("a call failed with %s", type(error).__name__)
            raise gr.Error(MALFORMED, print_exception=False) from None


def build(lab: "Lab", settings: "Settings", making: "IndexMaking | None" = None) -> Page:
    """The page for one lab: a tab and an endpoint for each task that its profile seats, and the scoreboard.

    `making` is the making of its index, if it is not there yet; it is begun by the caller.
    Raises ProfileError when the profile seats no task, and GalleryError when its gallery cannot be read.
    """
    seated = seated_tasks(lab.profile)
    if not seated:
        sections = ", ".join(f"[{task.key}]" for task in TASKS)
        raise ProfileError(f"The profile “{lab.profile.name}” seats no task. Give it one of the sections {sections}.")
    context = PageContext(lab, settings, making=making)
    context = replace(context, desk=open_desk(context))
    services = {task.key: task.service(context) for task in seated}
    if making is not None:
        for service in services.values():
            making.on_growth(service.forget)
    script = (STATIC / "page.js").read_text(encoding="utf-8")
    with Page(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        _static(_header(lab, context), "sc-header-box", script, functions=report_functions(context.desk))
        built: dict[str, TaskTab[Any, Any]] = {}
        with gr.Tabs(elem_classes="sc-tabs", overflow_behavior="wrap") as tabs:
            for task in seated:
                service = services[task.key]
                with gr.Tab(task.title, id=task.key) as tab:
                    built[task.key] = task.tab(context, service, task.view(context, service), tabs)
                    if len(built) > 1:
                        built[task.key].defer(tab)
            with gr.Tab("Scoreboard", id="scoreboard"):
                _static(scoreboard.draw(lab.profile, scoreboard.read()), "sc-scoreboard-box")
                _add_blind_round(context, built)
        _static(_footer(lab), "sc-footer-box", script)
        links = router()
        for each in built.values():
            each.follow_links(links)
        _start(page, [control for each in built.values() for control in each.shown_controls()])
        for task in seated:
            task.endpoint(services[task.key]).add()
        _add_profile_endpoint(lab)
    page.tabs = built
    page.blur_policy = context.blur_policy
    examples = {task: tab.examples for task, tab in built.items()}
    page.tour = tour_of(lab.profile.name, examples, over_its_gallery=searches_its_gallery(lab.profile))
    page.browser_data = _browser_data(page, context)
    page.queue(_PLACES, max_size=settings.queue_size, default_concurrency_limit=settings.concurrency)
    return page


def _browser_data(page: Page, context: PageContext) -> dict[str, Any]:
    """Names of links and of the world, the link of the first screen, and the tour, prepared where it is presented."""
    settings = context.settings
    if settings.present:
        if not page.tour.stops:
            log.warning("nothing to present: %s", without_stops(context.lab.profile.name))
        for tab in page.tabs.values():
            requests = (tab.request_of(stop.link) for stop in page.tour.stops)
            tab.service.prepare(request for request in requests if request is not None)
    return {
        "links": link_names(seated_tasks(context.lab.profile)),
        "fingerprint": context.fingerprint,
        "names": _names(context.gallery),
        "opening": next(iter(page.tabs.values())).first.to_link(),
        "tour": tour_data(page.tour, address_to_scan(settings.link)),
    }


def _names(gallery: "Gallery | None") -> list[str]:
    """Who, what and where there is in a gallery, to complete the word that is typed."""
    found = {name for item in gallery.items for name in (item.subject, item.object, item.place)} if gallery else set()
    return sorted(filter(None, found))[:_NAMES]


def launch(page: Page, settings: "Settings", **overrides: Any) -> tuple[Any, str, str]:
    """Serves `page`. Blocks until interrupted, unless `prevent_thread_lock=True` is among the `overrides`."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    options: dict[str, Any] = {
        "server_name": settings.host,
        "server_port": settings.port,
        "share": settings.share,
        "inbrowser": settings.open_browser,
        "root_path": settings.root_path or None,
        "max_file_size": settings.max_upload_mb * 1024 * 1024,
        "theme": theme.Theme(),
        "head": head(page.browser_data, settings),
        "favicon_path": STATIC / "favicon.svg",
        "footer_links": ["api"],  # its button opens the API docs; page.js presses it, style.css hides it
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": settings.mcp,
        "show_error": True,
        "max_threads": _THREADS,
        "app_kwargs": {"middleware": middleware(page.health)},
    }
    return page.launch(**options | overrides)


def _add_blind_round(context: PageContext, tabs: dict[str, TaskTab[Any, Any]]) -> None:
    """Adds the blind round where votes can be kept."""
    if not context.settings.reports:
        return
    store = ReportStore(Path(context.settings.reports).expanduser(), "votes")
    rounds = BlindRounds(tabs, store, context.fingerprint, context.rate_limit)
    if not rounds.possible:
        return
    box = html(rounds.intro(), "sc-blind-box")
    options: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def begin(session: gr.Request) -> str:
        return rounds.begin(session.session_hash)

    # a round may have to be painted: one at a time, in its own queue
    box.begin(begin, None, box, **options | {"queue": True, "show_progress": "minimal", "concurrency_id": "blind"})

    def vote(event: gr.EventData) -> str:
        return rounds.vote(payload(event))

    box.vote(vote, None, box, **options)


def _add_profile_endpoint(lab: "Lab") -> None:
    def profile() -> dict[str, Any]:
        """The profile behind this page: seats, gallery, device, and which profiles are out of reach and why.

        Returns:
            {"profile", "title", "description", "license", "reference", "seats": [{"key", "label", "note"}], "gallery",
            "device", "offline", "out_of_reach": {profile: reason}}.
        """
        return health.about(lab)

    publish(profile, api_name="profile")


def _start(page: Page, controls: Sequence[Any]) -> None:
    """Tells the page's controls to be visible when it is loaded, and then turns.js that tabs may be opened.

    When a tab or an accordion has been drawn for the first time, Gradio sets what it held back until then once more,
    and what was typed meanwhile would be lost. A control that was told to be visible is not held back.
    """
    visible = f"() => Array({len(controls)}).fill({{ __type__: 'update', visible: true }})"
    told = page.load(None, None, list(controls), js=visible, **AT_ONCE)
    told.then(None, None, None, js="() => window.safeclip.turns.start()", **AT_ONCE)


def _static(html: str, classes: str, script: str | None = None, functions: Sequence[Any] = ()) -> gr.HTML:
    calls = list(functions) or None
    return gr.HTML(str(html), elem_classes=classes, js_on_load=script, apply_default_css=False, server_functions=calls)


def _header(lab: "Lab", context: PageContext) -> Markup:
    return _HEADER.format(
        title=TITLE,
        lead=Markup("<p>{}</p>").format(_LEAD),
        profile=lab.profile.title,
        description=lab.profile.description,
        icon=icon("theme"),
        about=about.draw(lab, context.fingerprint, reports=context.desk is not None),
    )


def _footer(lab: "Lab") -> Markup:
    profile = lab.profile
    facts = [
        ("Profile", Markup("{} ({}). {}").format(profile.title, profile.name, profile.description)),
        ("Models", join((_seat(seat) for seat in profile.seats), "")),
        ("Licences", _licences(lab)),
        ("Runs on", f"{health.device_name(lab)}, {'offline' if health.is_offline() else 'online'}"),
    ]
    if missing := health.out_of_reach(profile):
        reasons = join(Markup("<p><b>{}</b> {}</p>").format(name, plain(why)) for name, why in missing.items())
        folded = Markup("<details><summary>{}</summary>{}</details>")
        facts.append(("Out of reach", folded.format(plural(len(missing), "profile"), reasons)))
    links = join(
        [
            Markup('<a href="{}" rel="noopener">The paper</a>').format(about.PAPER),
            Markup('<button type="button" class="sc-api">Use it from a program</button>'),
            Markup("<span>safeclip {}</span>").format(safeclip.__version__),
        ]
    )
    rows = join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, what) for name, what in facts)
    return Markup('<footer class="sc-footer"><dl>{}</dl><p class="sc-links">{}</p></footer>').format(rows, links)


def _seat(seat: Any) -> Markup:
    source = " + ".join(filter(None, (seat.checkpoint, seat.adapter)))
    note = Markup(" {}").format(seat.note) if seat.note else EMPTY
    return Markup("<span><b>{}</b>{} <code>{}</code></span>").format(
        seat.label, note, Path(source).name if source.startswith("/") else source
    )


def _licences(lab: "Lab") -> str:
    try:
        gallery = lab.gallery.license
    except SafeClipError:
        gallery = ""
    return f"models {lab.profile.license}" + (f", gallery {gallery}" if gallery else "")
