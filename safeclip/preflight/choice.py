"""Chooses the best profile that this machine can run."""

from ..profiles import list_profiles, load_profile
from ..runtime.machine import Machine, this_machine
from .report import inspect
from .repositories import CACHED, FALLBACK

BEST_FIRST = ("vit-l-14", "vit-l-14-336", "vit-h-14")  # vit-l-14 is the paper's, and serves most tabs


def choose(machine: Machine | None = None) -> tuple[str, str]:
    """The name of the best profile that this machine can run, and why it is that one. Downloads nothing."""
    machine = machine or this_machine()
    if not machine.gpus and not machine.lends_gpu:
        return FALLBACK, "there is no GPU for the published models, and these need none"
    refused: list[str] = []
    for name in (each for each in BEST_FIRST if each in list_profiles()):
        report = inspect(load_profile(name), machine)
        if report.can_run:
            had = "cached" if {state.status for state in report.states} <= {CACHED} else "within reach"
            passed = f"; {' '.join(refused)}" if refused else ""
            return name, f"its models are {had} and fit ({machine}){passed}"
        refused.append(f"{name} cannot run: {report.problems[0]}")
    return FALLBACK, " ".join(refused)
