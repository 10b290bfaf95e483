"""Recipes: every hyper-parameter of a run in one TOML file, read strictly into the dataclass that defines it."""

import tomllib
from pathlib import Path
from typing import TypeVar

from safeclip.profiles import parse

T = TypeVar("T")


def read_recipe(cls: type[T], path: Path) -> T:
    """A recipe file as an instance of `cls`. Raises safeclip.errors.ProfileError naming an unknown or mistyped key."""
    return parse(cls, tomllib.loads(path.read_text(encoding="utf-8")), file=path)
