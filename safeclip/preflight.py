"""Says whether this machine can run a profile, before anything is loaded or downloaded and without importing torch."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path

from .errors import HubError
from .judges.registry import lacking
from .paths import resolve
from .profile_files import Part, absent_paths, hub_files, hub_files_of_seat, parts
from .profiles import Profile, list_profiles, load_profile
from .runtime import hub
from .runtime.hub_files import HubFiles, is_cached
from .runtime.machine import GB, Machine, free_disk_gb, this_machine

CACHED, REACHABLE, GATED, MISSING, UNREACHABLE = "cached", "reachable", "gated", "missing", "unreachable"

BEST_FIRST = ("vit-l-14", "vit-l-14-336", "vit-h-14")  # vit-l-14 is the paper's, and serves most tabs
FALLBACK = "emoji"

_INSPECT_SECONDS = 5.0
_HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class FileState:
    """How it stands with a repository: one of the words above, GB still to download, and what to do about a fault."""

    name: str
    status: str
    download_gb: float = 0.0
    advice: str = ""

    @property
    def usable(self) -> bool:
        return self.status in (CACHED, REACHABLE)


@dataclass(frozen=True)
class Report:
    """What was found. `fits` says where the models will run; `problems` are what keeps the profile from running."""

    profile: Profile
    machine: Machine
    states: tuple[FileState, ...]
    fits: str
    problems: tuple[str, ...]

    @property
    def can_run(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        profile = self.profile
        lines = [
            f"{profile.title} ({profile.name}): {profile.description}",
            f"Licence: {profile.license}",
            "",
            "Models",
        ]
        lines += [f"  {state.status:12}{state.name}{_to_fetch(state)}" for state in self.states]
        lines += [f"  here        {part.label}: {part.checkpoint}" for part in _here(profile)]
        if profile.generation:
            lines += ["", "Judges", *map(_judge, profile.generation.judges)]
        lines += ["", f"This machine: {self.machine}", self.fits]
        if self.problems:
            lines += ["", "It cannot run yet:", *(f"  - {problem}" for problem in self.problems)]
        else:
            lines += ["", f"It can run: python app.py --profile {profile.name}"]
        return "\n".join(lines)


def inspect(profile: Profile, machine: Machine | None = None) -> Report:
    """Look at the cache, the hub, the gallery and the machine; takes a few seconds at most, and downloads nothing."""
    machine = machine or this_machine()
    states = look_up(hub_files(profile))
    fits, too_big = _fit(parts(profile), machine)
    problems = [*_repository_problems(states), *_path_problems(profile), *_gallery_problems(profile), *too_big]
    problems += _disk_problems(states)
    return Report(profile, machine, tuple(states), fits, tuple(problems))


def look_up(wanted: Sequence[HubFiles]) -> list[FileState]:
    """The state of each repository, asked at the same time; one that does not answer in time is unreachable."""
    if not wanted:
        return []
    online = not hub.is_offline() and hub.is_reachable()
    pool = ThreadPoolExecutor(len(wanted))
    try:
        asked = [pool.submit(_look_up, each, online) for each in wanted]
        deadline = time.monotonic() + _INSPECT_SECONDS + 1
        return [_by(deadline, each, answer) for each, answer in zip(wanted, asked, strict=True)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def require_reference(profile: Profile) -> None:
    """Raise HubError, in one sentence, when there is no hub and the reference's models are not in the cache.

    A profile that lacks another seat starts, and that seat says so.
    """
    wanted = hub_files(profile)
    if not wanted or (not hub.is_offline() and hub.is_reachable()):
        return
    out = [each.repository for each in wanted if not is_cached(each)]
    if set(out) & {each.repository for each in hub_files_of_seat(profile.seats[0])}:
        raise HubError(_unreachable([str(repository) for repository in out]))


def choose(machine: Machine | None = None) -> tuple[str, str]:
    """The best profile that this machine can run, and why it is that one. Downloads nothing."""
    machine = machine or this_machine()
    if not machine.gpus and not machine.lends_gpu:
        return FALLBACK, "there is no GPU for the published models, and these need none"
    refused = []
    for name in (each for each in BEST_FIRST if each in list_profiles()):
        report = inspect(load_profile(name), machine)
        if report.can_run:
            passed = f"; {' '.join(refused)}" if refused else ""
            return name, f"its models are {_had(report.states)} and fit ({machine}){passed}"
        refused.append(f"{name} cannot run: {report.problems[0]}")
    return FALLBACK, " ".join(refused)


def _look_up(wanted: HubFiles, online: bool) -> FileState:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    repository = wanted.repository
    if is_cached(wanted):
        return FileState(str(repository), CACHED)
    if not online:
        return FileState(str(repository), UNREACHABLE)
    try:
        client = hub.client()
        info = client.model_info(
            repository.id, revision=repository.revision, files_metadata=True, timeout=_INSPECT_SECONDS
        )
        if info.gated:
            client.auth_check(repository.id)
    except Exception as error:  # the hub's client and its HTTP library each have errors of their own
        status = UNREACHABLE
        if isinstance(error, GatedRepoError):
            status = GATED
        elif isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError)):
            status = MISSING
        return FileState(str(repository), status, advice=str(hub.hub_error(error, repository)))
    sizes = (hub.size_of(info, wanted.base + patterns) for patterns in wanted.alternatives if _has(info, patterns))
    if (size := next(sizes, None)) is None:
        return FileState(str(repository), MISSING, advice=f"{repository} has no weights in the format asked for.")
    return FileState(str(repository), REACHABLE, size / GB)


def _has(info: object, patterns: tuple[str, ...]) -> bool:
    return not patterns or hub.size_of(info, patterns) > 0


def _by(deadline: float, wanted: HubFiles, answer: "Future[FileState]") -> FileState:
    try:
        return answer.result(timeout=max(0.0, deadline - time.monotonic()))
    except Late:
        return FileState(str(wanted.repository), UNREACHABLE)


def _repository_problems(states: Sequence[FileState]) -> list[str]:
    silent = [state.name for state in states if state.status == UNREACHABLE]
    told = [state.advice for state in states if not state.usable and state.status != UNREACHABLE]
    return ([_unreachable(silent)] if silent else []) + told


def _unreachable(names: Sequence[str]) -> str:
    are = "is" if len(names) == 1 else "are"
    return (
        f"{hub.host()} could not be reached, and {', '.join(names)} {are} not in the cache of models "
        f"({hub.cache_folder()}): connect to a network, or use --profile {FALLBACK}, which needs none."
    )


def _path_problems(profile: Profile) -> list[str]:
    return [f"{resolve(name)}: there is no such checkpoint. Correct its path." for name in absent_paths(profile)]


def _gallery_problems(profile: Profile) -> list[str]:
    """In the order of what to do: first a gallery, then an index of it."""
    if profile.retrieval is None:
        return []
    gallery, index = resolve(profile.retrieval.gallery), resolve(profile.retrieval.index)
    if not list(gallery.glob("data/test-*.parquet")):
        return [
            f"There is no gallery in {gallery} to search. Make one of your images, and its index: "
            f"python -m index_builder import IMAGES {profile.retrieval.gallery} && "
            f"python -m index_builder --profile {profile.name}"
        ]
    lacking = [seat.label for seat in profile.seats if not (index / seat.key / "manifest.json").is_file()]
    if lacking:
        return [f"There is no index for {', '.join(lacking)} yet: python -m index_builder --profile {profile.name}"]
    return []


def _disk_problems(states: Sequence[FileState]) -> list[str]:
    to_fetch = sum(state.download_gb for state in states)
    free = free_disk_gb(hub.cache_folder())
    if to_fetch <= free:
        return []
    return [
        f"{to_fetch:.1f} GB are to be downloaded to {hub.cache_folder()}, where {free:.1f} GB are free: "
        "make room, or set HF_HOME to another disk."
    ]


def _fit(parts: Sequence[Part], machine: Machine) -> tuple[str, list[str]]:
    """Where the models will run, and what of them does not fit."""
    on_cpu = [part for part in parts if part.device == "cpu" or not machine.gpus]
    ram = sum(part.memory_gb * (2 if part.dtype in _HALF else 1) for part in on_cpu)  # a CPU computes in float32
    gpu = sum(part.memory_gb for part in parts if part not in on_cpu)
    if not ram and not gpu:
        return "The models are small: they fit anywhere.", []
    said, problems = [], []
    if gpu:
        free = machine.gpus[0].free_gb
        said.append(f"{gpu:.1f} GB of the {free:.1f} GB free on the GPU")
        if gpu > free:
            problems.append(
                f"{gpu:.1f} GB of GPU memory are needed and {free:.1f} GB are free on {machine.gpus[0].name}: "
                'close what uses it, or give a seat device = "cpu".'
            )
    if ram:
        said.append(f"{ram:.1f} GB of the {machine.ram_gb:.1f} GB of memory, as a CPU computes in float32, slowly")
        if ram > machine.ram_gb:
            problems.append(
                f"{ram:.1f} GB of memory are needed and {machine.ram_gb:.1f} GB are free: use a machine with a GPU or "
                "more memory."
            )
    return f"The models take {' and '.join(said)}.", problems


def _here(profile: Profile) -> list[Part]:
    """The parts whose checkpoint is a folder of this machine."""
    return [
        part for part in parts(profile) if isinstance(place := hub.locate(part.checkpoint), Path) and place.exists()
    ]


def _judge(name: str) -> str:
    missing = lacking(name)
    return f"  {'missing' if missing else 'here':12}{name}" + (f": {missing}" if missing else "")


def _to_fetch(state: FileState) -> str:
    return f", {state.download_gb:.2f} GB to download" if state.download_gb else ""


def _had(states: Sequence[FileState]) -> str:
    kinds = {state.status for state in states}
    return "cached" if kinds <= {CACHED} else "within reach"


def out_of_reach(profile: Profile) -> list[str]:
    """The names of a profile that are neither folders of this machine nor in the cache of models."""
    absent = [str(each.repository) for each in hub_files(profile) if not is_cached(each)]
    return [*absent, *absent_paths(profile)]
