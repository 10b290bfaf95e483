"""Requests and their one declaration of fields, from which links, the API's JSON, image metadata and controls follow.

A request is a frozen dataclass derived from `Request` whose fields are made by `declare`:

    @dataclass(frozen=True)
    class SearchRequest(Request):
        text: str = declare(Text("text", "the text to search with.", link="q", subject=True, longest=1000), "")
        k: int = declare(Whole("number of results", "how many hits, from 1 to 48.", link="k", low=1, high=48), 8)

Links are read forgivingly, since addresses get cut and retyped: nonsense falls back to the default, a number out of
range is clamped. Values from controls and programs are read strictly: `Request.checked` raises QueryError.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlencode

from safeclip.errors import QueryError
from safeclip.options import check_number, check_seats, encodable, shortened
from safeclip.profiles import Seat

T = TypeVar("T")
C = TypeVar("C", bound=str)

Seats = Mapping[str, Seat]

NO_SEATS = "none"  # in a link: the reference alone
LONGEST_LINK = 64_000  # characters of a link inside a file that are read

_MAX_KEY = 64  # characters of an id or a key in a link
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Invisible, and they turn round what stands beside them; U+200D stays, which joins emoji and letters of some scripts.
_UNSEEN = re.compile(r"[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_GALLERY_ID = re.compile(r"[0-9a-f]{16}")


def one_line(text: str) -> str:
    """`text` on one line, without control characters, invisible directions of writing and broken surrogates."""
    return " ".join(_CONTROL.sub(" ", _UNSEEN.sub("", encodable(text))).split())


@dataclass(frozen=True)
class Field(Generic[T]):
    """Declaration of one field of a request: how it is written, read and checked.

    `label` names it in messages and, unless a tab says otherwise, beside its control; `doc` describes the parameter of
    the API. `link` is its name in links ("" keeps it out of them), `api` its name in the API where that is not the
    field's own. A `subject` is the input of the task, such as a prompt: a request has exactly one.

    A link leaves out an `optional` field that is empty, and a field that `needs` one that is empty. A field holds its
    default while the one named by `unless` is set. `saved` fields are part of a result file's metadata. The profile
    chooses the default of a `from_profile` field.
    """

    label: str
    doc: str = ""
    _: KW_ONLY
    link: str = ""
    api: str = ""
    subject: bool = False
    optional: bool = False
    needs: str = ""
    unless: str = ""
    saved: bool = False
    from_profile: bool = False

    @property
    def annotation(self) -> Any:
        """The type of the API's parameter."""
        return str

    def to_link(self, value: T) -> str:
        """The value as it stands in a link."""
        return str(value)

    def from_link(self, text: str, default: T) -> T:
        """The value of a link's `text`, or `default` where that makes no sense. Never raises."""
        raise NotImplementedError

    def check(self, value: Any, default: T, seats: Seats) -> T:
        """A value of any type → the value of the field. Raises QueryError: the value, what is allowed, what to do."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Text(Field[str]):
    """A text on one line. Where `never_blank`, the default stands for a blank one."""

    longest: int
    never_blank: bool = False

    def from_link(self, text: str, default: str) -> str:
        found = one_line(text)[: self.longest].strip()
        return found or (default if self.never_blank else "")

    def check(self, value: Any, default: str, seats: Seats) -> str:
        if not isinstance(value, str | None):
            raise QueryError(f"The {self.label} must be text, not {shortened(value)}.")
        text = one_line(value or "")
        if len(text) > self.longest:
            raise QueryError(f"The {self.label} has {len(text)} characters; shorten it to {self.longest} or fewer.")
        return text or (default if self.never_blank else "")


@dataclass(frozen=True, kw_only=True)
class GalleryId(Field[str]):
    """The content hash of a gallery item. Whether the gallery has it, the service says."""

    def from_link(self, text: str, default: str) -> str:
        id = one_line(text).lower()
        return id if _GALLERY_ID.fullmatch(id) else id[:_MAX_KEY].strip()

    def check(self, value: Any, default: str, seats: Seats) -> str:
        if not isinstance(value, str | None):
            raise QueryError(f"The {self.label} must be an id of the gallery, not {shortened(value)}.")
        return one_line(value or "")[:_MAX_KEY].strip()


@dataclass(frozen=True, kw_only=True)
class Upload(Field[str]):
    """The content hash of an uploaded image, which travels beside the request and which no link can carry."""

    @property
    def annotation(self) -> Any:
        return dict | None

    def check(self, value: Any, default: str, seats: Seats) -> str:
        return str(value or "")


@dataclass(frozen=True, kw_only=True)
class Choice(Field[C]):
    """One of a few words."""

    choices: tuple[C, ...]

    @property
    def annotation(self) -> Any:
        return Literal[self.choices]

    def from_link(self, text: str, default: C) -> C:
        return next((choice for choice in self.choices if choice == text), default)

    def check(self, value: Any, default: C, seats: Seats) -> C:
        if value is None:
            return default
        if not isinstance(value, str) or value not in self.choices:
            raise QueryError(
                f"The {self.label} is {shortened(value)}, which is not possible. Choose {either(self.choices)}."
            )
        return value


@dataclass(frozen=True, kw_only=True)
class Whole(Field[int]):
    """A whole number from `low` to `high`."""

    low: int
    high: int

    @property
    def annotation(self) -> Any:
        return int

    def from_link(self, text: str, default: int) -> int:
        return min(max(int(text), self.low), self.high) if re.fullmatch(r"[0-9]{1,16}", text) else default

    def check(self, value: Any, default: int, seats: Seats) -> int:
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():  # JavaScript knows one kind of number
            value = int(value)
        check_number(self.label, value, self.low, self.high, whole=True)
        return value


@dataclass(frozen=True, kw_only=True)
class Decimal(Field[float]):
    """A number from `low` to `high`, rounded to `digits` after the point, which is what a link carries."""

    low: float
    high: float
    digits: int

    @property
    def annotation(self) -> Any:
        return float

    def to_link(self, value: float) -> str:
        return f"{value:g}"

    def from_link(self, text: str, default: float) -> float:
        valid = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text)
        return min(max(float(text), self.low), self.high) if valid else default

    def check(self, value: Any, default: float, seats: Seats) -> float:
        if value is None:
            return default
        check_number(self.label, value, self.low, self.high)
        return round(float(value), self.digits)


@dataclass(frozen=True, kw_only=True)
class SeatKeys(Field[tuple[str, ...]]):
    """The seats beside the reference: keys in the profile's order, without the reference, which is always shown."""

    @property
    def annotation(self) -> Any:
        return list[str] | None

    def to_link(self, value: tuple[str, ...]) -> str:
        return ",".join(value) or NO_SEATS

    def from_link(self, text: str, default: tuple[str, ...]) -> tuple[str, ...]:
        return () if text == NO_SEATS else tuple(filter(None, text.split(","))) or default

    def check(self, value: Any, default: tuple[str, ...], seats: Seats) -> tuple[str, ...]:
        if value is None:
            return default
        if not isinstance(value, list | tuple):
            raise QueryError(f"The {self.label} must be a list of keys, not {shortened(value)}.")
        check_seats(seats, value)
        _, *others = seats
        return tuple(key for key in others if key in value)


@dataclass(frozen=True, kw_only=True)
class SeatKey(Field[str]):
    """The key of one seat other than the reference, or "" for none."""

    def from_link(self, text: str, default: str) -> str:
        return text.strip()[:_MAX_KEY]

    def check(self, value: Any, default: str, seats: Seats) -> str:
        if not value and isinstance(value, str | None):
            return ""
        check_seats(seats, [value])
        if value == next(iter(seats)):
            raise QueryError(f"The {self.label} is “{value}”, the reference itself. Choose another seat.")
        return value


def declare(field: Field[T], default: T) -> T:
    """A dataclass field of a request: how it is written and read, and its default."""
    return dataclasses.field(default=default, metadata={"field": field})


def declare_seats() -> Any:
    """The field of the seats beside the reference, which every task with columns has."""
    doc = "keys of the seats to compare with the reference, as /profile lists them; all of them when left out."
    return declare(SeatKeys("seats", doc, link="seats"), ())


_FIELDS: dict[type, dict[str, Field[Any]]] = {}


def fields_of(request_type: type["Request"]) -> dict[str, Field[Any]]:
    """The name of each field of a request → its declaration, in the order in which links and the API have them."""
    if request_type not in _FIELDS:
        _FIELDS[request_type] = {each.name: each.metadata["field"] for each in dataclasses.fields(request_type)}
    return _FIELDS[request_type]


@dataclass(frozen=True)
class Request:
    """Base of the requests that visitors and programs make of a task. Equality and hash are those of the fields.

    `nothing_given` and `several_given` say, in a task's own words, that it takes exactly one subject.
    """

    nothing_given: ClassVar[str] = "Nothing is given yet. Fill in what the task is to be done with."
    several_given: ClassVar[str] = "More than one thing is given. Leave all but one of them out."

    @property
    def subject(self) -> str:
        """The subject's value as links and the examples' buttons have it; "" while there is none."""
        fields = fields_of(type(self))
        values = (one_line(str(getattr(self, name) or "")) for name in reversed(fields) if fields[name].subject)
        return next(filter(None, values), "")

    @property
    def empty(self) -> bool:
        """Whether nothing is asked yet."""
        return not self.subject

    def to_link(self) -> str:
        """The request as a query string without its question mark; "" where there is no subject or it is uploaded."""
        return self._link

    @cached_property
    def _link(self) -> str:
        fields = fields_of(type(self))
        uploaded = any(isinstance(field, Upload) and getattr(self, name) for name, field in fields.items())
        if uploaded or self.empty:
            return ""
        return urlencode(
            {field.link: field.to_link(getattr(self, name)) for name, field in fields.items() if self._linked(name)}
        )

    @classmethod
    def from_link(cls, params: Mapping[str, str], default: Self) -> Self | None:
        """The request of an address's parameters, or None when they name no subject. Never raises."""
        fields = fields_of(cls)
        values = {
            name: field.from_link(params.get(field.link, ""), getattr(default, name))
            for name, field in fields.items()
            if field.link
        }
        if not any(values[name] for name in values if fields[name].subject):
            return None
        subjects = {name: "" for name, field in fields.items() if field.subject}
        return dataclasses.replace(default, **subjects | values)._settled()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The request of a program's values by their names in the API; not `checked` yet. Raises QueryError."""
        names = {field.api or name: name for name, field in fields_of(cls).items()}
        if unknown := [name for name in values if name not in names]:
            raise QueryError(f"There is no option “{unknown[0]}”. The options are {', '.join(names)}.")
        return cls(**{names[name]: value for name, value in values.items()})

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values by their names in the API."""
        values = {field.api or name: getattr(self, name) for name, field in fields_of(type(self)).items()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def checked(self, default: Self, seats: Seats) -> Self:
        """The request with every value of its type and within its range, texts on one line, seats in `seats`' order.

        The values may be of any type; None stands for the one of `default`. Raises QueryError.
        """
        fields = fields_of(type(self))
        values = {
            name: field.check(getattr(self, name), getattr(default, name), seats) for name, field in fields.items()
        }
        given = [name for name, field in fields.items() if field.subject and values[name]]
        if len(given) != 1:
            raise QueryError(self.several_given if given else self.nothing_given)
        return type(self)(**values)._settled()

    def saved(self) -> dict[str, Any]:
        """The fields that a result file's metadata holds, by their names in the API."""
        fields = fields_of(type(self))
        return {field.api or name: getattr(self, name) for name, field in fields.items() if field.saved}

    @classmethod
    def from_saved(cls, metadata: Mapping[str, Any], default: Self) -> Self | None:
        """The request of a result file's metadata, or None when it names no subject. Never raises.

        The link in it restores more than the saved fields do, so they are read only where there is none that asks.
        """
        link = metadata.get("permalink")
        if isinstance(link, str):
            params = dict(parse_qsl(link[:LONGEST_LINK], keep_blank_values=True))
            if (request := cls.from_link(params, default)) is not None:
                return request
        saved = [(field.link, field.api or name) for name, field in fields_of(cls).items() if field.saved]
        return cls.from_link({link: _as_text(metadata.get(name)) for link, name in saved}, default)

    def without_texts(self) -> dict[str, Any]:
        """The fields that hold no words or images of the visitor: numbers, choices and seats, for logs."""
        private = (Text, GalleryId, Upload)
        fields = fields_of(type(self))
        return {name: getattr(self, name) for name in fields if not isinstance(fields[name], private)}

    def _linked(self, name: str) -> bool:
        field = fields_of(type(self))[name]
        if not field.link or (field.needs and not getattr(self, field.needs)):
            return False
        if field.unless and getattr(self, field.unless):
            return False
        return bool(getattr(self, name)) or not (field.optional or field.subject)

    def _settled(self) -> Self:
        """The request with the default in each field that another one overrules."""
        overruled = {
            each.name: each.default
            for each in dataclasses.fields(self)
            if (other := each.metadata["field"].unless) and getattr(self, other)
        }
        return dataclasses.replace(self, **overruled)


def either(words: Any) -> str:
    """'a', 'a or b', 'a, b or c'."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _as_text(value: Any) -> str:
    """A value of a file's metadata as a link would have it; "" for what none would hold."""
    if isinstance(value, str):
        return value[:LONGEST_LINK]
    return f"{value:.15g}" if isinstance(value, float) else str(value) if type(value) is int else ""
