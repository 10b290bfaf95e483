"""Says what a page shows of a profile some of whose repositories cannot be had, as it starts all the same."""

from collections.abc import Collection, Iterator, Sequence

from ..profile_files import hub_files_of_seat, hub_files_of_section
from ..profiles import Profile, Seat
from ..runtime.network import may_ask
from .repositories import RepositoryState


def starts_anyway(profile: Profile, states: Sequence[RepositoryState]) -> str:
    """A sentence on what the page starts without; "" where nothing is missing, or where it does not start at all.

    Without the hub the first seat must be whole in the cache (`repositories.require_reference`).
    """
    broken = {state.name for state in states if not state.usable}
    if not broken or (not may_ask() and _lacks(profile.seats[0], broken)):
        return ""
    left_out = list(dict.fromkeys(_left_out(profile, broken)))
    return f"The page starts all the same; these will say what they lack: {', '.join(left_out)}."


def _left_out(profile: Profile, broken: Collection[str]) -> Iterator[str]:
    for seat in profile.seats:
        if _lacks(seat, broken):
            yield seat.label
    for task, section in profile.model_sections.items():
        if any(str(files.repository) in broken for files in hub_files_of_section(section)):
            yield task
        for seat in section.seats:
            if _lacks(seat, broken):
                yield f"{seat.label} in {task}"


def _lacks(seat: Seat, broken: Collection[str]) -> bool:
    return any(str(files.repository) in broken for files in hub_files_of_seat(seat))
