"""What the tabs are made of: HTML whose buttons send events, and the server's side of revealing a picture."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

if TYPE_CHECKING:
    from .blur_policy import BlurPolicy

_ACTIONS = (Path(__file__).parents[1] / "static" / "actions.js").read_text(encoding="utf-8")


def html(value: str, classes: str, **more: Any) -> gr.HTML:
    """A block of HTML whose `markup.send` attributes become events of the component."""
    return gr.HTML(value, elem_classes=classes, js_on_load=_ACTIONS, apply_default_css=False, **more)


def revealer(shield: "BlurPolicy") -> Callable[[str], dict[str, object]]:
    """The server function that actions.js calls to show one hidden picture."""

    def reveal(id: str) -> dict[str, object]:
        return shield.reveal(id)

    return reveal
