"""What a profile needs from elsewhere: repositories of the hub, with the files that are read of each."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..profiles import Profile, Seat, resolve
from . import hub

# Of a LLaVA: all that transformers reads, and no second copy.
_WHOLE = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "*/*.json", "*/*.txt", "*/*.safetensors")


@dataclass(frozen=True)
class Wanted:
    """A repository of the hub and the files read of it: all of `base`, and the first alternative that exists."""

    repository: hub.Repository
    base: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...] = ((),)


@dataclass(frozen=True)
class Part:
    """A model of a profile, and what it is expected to take: GB to download, GB of a GPU's memory in `dtype`."""

    label: str
    checkpoint: str
    download_gb: float
    memory_gb: float
    dtype: str = "float16"
    device: str | None = None


def parts(profile: Profile) -> list[Part]:
    """The models of a profile: its seats first, then those of its other sections, each once."""
    found = [_part(seat) for seat in profile.seats]
    for name, section in _sections(profile):
        found += [_part(seat) for seat in section.seats]
        found.append(Part(name, section.checkpoint, section.download_gb, section.memory_gb))
    return list(dict.fromkeys(found))


def absent_paths(profile: Profile) -> list[str]:
    """The names of a profile that can only be folders of this machine, and are not there."""
    return [name for name in _names(profile) if isinstance(place := hub.locate(name), Path) and not place.exists()]


def from_hub(profile: Profile) -> list[Wanted]:
    """The repositories that a profile names, each once, in the order in which they are loaded."""
    wanted: dict[hub.Repository, Wanted] = {}
    for each in _wanted(profile):
        before = wanted.get(each.repository, Wanted(each.repository, ()))
        wanted[each.repository] = Wanted(
            each.repository,
            tuple(dict.fromkeys(before.base + each.base)),
            each.alternatives if before.alternatives == ((),) else before.alternatives,
        )
    return list(wanted.values())


def is_cached(wanted: Wanted) -> bool:
    """Whether the cache holds everything that is wanted of a repository."""
    for patterns in wanted.alternatives:
        found = hub.cached(wanted.repository.id, wanted.base + patterns, wanted.repository.revision)
        if found is not None and (not patterns or hub.files_of(found, (patterns,))):
            return True
    return False


def _wanted(profile: Profile) -> Iterator[Wanted]:
    for seat in profile.seats:
        yield from of_seat(seat)
    for name, section in _sections(profile):
        for seat in section.seats:
            yield from of_seat(seat)
        if hub.is_repository(section.checkpoint) and not resolve(section.checkpoint).exists():
            repository = hub.Repository.parse(section.checkpoint, getattr(section, "revision", None))
            yield Wanted(repository, hub.STABLE_DIFFUSION if name == "generation" else _WHOLE)


def of_seat(seat: Seat) -> Iterator[Wanted]:
    """The repositories that one seat needs."""
    inputs = () if seat.processor else hub.PROCESSOR
    checkpoint = hub.locate(seat.checkpoint)
    if isinstance(checkpoint, str):
        if seat.kind == "hyperbolic":
            yield Wanted(hub.Repository.parse(checkpoint, seat.revision), hub.HYPERBOLIC)
        elif hub.is_open_clip(checkpoint):
            yield from _of_open_clip(checkpoint, seat.revision)
        else:
            repository = hub.Repository.parse(checkpoint, seat.revision)
            yield Wanted(repository, hub.CONFIG + inputs, hub.TRANSFORMERS_WEIGHTS)
    for name, files in ((seat.processor, hub.CONFIG + hub.PROCESSOR), (seat.adapter, hub.ADAPTER)):
        if name and isinstance(hub.locate(name), str):
            yield Wanted(hub.Repository.parse(name), files)


def _of_open_clip(name: str, revision: str | None) -> Iterator[Wanted]:
    scheme, _, source = name.partition(":")
    if scheme == "local-dir":
        return
    base = (hub.OPEN_CLIP_CONFIG, *hub.CONFIG, *hub.PROCESSOR)
    if scheme != "hf-hub" and not hub.is_repository(source):
        from open_clip.pretrained import get_pretrained_cfg  # it imports torch: only for whoever uses such a name

        tag = get_pretrained_cfg(scheme.replace("/", "-"), source)
        if not tag:
            return  # a file or a folder, or nothing: loading it will say
        source, _, file = tag["hf_hub"].rpartition("/")
        if file:
            yield Wanted(hub.Repository.parse(source, revision), (file,))
            return
    yield Wanted(hub.Repository.parse(source, revision), base, hub.OPEN_CLIP_WEIGHTS)


def _part(seat: Seat) -> Part:
    return Part(seat.label, seat.checkpoint, seat.download_gb, seat.memory_gb, seat.dtype, seat.device)


def _sections(profile: Profile) -> list[tuple[str, object]]:
    """The sections that load a model of their own, by name."""
    named = ((field.name, getattr(profile, field.name)) for field in dataclasses.fields(profile))
    return [(name, section) for name, section in named if hasattr(section, "checkpoint")]


def _names(profile: Profile) -> list[str]:
    seats = [*profile.seats, *(seat for _, section in _sections(profile) for seat in section.seats)]
    names = [name for seat in seats for name in (seat.checkpoint, seat.adapter, seat.processor) if name]
    return list(dict.fromkeys([*names, *(section.checkpoint for _, section in _sections(profile))]))
