"""Looks up each hub repository of a profile: whole in the cache, to be downloaded, gated, missing or out of reach."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HubError
from ..profile_files import absent_paths, hub_files, hub_files_of_seat
from ..profiles import Profile
from ..runtime import hub
from ..runtime.checkpoint_files import CheckpointFiles, truncated
from ..runtime.hub_files import HubFiles, cache_faults, cache_folder, cached_snapshot, is_cached
from ..runtime.machine import GB
from ..runtime.network import may_ask, why_unreachable

CACHED, REACHABLE, GATED, MISSING = "cached", "reachable", "gated", "missing"
INCOMPLETE, UNREACHABLE = "incomplete", "unreachable"

FALLBACK = "emoji"  # the profile whose models are in the package

_INSPECT_SECONDS = 5.0


@dataclass(frozen=True)
class RepositoryState:
    """State of one repository: a word of the above, 10⁹ bytes still to download, and what to do about a fault.

    `remark` are a few words on what is read of it, "" where there is nothing to say. INCOMPLETE is a copy in the cache
    whose download was interrupted, while the hub cannot be asked for the rest; `faults` names the files that it lacks.
    """

    name: str
    status: str
    download_gb: float = 0.0
    advice: str = ""
    faults: tuple[str, ...] = ()
    remark: str = ""

    @property
    def usable(self) -> bool:
        return self.status in (CACHED, REACHABLE)

    def __str__(self) -> str:
        to_fetch = f", {self.download_gb:.2f} GB to download" if self.download_gb else ""
        faults = f": {', '.join(self.faults)}" if self.faults else ""
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.status:12}{self.name}{to_fetch}{remark}{faults}"


def look_up(wanted: Sequence[HubFiles]) -> list[RepositoryState]:
    """The state of each repository, all asked at the same time; one that does not answer in time is unreachable."""
    if not wanted:
        return []
    online = may_ask()
    pool = ThreadPoolExecutor(len(wanted))
    try:
        asked = [pool.submit(_look_up, each, online) for each in wanted]
        deadline = time.monotonic() + _INSPECT_SECONDS + 1
        return [_by(deadline, each, answer) for each, answer in zip(wanted, asked, strict=True)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def problems(states: Sequence[RepositoryState]) -> list[str]:
    """Reasons why repositories cannot be used, one sentence for all that are out of reach."""
    silent = [state for state in states if state.status in (UNREACHABLE, INCOMPLETE)]
    advice = [state.advice for state in states if not state.usable and state.advice]
    return ([_unreachable(silent)] if silent else []) + advice


def require_reference(profile: Profile) -> None:
    """Raises HubError, in one sentence, when there is no hub and the reference's models are not whole in the cache.

    A profile that lacks another seat starts, and that seat says so.
    """
    wanted = hub_files(profile)
    if not wanted or may_ask():
        return
    out = [each for each in wanted if not is_cached(each)]
    if {each.repository for each in out} & {each.repository for each in hub_files_of_seat(profile.seats[0])}:
        raise HubError(_unreachable([_without_hub(each) for each in out]))


def out_of_reach(profile: Profile) -> list[str]:
    """The names of a profile that are neither folders of this machine nor whole in the cache of models."""
    absent = [str(each.repository) for each in hub_files(profile) if not is_cached(each)]
    return [*absent, *absent_paths(profile)]


def _look_up(wanted: HubFiles, online: bool) -> RepositoryState:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    name, repository = str(wanted.repository), wanted.repository
    if is_cached(wanted):
        return RepositoryState(name, CACHED)
    if not online:
        return _without_hub(wanted)
    try:
        client = hub.client()
        info = client.model_info(
            repository.id, revision=repository.revision, files_metadata=True, timeout=_INSPECT_SECONDS
        )
        if info.gated:
            client.auth_check(repository.id)
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        status = GATED if isinstance(error, GatedRepoError) else MISSING
        return RepositoryState(name, status, advice=str(hub.hub_error(error, repository)))
    except Exception:  # the hub's client and its HTTP library each have errors of their own
        return _without_hub(wanted)
    sizes = _sizes(info, wanted.files)
    if sizes is None:
        return RepositoryState(name, MISSING, advice=f"{name} has no weights in the format asked for.")
    if lacking := wanted.files.lacking(sizes):
        return RepositoryState(name, MISSING, advice=f"{name} has no {lacking[0]}; a {wanted.files.what} needs it.")
    remark = wanted.files.lacking_halves([file.rfilename for file in info.siblings or ()])
    return RepositoryState(name, REACHABLE, _to_download(sizes, cached_snapshot(repository)) / GB, remark=remark)


def _sizes(info: Any, files: CheckpointFiles) -> dict[str, int] | None:
    """Name → bytes of the files that would be read of a `model_info(…, files_metadata=True)`; None without weights."""
    from huggingface_hub.utils import filter_repo_objects

    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = files.among(sizes)
    for weights in files.weights:
        found = set(filter_repo_objects(sizes, allow_patterns=list(files.patterns(weights))))
        if not weights or found - set(filter_repo_objects(sizes, allow_patterns=list(files.patterns(())))):
            return {name: sizes[name] for name in found}
    return None


def _to_download(sizes: dict[str, int], snapshot: Path | None) -> int:
    """Bytes of the files that the cached snapshot does not hold whole."""
    broken = set() if snapshot is None else {path.relative_to(snapshot).as_posix() for path in truncated(snapshot)}
    had = set() if snapshot is None else {name for name in sizes if (snapshot / name).is_file()} - broken
    return sum(size for name, size in sizes.items() if name not in had)


def _by(deadline: float, wanted: HubFiles, answer: "Future[RepositoryState]") -> RepositoryState:
    try:
        return answer.result(timeout=max(0.0, deadline - time.monotonic()))
    except Late:
        return _without_hub(wanted)


def _without_hub(wanted: HubFiles) -> RepositoryState:
    """The state of a repository that is not whole in the cache, when the hub does not answer."""
    name = str(wanted.repository)
    if cached_snapshot(wanted.repository) is None:
        return RepositoryState(name, UNREACHABLE)
    return RepositoryState(name, INCOMPLETE, faults=tuple(cache_faults(wanted)))


def _unreachable(states: Sequence[RepositoryState]) -> str:
    names = [f"{each.name} ({', '.join(each.faults)})" if each.faults else each.name for each in states]
    are = "is" if len(names) == 1 else "are"
    whole = "whole " if any(each.faults for each in states) else ""
    return (
        f"{why_unreachable()}, and {', '.join(names)} {are} not {whole}in the cache of models ({cache_folder()}): "
        f"connect to a network, or use --profile {FALLBACK}, which needs none."
    )
