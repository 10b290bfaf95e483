"""Packages that a judge comes from, and that need not be there."""

import importlib
from importlib import metadata
from types import ModuleType

from ..errors import JudgeError, first_line


def import_module(module: str, package: str, note: str = "") -> ModuleType:
    """Import the module of a package. Raises JudgeError that says how to install it, and `note` after that."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:  # something that the package itself needs
            raise JudgeError(f"The package {package} cannot be used: {first_line(error)}.") from error
        raise JudgeError(f"The package {package} is not installed: pip install {package}.{note}") from error
    except ImportError as error:
        raise JudgeError(f"The package {package} cannot be used: {first_line(error)}.") from error


def version(package: str) -> str:
    """The installed version of a package, or "unknown"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
