"""Typed options of a command: a dataclass, filled from its defaults, a TOML file and flags, the last winning."""

from __future__ import annotations

import argparse
import dataclasses
import math
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from safeclip.schema import parse, read_table

from .errors import BuildError

T = TypeVar("T", bound="Ranged")


def option(
    default: Any,
    help: str,
    metavar: str | None = None,
    *,
    positional: bool = False,
    least: float = -math.inf,
    most: float = math.inf,
) -> Any:
    """A field of an options class: its default, how `--help` explains it, and of a number the least and the most."""
    about = {"help": help, "metavar": metavar, "positional": positional, "range": (least, most)}
    return dataclasses.field(default=default, metadata=about)


@dataclasses.dataclass(frozen=True)
class Ranged:
    """Base of an options class whose numbers have bounds. Raises BuildError for one beyond them."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            (least, most), value = field.metadata["range"], getattr(self, field.name)
            if isinstance(value, int | float) and not least <= value <= most:
                bounds = f"from {least} to {most}"
                if most == math.inf:
                    bounds = f"at least {least}" if least > -math.inf else "a number"
                raise BuildError(f"{_flag(field)} must be {bounds}, not {value}.")


def read_options(cls: type[T], argv: Sequence[str], *, program: str, summary: str, epilog: str = "") -> T:
    """Parses the command line `argv` of `program`: a flag for each field of `cls`, and `--config` for a TOML file.

    Prints help or a usage error and exits, as argparse does. Raises BuildError for a TOML file that cannot be read,
    and ProfileError for an unknown key or a wrong type in it.
    """
    parser = argparse.ArgumentParser(
        prog=program, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        _add_flag(parser, field, hints[field.name])
    parser.add_argument("--config", metavar="FILE", help="a TOML file of these options; flags win over it")
    given = vars(parser.parse_args(argv))
    file = given.pop("config")
    base = parse(cls, read_table(Path(file), "options", BuildError), file=Path(file)) if file else cls()
    flags = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return dataclasses.replace(base, **flags)


def _add_flag(parser: argparse.ArgumentParser, field: dataclasses.Field, hint: Any) -> None:
    """Absent flags leave no attribute in the namespace, so that a TOML file or the default decides."""
    shown: dict[str, Any] = {"help": _help(field), "default": argparse.SUPPRESS}
    flag = _flag(field)
    kind, several = _kind(hint)
    if kind is bool:
        parser.add_argument(flag, action="store_true", **shown)
        return
    shown |= {"type": kind, "metavar": field.metadata["metavar"]}
    if field.metadata["positional"]:
        parser.add_argument(field.name, nargs="*" if several else "?", **shown)
    elif several:
        parser.add_argument(flag, nargs="+", **shown)
    else:
        parser.add_argument(flag, **shown)


def _flag(field: dataclasses.Field) -> str:
    return "--" + field.name.replace("_", "-")


def _kind(hint: Any) -> tuple[type, bool]:
    """The type of one value of an option, and whether the option takes several."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    return hint, False


def _help(field: dataclasses.Field) -> str:
    default = field.default
    shown = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    return field.metadata["help"] + (f" (default: {default})" if shown else "")
