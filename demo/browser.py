"""The page's data and scripts in the browser: what runs before anything is drawn."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import theme

if TYPE_CHECKING:
    from .settings import Settings

STATIC = Path(__file__).parent / "static"
_META = '<meta name="color-scheme" content="light dark">'


def head(data: Mapping[str, Any], settings: "Settings") -> str:
    """The content of the page's <head>: its style, `window.safeclip` with the page's data, and the scripts."""
    present = 'document.documentElement.classList.add("sc-present");' if settings.present else ""
    scripts = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in ("turns.js", "head.js", "stage.js"))
    values = json_in_script(data)
    script = f"window.safeclip = {values};(() => {{{present}{scripts}}})();"
    return f"{_META}<style>{theme.style()}</style><script>{script}</script>"


def json_in_script(data: Any) -> str:
    """JSON that may stand inside a <script>: no value can end it."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
