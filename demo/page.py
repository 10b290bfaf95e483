"""The page: header, tabs, footer, API; and how it is launched."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

import safeclip
from safeclip.errors import ProfileError, SafeClipError

from . import health, presenter, scoreboard, theme
from .common.context import PageContext
from .common.endpoint import publish
from .common.markup import EMPTY, icon, join, template
from .common.service import plain
from .tasks import TASKS, link_names, seated_tasks

if TYPE_CHECKING:
    from safeclip import Lab

    from .settings import Settings

STATIC = Path(__file__).parent / "static"
TITLE = "Safe-CLIP, side by side"
_LEAD = "The same question to the original encoder and to its safe versions."
_PAPER = "https://arxiv.org/abs/2311.16254"

_META = '<meta name="color-scheme" content="light dark">'
_HEADER = template("""
    <header class="sc-header">
    <div><h1>{title}</h1>{lead}</div>
    <div class="sc-tools">
    <span class="sc-badge" title="{description}">{profile}</span>
    <button type="button" class="sc-theme"
    aria-label="Switch between light and dark" title="Light or dark">{icon}</button>
    </div>
    </header>
    <p id="sc-live" class="sc-sr" role="status" aria-live="polite"></p>
""")


def build(lab: "Lab", settings: "Settings") -> gr.Blocks:
    """The page for one lab: a tab and an endpoint for each task that its profile seats, and the scoreboard.

    Raises ProfileError when the profile seats no task, and GalleryError when its gallery cannot be read.
    """
    seated = seated_tasks(lab.profile)
    if not seated:
        sections = ", ".join(f"[{task.key}]" for task in TASKS)
        raise ProfileError(f"The profile “{lab.profile.name}” seats no task. Give it one of the sections {sections}.")
    context = PageContext(lab, settings)
    services = {task.key: task.service(context) for task in seated}
    script = (STATIC / "page.js").read_text(encoding="utf-8")
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        _static(_header(lab, settings), "sc-header-box", script)
        with gr.Tabs(elem_classes="sc-tabs") as tabs:
            for task in seated:
                service = services[task.key]
                with gr.Tab(task.title, id=task.key):
                    task.tab(context, service, task.view(context, service), tabs)
            with gr.Tab("Scoreboard", id="scoreboard"):
                _static(scoreboard.draw(lab.profile, scoreboard.read()), "sc-scoreboard-box")
        _static(_footer(lab), "sc-footer-box", script)
        for task in seated:
            task.endpoint(services[task.key]).add(settings)
        _add_profile_endpoint(lab)
    page.queue(max_size=settings.queue_size, default_concurrency_limit=settings.concurrency)
    return page


def launch(page: gr.Blocks, settings: "Settings", **overrides: Any) -> tuple[Any, str, str]:
    """Serve `page`. Blocks until interrupted, unless `prevent_thread_lock=True` is among the `overrides`."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    links = f"window.safeclipLinks = {json.dumps(link_names())};"
    script = links + (STATIC / "head.js").read_text(encoding="utf-8") + presenter.script(settings)
    options: dict[str, Any] = {
        "server_name": settings.host,
        "server_port": settings.port,
        "share": settings.share,
        "inbrowser": settings.open_browser,
        "root_path": settings.root_path or None,
        "max_file_size": settings.max_upload_mb * 1024 * 1024,
        "theme": theme.Theme(),
        "head": f"{_META}<style>{theme.style()}</style><script>{{{script}}}</script>",
        "favicon_path": STATIC / "favicon.svg",
        "footer_links": ["api"],  # its button opens the API docs; page.js presses it, style.css hides it
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "show_error": True,
    }
    return page.launch(**options | overrides)


def _add_profile_endpoint(lab: "Lab") -> None:
    def profile() -> dict[str, Any]:
        """The profile behind this page: seats, gallery, device, and which profiles are out of reach and why.

        Returns:
            {"profile", "title", "description", "license", "reference", "seats": [{"key", "label", "note"}], "gallery",
            "device", "offline", "out_of_reach": {profile: reason}}.
        """
        return health.about(lab)

    publish(profile, api_name="profile")


def _static(html: str, classes: str, script: str | None = None) -> gr.HTML:
    return gr.HTML(str(html), elem_classes=classes, js_on_load=script, apply_default_css=False)


def _header(lab: "Lab", settings: "Settings") -> Markup:
    return _HEADER.format(
        title=TITLE,
        lead=presenter.hint(settings) or Markup("<p>{}</p>").format(_LEAD),
        profile=lab.profile.title,
        description=lab.profile.description,
        icon=icon("theme"),
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
        reasons = join(Markup("<span><b>{}</b> {}</span>").format(name, plain(why)) for name, why in missing.items())
        facts.append(("Out of reach", reasons))
    links = join(
        [
            Markup('<a href="{}" rel="noopener">The paper</a>').format(_PAPER),
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
