"""Presenter mode: what changes when the page is shown to an audience."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from .common.markup import EMPTY

if TYPE_CHECKING:
    from .settings import Settings


def script(settings: "Settings") -> str:
    """JavaScript that marks the page as a presentation, which style.css and actions.js look for."""
    return 'document.documentElement.classList.add("sc-present");' if settings.present else ""


def hint(settings: "Settings") -> Markup:
    """A line for the speaker about the keys."""
    if not settings.present:
        return EMPTY
    return Markup(
        '<p class="sc-hint"><kbd>←</kbd> <kbd>→</kbd> previous and next example. Unsafe pictures stay blurred.</p>'
    )
