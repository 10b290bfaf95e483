"""Packages that judges come from and that need not be installed."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from types import ModuleType

from ..errors import JudgeError, first_line


@contextmanager
def named_errors(failed: str) -> Iterator[None]:
    """Turns whatever a package, its runtime or the system raises into a JudgeError that says what `failed`."""
    try:
        yield
    except Exception as error:
        raise JudgeError(f"{failed}: {first_line(error)}") from error


@dataclass(frozen=True)
class Package:
    """One package: `name` for pip, `module` for import, and a `note` for whoever is about to install it."""

    name: str
    module: str
    note: str = ""

    @property
    def installed(self) -> bool:
        """Whether the module can be found; it is not imported."""
        return find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Installed version, or "unknown"."""
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:
            return "unknown"

    def load(self) -> ModuleType:
        """Imports the module. Raises JudgeError, saying how to install the package or what keeps it from loading."""
        try:
            return importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name != self.module:  # something that the package itself needs
                raise JudgeError(f"The package {self.name} cannot be used: {first_line(error)}.") from error
            note = f" {self.note}" if self.note else ""
            raise JudgeError(f"The package {self.name} is not installed: pip install {self.name}.{note}") from error
        except ImportError as error:
            raise JudgeError(f"The package {self.name} cannot be used: {first_line(error)}.") from error
