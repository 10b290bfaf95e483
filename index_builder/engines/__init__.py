"""The engines by name. A new engine is a file and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BuildError
from ..extras import load

if TYPE_CHECKING:
    from .batches import EngineFor

# Module and function; imported when asked for, because some need packages of the extra `scale`.
ENGINES = {"local": (".local", "local_engine"), "ray": (".ray_data", "ray_engine")}


def find_engine(name: str) -> EngineFor:
    """The function that makes the engine of this name. Raises BuildError for an unknown one, or without its package."""
    if name not in ENGINES:
        raise BuildError(f"There is no engine {name!r}. Engines: {', '.join(ENGINES)}.")
    return load(*ENGINES[name], __package__, f"The engine {name}")
