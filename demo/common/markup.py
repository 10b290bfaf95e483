"""Pieces of HTML that every part of the page shares. `Markup.format` escapes whatever is not Markup already."""

import json
from collections.abc import Iterable
from functools import cache
from string import Formatter
from typing import Any

from markupsafe import Markup, escape

EMPTY = Markup("")


class Pieces(list[str]):
    """HTML in pieces that whoever fills them in joins: a long text is copied once, not once a template around it."""


class Template(Markup):
    """Markup with {fields} that is taken apart once, for an answer fills in hundreds; `format` does as Markup's.

    Fields are names or empty, with a format or without, and nothing else.
    """

    def __new__(cls, text: str) -> "Template":
        made = super().__new__(cls, text)
        made._pieces = [(literal, name, spec) for literal, name, spec, _ in Formatter().parse(text)]
        return made

    _pieces: "list[tuple[str, str | None, str | None]]"

    def format(self, *args: Any, **fields: Any) -> Markup:  # type: ignore[override]  # what is filled in is no template
        return _trusted("".join(self.pieces(*args, **fields)))

    def pieces(self, *args: Any, **fields: Any) -> Pieces:
        """As `format`, in pieces. The values of both may be pieces."""
        filled, places = Pieces(), iter(args)
        for literal, name, spec in self._pieces:
            filled.append(literal)
            if name is not None:
                value = fields[name] if name else next(places)
                if type(value) is Markup:  # as most are
                    filled.append(value)
                elif isinstance(value, Pieces):
                    filled += value
                else:
                    filled.append(_filling(value, spec))
        return filled

    def partly(self, **fields: Any) -> "Template":
        """The template with some of its named fields filled in; a value that is a template brings its own fields."""
        text = []
        for literal, name, spec in self._pieces:
            text.append(_as_literal(literal))
            if name is None:
                continue
            if name not in fields:
                text.append(f"{{{name}:{spec}}}" if spec else f"{{{name}}}")
            elif isinstance(value := fields[name], Template):
                text.append(str(value))
            else:
                text.append(_as_literal(_filling(value, spec)))
        return Template("".join(text))


def _trusted(text: str) -> Markup:
    """Markup of a text that is HTML; Markup itself would look for more than a text first."""
    return str.__new__(Markup, text)


def _filling(value: Any, spec: str | None = None) -> str:
    """A value as HTML: what is Markup stays as it is, without a copy, and a number needs no escape."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, int | float):
        return format(value, spec or "")
    return escape(format(value, spec) if spec else value)


def _as_literal(text: str) -> str:
    """A text as it stands in a template."""
    return text.replace("{", "{{").replace("}", "}}")


def template(text: str) -> Template:
    """A piece of HTML with {fields}, written over several lines for the reader and sent without their white space.

    A line that begins with text or an attribute keeps one space before it; a line that begins with a tag or a field
    does not.
    """
    pieces = [line.strip() for line in text.strip().splitlines()]
    return Template("".join(piece if piece.startswith(("<", "{")) else f" {piece}" for piece in pieces).strip())


def fill(text: str, *args: Any, **fields: Any) -> Markup:
    """As Markup(text).format, for a literal that many answers fill in: it is taken apart once."""
    return _literal(text).format(*args, **fields)


@cache
def _literal(text: str) -> Template:
    return Template(text)


def join(parts: Iterable[Any], between: str = "") -> Markup:
    """Parts one after the other, each escaped unless it is Markup."""
    return _trusted(between.join([_filling(part) for part in parts]))


def plural(n: int, one: str, many: str | None = None) -> str:
    """'1 picture', '2 pictures', '4,212 pictures'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def send(event: str, **data: Any) -> Markup:
    """Attributes of a button that raises `event` of its gr.HTML component with `data`; see actions.js."""
    return _SEND.format(event, json.dumps(data))


def mark(unsafe: bool | None) -> Markup:
    """The sign of an unsafe item, a diamond, of a safe one, a disc, or of one that nobody judged (None), a ring.

    Shape and colour say the same thing.
    """
    return _MARKS[unsafe]


@cache
def icon(name: str) -> Markup:
    """A small line drawing, hidden from screen readers: its button has a name of its own."""
    return _ICON.format(_ICONS[name])


_SEND = template('data-send="{}" data-payload="{}"')
_MARKS = {
    flag: Markup('<i class="sc-mark sc-mark-{}" aria-hidden="true"></i>').format(look)
    for flag, look in {True: "unsafe", False: "safe", None: "unjudged"}.items()
}
_ICON = template('<svg class="sc-icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="{}"/></svg>')
_ICONS = {
    "arrow": "M3 10h13M11 5l5 5-5 5",
    "link": "M8.5 11.5a3 3 0 0 0 4.3 0l2.8-2.8a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-2.8 2.8a3 3 0 0 0 "
    "4.3 4.3l1-1",
    "download": "M10 3v10M6 9.5l4 4 4-4M3.5 17h13",
    "copy": "M7.5 7.5h9v9h-9zM12.5 7.5v-4h-9v9h4",
    "search": "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.5 18 18",
    "eye": "M1.5 10S4.5 4.5 10 4.5 18.5 10 18.5 10 15.5 15.5 10 15.5 1.5 10 1.5 10z"
    "M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
    "theme": "M10 2.5a7.5 7.5 0 1 0 0 15zM10 2.5a7.5 7.5 0 0 1 0 15",
}
