"""Puts original CLIP and Safe-CLIP side by side: retrieval, generation and captioning."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoders import Encoder
    from .errors import SafeClipError
    from .lab import Lab, open
    from .retrieval.gallery import Gallery
    from .retrieval.results import Comparison, Hit

__version__ = "0.2.0"
__all__ = ["Comparison", "Encoder", "Gallery", "Hit", "Lab", "SafeClipError", "__version__", "open"]

_HOMES = {
    "Comparison": "retrieval.results",
    "Encoder": "encoders",
    "Gallery": "retrieval.gallery",
    "Hit": "retrieval.results",
    "Lab": "lab",
    "SafeClipError": "errors",
    "open": "lab",
}


def __getattr__(name: str) -> Any:
    """Imports on first use: torch and transformers take seconds, and `import safeclip` must not."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
