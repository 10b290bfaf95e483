"""The engines by name. A new engine is a file and a line here."""

from collections.abc import Callable
from importlib import import_module

from .batches import EmbeddingTask, Engine

EngineFor = Callable[[EmbeddingTask], Engine]

# Module and function; imported when asked for, because some need packages of the extra `scale`.
ENGINES = {"local": (".local", "local_engine"), "ray": (".ray_data", "ray_engine")}


def find_engine(name: str) -> EngineFor:
    """The function that makes the engine of this name. Raises KeyError for an unknown one."""
    module, function = ENGINES[name]
    return getattr(import_module(module, __package__), function)
