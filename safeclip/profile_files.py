"""Lists the checkpoints that a profile names: which hub files are read of each, and which folders are not there."""

from collections.abc import Iterator
from pathlib import Path

from .captioning.files import llava_files
from .encoders import formats
from .generation.families import pipeline_files
from .profiles import CaptioningSpec, GenerationSpec, Profile, Seat
from .runtime.checkpoint_files import CheckpointFiles
from .runtime.checkpoint_names import Repository, locate
from .runtime.hub_files import HubFiles


def named_checkpoints(profile: Profile) -> list[tuple[str, str]]:
    """Label and checkpoint of a profile's models, each once: its seats first, then those of its other sections."""
    found = [(seat.label, seat.checkpoint) for seat in profile.seats]
    for name, section in profile.model_sections.items():
        found += [(seat.label, seat.checkpoint) for seat in section.seats]
        found.append((name, section.checkpoint))
    return list(dict.fromkeys(found))


def absent_paths(profile: Profile) -> list[str]:
    """Lists the names of a profile that can only be folders of this machine and are not there."""
    return [name for name in _names(profile) if isinstance(place := locate(name), Path) and not place.exists()]


def hub_files(profile: Profile) -> list[HubFiles]:
    """Lists the hub repositories that a profile names, each once, in the order in which they are loaded."""
    merged: dict[Repository, CheckpointFiles] = {}
    for each in _hub_files(profile):
        before = merged.get(each.repository)
        merged[each.repository] = each.files if before is None else before | each.files
    return [HubFiles(repository, files) for repository, files in merged.items()]


def download_gb(profile: Profile) -> float:
    """10⁹ bytes of all checkpoints that a profile fetches, each once, as the profile itself says."""
    sections = profile.model_sections.values()
    seats = {seat.checkpoint: seat for seat in (*profile.seats, *(seat for each in sections for seat in each.seats))}
    return sum(seat.download_gb for seat in seats.values()) + sum(section.download_gb for section in sections)


def hub_files_of_seat(seat: Seat) -> Iterator[HubFiles]:
    """Yields the hub files that one seat reads: those of its checkpoint, its processor and its adapter."""
    return formats.hub_files(seat.source())


def _hub_files(profile: Profile) -> Iterator[HubFiles]:
    for seat in profile.seats:
        yield from hub_files_of_seat(seat)
    for section in profile.model_sections.values():
        for seat in section.seats:
            yield from hub_files_of_seat(seat)
        yield from hub_files_of_section(section)


def hub_files_of_section(section: GenerationSpec | CaptioningSpec) -> Iterator[HubFiles]:
    """Yields the hub files of a section's own model; nothing for one on this machine."""
    if not isinstance(locate(section.checkpoint), str):
        return
    if isinstance(section, GenerationSpec):
        files = pipeline_files(section.family, section.dtype)
        yield HubFiles(Repository.parse(section.checkpoint, section.revision), files)
    else:
        yield HubFiles(Repository.parse(section.checkpoint), llava_files(section.dtype))


def _names(profile: Profile) -> list[str]:
    seats = [*profile.seats, *(seat for section in profile.model_sections.values() for seat in section.seats)]
    names = [name for seat in seats for name in (seat.checkpoint, seat.adapter, seat.processor) if name]
    names += [section.checkpoint for section in profile.model_sections.values()]
    return list(dict.fromkeys(filter(None, [*names, profile.concepts])))
