"""Names the files that are read of a hub repository, and says whether the cache holds them."""

from dataclasses import dataclass

from . import hub


@dataclass(frozen=True)
class HubFiles:
    """Files read of one repository: all that match `base`, and those of the first of `alternatives` that exists.

    Patterns are those of `hub.fetch`; the empty alternative asks for nothing beside `base`.
    """

    repository: hub.Repository
    base: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...] = ((),)


def is_cached(files: HubFiles) -> bool:
    """Whether the hub's cache on this machine holds everything that `files` names."""
    for patterns in files.alternatives:
        found = hub.cached(files.repository.id, files.base + patterns, files.repository.revision)
        if found is not None and (not patterns or hub.files_of(found, (patterns,))):
            return True
    return False
