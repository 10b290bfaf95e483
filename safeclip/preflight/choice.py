"""Chooses the best profile that this machine can run, task by task."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..profile_changes import TASKS, with_tasks
from ..profiles import Profile, list_profiles, load_profile
from ..runtime.machine import Machine, this_machine
from ..runtime.network import may_ask, why_unreachable
from .report import inspect
from .repositories import CACHED, FALLBACK

BEST_FIRST = ("vit-l-14", "vit-l-14-336", "vit-h-14")  # vit-l-14 is the paper's, and serves most tabs

_ON_CPU = ("retrieval",)
_WHY_NOT_ON_CPU = "without a GPU Stable Diffusion takes minutes for a picture and LLaVA-1.5 28 GB of memory"


def choose(machine: Machine | None = None) -> tuple[Profile, str]:
    """The best profile that this machine can run, and why it is that one and not more. Downloads nothing.

    A task that the published models cannot serve here is left to the embedded ones.
    """
    machine = machine or this_machine()
    has_gpu = bool(machine.gpus or machine.lends_gpu)
    refused: list[str] = []
    for profile in (load_profile(name) for name in BEST_FIRST if name in list_profiles()):
        seated = [task for task in TASKS if getattr(profile, task) is not None]
        taken, had, lacking = _runnable(profile, seated if has_gpu else _ON_CPU, machine)
        if taken:
            reasons = [*lacking, *([] if has_gpu else [_WHY_NOT_ON_CPU])]
            left = [task for task in TASKS if task not in taken]
            others = f"; {', '.join(left)} by the embedded models: {' '.join(reasons)}" if left and reasons else ""
            why = f"{', '.join(taken)} by {profile.name}, whose models are {had} and fit ({machine}){others}"
            said = "; ".join(each.rstrip(".") for each in (why, *refused))
            return beside(profile, taken, load_profile(FALLBACK)), said
        refused.append(f"{profile.name} cannot run: {lacking[0]}")
    if not may_ask():
        refused = [f"{why_unreachable()}, and no published model is whole in the cache of models"]
    return load_profile(FALLBACK), "; ".join(each.rstrip(".") for each in refused)


def beside(profile: Profile, tasks: Iterable[str], other: Profile) -> Profile:
    """A profile with these tasks of `profile`, and with those of `other` that are left; `profile` itself for all."""
    kept = with_tasks(profile, tasks)
    left: dict[str, Any] = {
        name: replace(section, seats=section.seats or other.seats)
        for name, section in other.model_sections.items()
        if name not in tasks
    }
    if not left:
        return kept
    return replace(
        kept,
        name=f"{profile.name}+{other.name}",
        title=f"{profile.title} beside {other.title}",
        description=f"{profile.description} {', '.join(left).capitalize()}: {other.description}",
        license=f"{profile.license}; {other.title}: {other.license}",
        **left,
    )


def _runnable(profile: Profile, tasks: Sequence[str], machine: Machine) -> tuple[list[str], str, list[str]]:
    """Those of the tasks that can run here, where their models are, and what each of the others lacks."""
    taken, lacking, cached = [], [], True
    for task in tasks:
        report = inspect(with_tasks(profile, [task]), machine)
        if report.can_run:
            taken.append(task)
            cached = cached and {state.status for state in report.states} <= {CACHED}
        else:
            lacking.append(report.problems[0])
    return taken, "cached" if cached else "within reach", lacking
