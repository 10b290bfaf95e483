"""Loads parts of the builder that need packages which a plain installation lacks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import BuildError


def load(module: str, name: str, package: str, what: str) -> Any:
    """`name` of a module of `package`. Raises BuildError for a package that is not installed, which `what` needs."""
    try:
        return getattr(import_module(module, package), name)
    except ModuleNotFoundError as error:
        raise BuildError(
            f"{what} needs the package {error.name}, which is not installed: pip install 'safeclip-lab[scale]'."
        ) from error
