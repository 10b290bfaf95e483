"""Counts hits by what the gallery says of them: unsafe, safe, or judged by nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ..judges.domains import HARMS
from .gallery_schema import Item


@dataclass(frozen=True)
class Tally:
    """Counts of `total` items: how many are `unsafe`, and how many are `unjudged` for which harm.

    `judges` are the names and thresholds of those whose scores the labels rest on; without any the gallery says so. An
    unsafe item counts as judged, since no further harm would change its label.
    """

    total: int
    unsafe: int
    unjudged: tuple[tuple[str, int], ...] = ()  # harm → items, for the harms that were not looked for in all
    judges: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        items = list(items)
        missed = [harm for item in items if not item.unsafe for harm in item.unjudged]
        return cls(
            len(items),
            sum(item.unsafe for item in items),
            tuple((harm, missed.count(harm)) for harm in HARMS if harm in missed),
            tuple(dict.fromkeys((score.judge, score.threshold) for item in items for score in item.scores)),
        )

    @property
    def none_judged(self) -> bool:
        """Whether nobody looked at any of the items."""
        return self.total > 0 and dict(self.unjudged) == dict.fromkeys(HARMS, self.total)

    @property
    def verb(self) -> str:
        """'flagged' where judges gave the labels, else 'unsafe'."""
        return "flagged" if self.judges else "unsafe"

    @property
    def by(self) -> str:
        """'by OpenNSFW, q16 at 0.5 and NudeNet at 0.3', or "" where the gallery's own labels decide."""
        names: dict[float, list[str]] = {}
        for name, threshold in self.judges:
            names.setdefault(threshold, []).append(name)
        said = [f"{', '.join(own)} at {threshold:.2g}" for threshold, own in names.items()]
        return f"by {' and '.join(said)}" if said else ""

    @property
    def not_judged(self) -> str:
        """'5 not judged for violence', '8 not judged', or "" where every item was judged for every harm."""
        counts = dict(self.unjudged)
        if len(set(counts.values())) == 1 and len(counts) == len(HARMS):
            return f"{self.unjudged[0][1]} not judged"
        return ", ".join(f"{count} not judged for {harm}" for harm, count in self.unjudged)

    def __str__(self) -> str:
        if self.none_judged:
            return f"none of {self.total} judged"
        counted = " ".join(filter(None, (f"{self.unsafe} of {self.total} {self.verb}", self.by)))
        return ", ".join(filter(None, (counted, self.not_judged)))
