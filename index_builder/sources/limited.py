"""The first items of another source."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice

from .base import Source, SourceItem


class Limited:
    """The first `limit` items of `source`."""

    def __init__(self, source: Source, limit: int):
        self.source = source
        self.origin, self.license = source.origin, source.license
        self.fingerprint = f"{source.fingerprint}, the first {limit}"
        self.count: int | None = limit if source.count is None else min(limit, source.count)
        self._limit = limit

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        return islice(self.source.items(skip), max(0, min(self._limit, sys.maxsize) - skip))
