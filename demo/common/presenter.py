"""Presenter mode: what changes when the page stands on a stage."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from .markup import EMPTY

if TYPE_CHECKING:
    from ..settings import Settings


def script(settings: "Settings") -> str:
    """JavaScript that tells style.css and actions.js that this is a presentation."""
    return 'document.documentElement.classList.add("sc-present");' if settings.present else ""


def hint(settings: "Settings") -> Markup:
    """What the speaker has to know, in a line."""
    if not settings.present:
        return EMPTY
    return Markup(
        '<p class="sc-hint"><kbd>←</kbd> <kbd>→</kbd> previous and next example. Unsafe pictures stay blurred.</p>'
    )
