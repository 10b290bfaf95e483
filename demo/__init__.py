"""The page: what a visitor sees and calls. No model code lives here; every answer comes from `safeclip`."""

import importlib
from typing import Any

__all__ = ["build", "launch"]


def __getattr__(name: str) -> Any:
    """Imports the page on first use: gradio takes seconds, and `app.py --help` must not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".page", __name__), name)
