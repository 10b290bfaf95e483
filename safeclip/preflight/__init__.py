"""Says whether this machine can run a profile, before anything is loaded or downloaded and without importing torch."""

from .choice import BEST_FIRST, FALLBACK, choose
from .report import Report, inspect, require_judges
from .repositories import RepositoryState, out_of_reach, require_reference

__all__ = [
    "BEST_FIRST",
    "FALLBACK",
    "Report",
    "RepositoryState",
    "choose",
    "inspect",
    "out_of_reach",
    "require_judges",
    "require_reference",
]
