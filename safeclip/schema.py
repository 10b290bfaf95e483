"""Reads a TOML or JSON table into a dataclass, strictly: the dataclass's type hints are the schema.

An unknown key, a missing one and a value of another type are errors that name the file and the key. So a new section of
a file is a new dataclass, and a new key is a new field.
"""

import dataclasses
import difflib
import json
import tomllib
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ProfileError, SafeClipError, first_line

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_TYPE_NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def read_table(path: Path, what: str, error: type[SafeClipError] = ProfileError) -> dict[str, Any]:
    """Reads a TOML file. Raises `error`, which names `what` the file holds, when it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise error(f"{path}: the {what} cannot be read ({reason.strerror}).") from reason
    except ValueError as reason:  # not UTF-8, or not TOML
        raise error(f"{path}: this is not a valid TOML file: {first_line(reason)}.") from reason


def toml_string(text: str) -> str:
    """Quotes a text for a TOML file: as in JSON, but DEL is escaped, and nothing as half of a surrogate pair."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse(cls: type[T], table: dict[str, Any], *, file: Path, where: str = "") -> T:
    """Makes an instance of the dataclass `cls` from `table`, whose keys are the fields of `cls`.

    Fields may be str, bool, int, float, dataclasses, tuples of these (a list in TOML), and any of them or None (a key
    that may be left out, as TOML has no null). A whole number counts as a float. `file` and `where`, the key of the
    table inside the file, are named in messages. Raises ProfileError for an unknown or missing key and a wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = get_type_hints(cls)
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            advice = f"Did you mean “{near[0]}”?" if near else f"Known keys: {', '.join(fields)}."
            raise ProfileError(f"{file}: unknown key “{_join(where, key)}”. {advice}")
    for key, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if key not in table and required:
            raise ProfileError(f"{file}: the key “{_join(where, key)}” is missing.")
    return cls(**{key: _value(hints[key], value, file, _join(where, key)) for key, value in table.items()})


def _value(hint: Any, value: Any, file: Path, where: str) -> Any:
    """`value` as the type `hint`."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, dict):
            return parse(hint, value, file=file, where=where)
        expected = "a table"
    elif get_origin(hint) is tuple:
        if isinstance(value, list):
            item = get_args(hint)[0]
            return tuple(_value(item, each, file, f"{where}[{i}]") for i, each in enumerate(value))
        expected = "a list"
    else:
        if type(value) is hint:  # not isinstance: true is not a number
            return value
        if hint is float and type(value) is int:
            return float(value)
        expected = _TYPE_NAMES[hint]
    raise ProfileError(f"{file}: the key “{where}” must be {expected}, but it is {value!r}.")


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
