"""Encoders: texts or images to embeddings, from transformers, open_clip and HySAC checkpoints."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoder import Encoder
    from .tokens import Tokens

__all__ = ["Encoder", "Tokens"]

_HOMES = {"Encoder": "encoder", "Tokens": "tokens"}


def __getattr__(name: str) -> Any:
    """Imports on first use: profiles read the table of formats from here, and must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
