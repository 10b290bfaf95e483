"""Building blocks of tabs: HTML whose buttons raise events, what those events carry, and revealing an image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from gradio.context import Context

from .blur_policy import Reply

_STATIC = Path(__file__).parents[1] / "static"
_ACTIONS = (_STATIC / "actions.js").read_text(encoding="utf-8")
_ROUTER = (_STATIC / "router.js").read_text(encoding="utf-8")

# Options of an event whose handler takes every value as the browser sent it. Gradio would decode an upload before the
# handler is called; it still checks that a file was uploaded to this server.
RAW: dict[str, Any] = {"preprocess": False}
# Options of an event that sets HTML and buttons alone. Gradio would search each answer for scripts.
AS_DRAWN: dict[str, Any] = {"postprocess": False}


class Revealer(Protocol):
    """A keeper of images that shows the clear one of a blurred image on request."""

    def reveal(self, id: object) -> Reply: ...


def html(value: str, classes: str, **more: Any) -> gr.HTML:
    """A block of HTML whose `markup.send` attributes become events of the component."""
    return gr.HTML(value, elem_classes=classes, js_on_load=_ACTIONS, apply_default_css=False, **more)


def router() -> gr.HTML:
    """An invisible block that raises "open" for each link that is opened inside the page; see router.js."""
    return gr.HTML("", elem_classes="sc-router", js_on_load=_ROUTER, apply_default_css=False)


def reveal_function(images: Revealer) -> Callable[[str], Reply]:
    """The server function that actions.js calls to show one hidden image."""

    def reveal(id: str) -> Reply:
        return images.reveal(id)

    return reveal


def payload(event: gr.EventData) -> dict[str, Any]:
    """The data that a button sent with its event. It comes from a browser: its values may be anything."""
    data = event._data
    return data if isinstance(data, dict) else {}


def as_turn(value: object) -> int:
    """A browser's number of what it begins, see turns.js; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def is_update(value: object) -> bool:
    """Whether this is what gr.update and gr.skip return, not a component's value."""
    return isinstance(value, dict) and value.get("__type__") == "update"


def as_sent(component: Any, value: Any) -> Any:
    """A new value of a component, or an update of it, as the browser takes it. HTML is not searched for scripts."""
    return value if is_update(value) or isinstance(component, gr.HTML) else component.postprocess(value)


def index_in(data: dict[str, Any], things: Any) -> int | None:
    """The index of the pressed one of `things` in an event's data, None for what is none of them."""
    index = data.get("index")
    known = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(things)
    return index if known else None


def current_page() -> gr.Blocks:
    """The page that is being built. Raises RuntimeError outside of one."""
    page = Context.root_block
    if page is None:
        raise RuntimeError("Tabs and endpoints are built inside a gr.Blocks.")
    return page
