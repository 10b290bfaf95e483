"""The line above the retrieval tab that says how far the making of its index is."""

from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from ..common.blocks import current_page, html
from ..common.markup import EMPTY
from ..common.service import plain

if TYPE_CHECKING:
    from safeclip.index_making import IndexMaking

_SECONDS = 2  # between two looks of an open page
_BAR = Markup('<progress max="{}" value="{}"></progress>')


def draw(making: "IndexMaking") -> str:
    """The line, with a bar while the number of rows is known; nothing when all is made."""
    if not making.sentence:
        return ""
    step = making.step
    bar = _BAR.format(step.total, step.done) if step.total and making.running else EMPTY
    return str(Markup('<p class="sc-making" role="status">{}{}</p>').format(bar, plain(making.sentence)))


def add_status(making: "IndexMaking") -> None:
    """Adds the line to the page that is being built; an open page looks again until the making has ended."""
    box = html(draw(making), "sc-making-box")
    timer = gr.Timer(_SECONDS, active=True)

    def look() -> list[Any]:
        return [draw(making), gr.Timer(active=making.running)]

    private: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    timer.tick(look, None, [box, timer], **private)
    current_page().load(look, None, [box, timer], **private)
