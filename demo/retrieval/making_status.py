"""What an open page sees of the making of its index: how far it is, and the first answer when there can be one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from ..common.blocks import current_page, html
from ..common.markup import EMPTY
from ..common.service import plain

if TYPE_CHECKING:
    from safeclip.index_making import IndexMaking

_SECONDS = 2  # between two looks of an open page
_PRIVATE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
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
    timer = gr.Timer(_SECONDS)

    def look() -> list[Any]:
        return [draw(making), gr.Timer(active=making.running)]

    timer.tick(look, None, [box, timer], **_PRIVATE)
    current_page().load(look, None, [box, timer], **_PRIVATE)


def add_first_answer(making: "IndexMaking", begin: Callable[[gr.Request], dict[Any, Any]], outputs: list[Any]) -> None:
    """Calls `begin`, which changes `outputs`, on a page that was opened too early, once something can be searched."""
    timer = gr.Timer(_SECONDS)

    def awaited() -> bool:
        return bool(making.obstacle) and making.running

    def look(session: gr.Request) -> Any:
        if making.obstacle:
            return {timer: gr.Timer(active=awaited())}
        return {timer: gr.Timer(active=False), **begin(session)}

    timer.tick(look, None, [timer, *outputs], **_PRIVATE)
    current_page().load(lambda: gr.Timer(active=awaited()), None, timer, **_PRIVATE)
