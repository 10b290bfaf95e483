"""Stops of a tour: what to ask, what to point at, and what to say, read from content/tour.toml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safeclip.errors import ProfileError
from safeclip.schema import parse, read_table

from ..common.examples import Example

FILE = Path(__file__).parents[1] / "content" / "tour.toml"
MAX_STOPS = 12
MAX_SECONDS = 240  # of a whole tour
_FROM_EXAMPLES = 4  # stops of a tour that nobody wrote

Examples = Mapping[str, Sequence[Example[Any]]]  # by task


@dataclass(frozen=True)
class Stop:
    """One stop. `link` is what it asks, as the query string of an address; `seconds` is how long it should take.

    Instead of a link a stop may name a `task` and the label of an `example` of it: ids of images change with a gallery.
    The audience reads `title` and `point`, the speaker alone reads `notes`.
    """

    title: str
    point: str = ""
    notes: str = ""
    seconds: int = 20
    link: str = ""
    task: str = ""
    example: str = ""


@dataclass(frozen=True)
class Tour:
    """The stops of a tour in their order."""

    stops: tuple[Stop, ...] = ()

    @property
    def seconds(self) -> int:
        """How long the whole tour should take."""
        return sum(stop.seconds for stop in self.stops)


def tour_of(profile: str, examples: Examples, file: Path | None = None, *, over_its_gallery: bool = True) -> Tour:
    """The tour that is written for a profile, or one of its examples where there is none.

    What is written tells of the profile's own gallery, so another one has a tour of the examples too. Stops that name a
    task which the page does not have are left out. Each stop has a link. Raises ProfileError for a tour that cannot be
    walked.
    """
    path = file or FILE
    table = read_table(path, "tours").get(profile)
    if table is None or not over_its_gallery:
        return _tour_of_examples(examples)
    tour = parse(Tour, table, file=path, where=profile)
    if not 1 <= len(tour.stops) <= MAX_STOPS:
        raise ProfileError(f"{path}: the tour of “{profile}” has {len(tour.stops)} stops; it needs 1 to {MAX_STOPS}.")
    if tour.seconds > MAX_SECONDS:
        raise ProfileError(
            f"{path}: the tour of “{profile}” takes {tour.seconds} s; shorten its stops to {MAX_SECONDS} s in all."
        )
    stops = [stop for stop in tour.stops if not stop.task or stop.task in examples]
    return Tour(tuple(replace(stop, link=stop.link or _link(stop, examples, path)) for stop in stops))


def without_stops(profile: str) -> str:
    """Says that a profile's tour has no stops, and what to do about it."""
    return (
        f"The profile “{profile}” has neither a tour nor examples, which come from a gallery: give it a [retrieval] "
        f"section with a gallery, or write its tour into {FILE.name}."
    )


def _link(stop: Stop, examples: Examples, path: Path) -> str:
    """The link of the example that a stop names."""
    of_task = examples.get(stop.task, ())
    for example in of_task:
        if example.label == stop.example:
            return example.request.to_link()
    known = ", ".join(dict.fromkeys(example.label for example in of_task)) or "none"
    raise ProfileError(
        f"{path}: the stop “{stop.title}” has no link, and the task “{stop.task}” no example “{stop.example}”; "
        f"its examples: {known}."
    )


def _tour_of_examples(examples: Examples) -> Tour:
    """A tour of the first examples of the first task."""
    first = next(iter(examples.values()), ())
    return Tour(tuple(Stop(example.label, link=example.request.to_link()) for example in first[:_FROM_EXAMPLES]))
