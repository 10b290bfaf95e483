"""The page: header, tabs, footer, API; and how it is launched."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

import safeclip
from safeclip.errors import SafeClipError

from . import health, scoreboard, theme
from .captioning import api as captioning_api
from .captioning.precomputed import PrecomputedCaptions
from .captioning.request import CaptioningService
from .captioning.tab import CaptioningTab
from .common import presenter
from .common.blur_policy import BlurPolicy
from .common.markup import EMPTY, icon, join, template
from .generation import api as generation_api
from .generation.image_store import ImageStore
from .generation.precomputed import PrecomputedImages
from .generation.service import GenerationService
from .generation.tab import GenerationTab
from .retrieval import api
from .retrieval.service import RetrievalService, plain
from .retrieval.tab import RetrievalTab

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
    """The page for one lab, its opening example answered. Raises SafeClipError when there is nothing to show at all."""
    answers = RetrievalService(lab, settings.cache_size)
    shield = BlurPolicy(lab.gallery, locked=settings.reveal_locked)
    captions = CaptioningService(lab, PrecomputedCaptions(lab)) if lab.profile.captioning is not None else None
    generations = None
    if lab.profile.generation is not None:
        generations = GenerationService(lab, PrecomputedImages(lab), ImageStore(locked=settings.reveal_locked))
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        script = (STATIC / "page.js").read_text(encoding="utf-8")
        _static(_header(lab, settings), "sc-header-box", script)
        with gr.Tabs(elem_classes="sc-tabs") as tabs:
            with gr.Tab("Retrieval", id="retrieval"):
                RetrievalTab(lab, settings, answers, shield)
            if generations is not None:
                with gr.Tab("Generation", id=GenerationTab.id):
                    GenerationTab(lab, settings, generations, tabs)
            if captions is not None:
                with gr.Tab("Captioning", id=CaptioningTab.id):
                    CaptioningTab(lab, settings, captions, shield, tabs)
            with gr.Tab("Scoreboard", id="scoreboard"):
                _static(scoreboard.draw(lab.profile, scoreboard.read()), "sc-scoreboard-box")
        _static(_footer(lab), "sc-footer-box", script)
        api.add(lab, settings, answers)
        if generations is not None:
            generation_api.add(lab, settings, generations)
        if captions is not None:
            captioning_api.add(lab, settings, captions)
    page.queue(max_size=settings.queue_size, default_concurrency_limit=settings.concurrency)
    return page


def launch(page: gr.Blocks, settings: "Settings", **overrides: Any) -> tuple[Any, str, str]:
    """Serve `page`. Blocks until interrupted, unless `prevent_thread_lock=True` is among the `overrides`."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    script = (STATIC / "head.js").read_text(encoding="utf-8") + presenter.script(settings)
    options = {
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


def _static(html: Markup, classes: str, script: str | None = None) -> gr.HTML:
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
