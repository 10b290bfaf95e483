"""A tour in one HTML file for any browser: no Python, no network, no server."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from safeclip.errors import SafeClipError

from .. import theme
from ..browser import STATIC, json_in_script
from ..common.markup import join, template
from .script import tour_data
from .stops import Stop, Tour

if TYPE_CHECKING:
    from ..common.tab import TaskTab

# Nothing may be loaded or sent; what the file needs is in it.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_DARK = 'matchMedia("(prefers-color-scheme: dark)").matches && document.documentElement.classList.add("dark");'
_SHOW = """
tour.begin = tour.show = (index) => {
  document.querySelectorAll(".sc-stop").forEach((stop, place) => (stop.hidden = place !== index));
  scrollTo(0, 0);
};
"""
_BASE = """
html { background: var(--sc-paper); color: var(--sc-ink); font: 16px/1.5 Inter, system-ui, sans-serif; }
body, h2, h3, h4, p { margin: 0; }
button { font: inherit; }
.sc-reveal, .sc-report { display: none !important; }
"""
_FILE = template("""
    <!doctype html>
    <html lang="en" class="sc-present"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="{policy}">
    <title>{title}</title><style>{style}</style></head>
    <body><div class="gradio-container"><main class="contain">
    {stops}
    </main></div><script>{script}</script></body></html>
""")
_STOP = Markup('<section class="sc-stop" aria-label="{}" hidden><div class="sc-view-box">{}</div></section>')


def export_tour(tour: Tour, tabs: Mapping[str, "TaskTab[Any, Any]"], *, title: str, address: str) -> str:
    """The HTML of a tour with the answers to all of its stops by the services of `tabs`, the tabs of a page by task.

    `address` is where the code of the last stop leads. Raises SafeClipError when a stop has no answer.
    """
    drawn = [_STOP.format(stop.title, Markup(_draw(stop, tabs))) for stop in tour.stops]
    data = json_in_script({"tour": tour_data(tour, address)})
    stage = (STATIC / "stage.js").read_text(encoding="utf-8")
    script = f"window.safeclip = {data};(() => {{const {{ tour }} = window.safeclip;{_SHOW}{_DARK}{stage}}})();"
    return str(
        _FILE.format(
            policy=Markup(_POLICY),
            title=title,
            style=Markup(_BASE + theme.style()),
            stops=join(drawn),
            script=Markup(script),
        )
    )


def _draw(stop: Stop, tabs: Mapping[str, "TaskTab[Any, Any]"]) -> str:
    """The answer to a stop by the task whose link it is. Raises SafeClipError."""
    for tab in tabs.values():
        request = tab.request_of(stop.link)
        if request is not None:
            return tab.view.whole(tab.service.answer_or_raise(request))
    raise SafeClipError(f"The stop “{stop.title}” asks nothing that a task of this profile answers: {stop.link}")
