"""Lists the models that a profile names: what each takes, which hub files it reads, which folders are not there."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .encoders import formats
from .paths import resolve
from .profiles import CaptioningSpec, GenerationSpec, Profile, Seat
from .runtime import hub
from .runtime.hub_files import HubFiles

# Of a LLaVA: all that transformers reads, and no second copy.
_WHOLE = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "*/*.json", "*/*.txt", "*/*.safetensors")


@dataclass(frozen=True)
class Part:
    """One model of a profile; `download_gb` and `memory_gb` (on a GPU, in `dtype`) are expected sizes in 10⁹ bytes."""

    label: str
    checkpoint: str
    download_gb: float
    memory_gb: float
    dtype: str = "float16"
    device: str | None = None


def parts(profile: Profile) -> list[Part]:
    """Lists a profile's models, each once: its seats first, then those of its other sections."""
    found = [_part(seat) for seat in profile.seats]
    for name, section in _sections(profile):
        found += [_part(seat) for seat in section.seats]
        found.append(Part(name, section.checkpoint, section.download_gb, section.memory_gb))
    return list(dict.fromkeys(found))


def absent_paths(profile: Profile) -> list[str]:
    """Lists the names of a profile that can only be folders of this machine and are not there."""
    return [name for name in _names(profile) if isinstance(place := hub.locate(name), Path) and not place.exists()]


def hub_files(profile: Profile) -> list[HubFiles]:
    """Lists the hub repositories that a profile names, each once, in the order in which they are loaded."""
    merged: dict[hub.Repository, HubFiles] = {}
    for each in _hub_files(profile):
        before = merged.get(each.repository, HubFiles(each.repository, ()))
        merged[each.repository] = HubFiles(
            each.repository,
            tuple(dict.fromkeys(before.base + each.base)),
            each.alternatives if before.alternatives == ((),) else before.alternatives,
        )
    return list(merged.values())


def hub_files_of_seat(seat: Seat) -> Iterator[HubFiles]:
    """Yields the hub files that one seat reads: those of its checkpoint, its processor and its adapter."""
    return formats.hub_files(seat.source())


def _hub_files(profile: Profile) -> Iterator[HubFiles]:
    for seat in profile.seats:
        yield from hub_files_of_seat(seat)
    for name, section in _sections(profile):
        for seat in section.seats:
            yield from hub_files_of_seat(seat)
        if hub.is_repository(section.checkpoint) and not resolve(section.checkpoint).exists():
            repository = hub.Repository.parse(section.checkpoint, getattr(section, "revision", None))
            yield HubFiles(repository, hub.STABLE_DIFFUSION if name == "generation" else _WHOLE)


def _part(seat: Seat) -> Part:
    return Part(seat.label, seat.checkpoint, seat.download_gb, seat.memory_gb, seat.dtype, seat.device)


def _sections(profile: Profile) -> list[tuple[str, GenerationSpec | CaptioningSpec]]:
    """The sections that load a model of their own, by name."""
    named = ((field.name, getattr(profile, field.name)) for field in dataclasses.fields(profile))
    return [(name, section) for name, section in named if hasattr(section, "checkpoint")]


def _names(profile: Profile) -> list[str]:
    seats = [*profile.seats, *(seat for _, section in _sections(profile) for seat in section.seats)]
    names = [name for seat in seats for name in (seat.checkpoint, seat.adapter, seat.processor) if name]
    return list(dict.fromkeys([*names, *(section.checkpoint for _, section in _sections(profile))]))
