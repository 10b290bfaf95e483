"""What every source of images is: a stable sequence of items that can be read on from any place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from safeclip.options import encodable


@dataclass(frozen=True)
class SourceItem:
    """One image of a source: its encoded `data`, or the reason (`fault`) why the source cannot deliver it.

    `name` is its place in the source, printable. `metadata` holds the other columns of its row, from which labels are
    read.
    """

    name: str
    data: bytes | None
    caption: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


class Source(Protocol):
    """A sequence of items in a fixed order.

    `origin` says for the gallery's records where the items come from, with the pinned revision where there is one;
    `license` is what the source says of itself. `fingerprint` changes whenever the order or number of the items may
    have changed: only while it is the same may a stopped import go on from a position. `count` is None when unknown.
    """

    origin: str
    license: str
    fingerprint: str
    count: int | None

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        """The items after the first `skip`, with one item, if only a fault, for each image of the source."""
        ...


def printable(name: str | bytes) -> str:
    """A file name as text that can be printed and stored: bytes that are not UTF-8 appear as \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def well_formed(item: SourceItem) -> SourceItem:
    """The item, with a question mark for each half of a surrogate pair in its texts: no file or hash takes those."""
    columns = {name: encodable(value) for name, value in item.metadata.items() if isinstance(value, str)}
    return replace(
        item,
        name=encodable(item.name),
        caption=encodable(item.caption),
        fault=encodable(item.fault),
        metadata={**item.metadata, **columns},
    )
