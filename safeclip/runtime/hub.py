"""Finds a checkpoint's folder, downloading what the cache lacks, and words what the hub's client raises.

Importing it does not import torch, so that a machine can be judged before anything is loaded.
"""

import logging
import re
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError, HubError, first_line
from .checkpoint_files import CheckpointFiles, truncated
from .checkpoint_names import Repository, locate
from .hub_files import HubFiles, cache_faults, cache_folder, cached_snapshot
from .network import endpoint, host, may_ask, why_unreachable

if TYPE_CHECKING:
    from huggingface_hub import HfApi


log = logging.getLogger(__name__)

_PEEK_SECONDS = 5.0
_COMMIT = re.compile("[0-9a-f]{40}")


def checkpoint_folder(name: str, files: CheckpointFiles, revision: str | None = None) -> Path:
    """The folder of a checkpoint as a profile names it; a repository of the hub is downloaded where need be.

    Raises HubError, or CheckpointError when the repository has no such weights. A local folder is not looked into.
    """
    place = locate(name)
    return place if isinstance(place, Path) else fetch(place, files, revision)


def fetch(name: str, files: CheckpointFiles, revision: str | None = None) -> Path:
    """The folder of a repository's snapshot with the files of a layout, downloaded where the cache lacks them.

    Without a network the cached copy is used when it is whole. Raises HubError, saying what to do, and CheckpointError
    when the repository has no weights of the layout.
    """
    repository = Repository.parse(name, revision)
    if not may_ask():
        snapshot, faults = cached_snapshot(repository), cache_faults(HubFiles(repository, files))
        if snapshot is None or faults:
            raise HubError(missing_offline(repository, faults))
        return snapshot
    files = _with_names(repository, files)
    for weights in files.weights:
        folder = _download(repository, files.patterns(weights))
        if files.has_weights(folder):
            return folder
    hint = files.hint.format(name=name)
    raise CheckpointError(f"{name}: the repository has no weights in the format asked for. {hint}".rstrip())


def peek(repository: Repository, name: str) -> str | None:
    """The text of one small file of a repository, which is not kept; None where neither cache nor hub has it."""
    from huggingface_hub import hf_hub_download

    cached = cached_snapshot(repository)
    if cached is not None and (cached / name).is_file():
        return (cached / name).read_text(encoding="utf-8")
    if not may_ask():
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = hf_hub_download(
                repository.id,
                name,
                revision=repository.revision,
                endpoint=endpoint(),
                cache_dir=folder,
                etag_timeout=_PEEK_SECONDS,
            )
            return Path(file).read_text(encoding="utf-8")
        except Exception:  # what keeps it from being had is told where it is needed
            return None


def commit_of(repository: Repository) -> str:
    """The commit of a repository's copy in the cache; of one that was never fetched, the commit that the hub has now.

    Raises HubError.
    """
    if _COMMIT.fullmatch(repository.revision or ""):
        return str(repository.revision)
    if (cached := cached_snapshot(repository)) is not None:
        return cached.name
    if not may_ask():
        raise HubError(missing_offline(repository))
    try:
        return str(client().model_info(repository.id, revision=repository.revision, timeout=_PEEK_SECONDS).sha)
    except Exception as error:  # as in `_download`
        raise hub_error(error, repository) from error


def published_dataset(name: str, needed: tuple[str, ...], patterns: tuple[str, ...]) -> Path | None:
    """The folder of a dataset's snapshot with the files that match `patterns`, downloaded where the cache lacks them.

    None for a dataset without a file for each of the patterns `needed`, and where neither cache nor hub has it.
    """
    from huggingface_hub import snapshot_download

    repository, online = Repository.parse(name), may_ask()
    try:
        if online:
            files = client().list_repo_files(repository.id, repo_type="dataset", revision=repository.revision)
            if not all(any(fnmatch(file, pattern) for file in files) for pattern in needed):
                return None
        folder = snapshot_download(
            repository.id,
            repo_type="dataset",
            revision=repository.revision,
            endpoint=endpoint(),
            allow_patterns=list(patterns),
            local_files_only=not online,
        )
    except Exception as error:  # the hub's client, its HTTP library and the disk each have errors of their own
        log.info("%s is not read as a published gallery: %s", repository, first_line(error))
        return None
    return Path(folder) if all(any(Path(folder).glob(pattern)) for pattern in needed) else None


def hub_error(error: Exception, repository: Repository, *, dataset: bool = False) -> HubError:
    """Turns what the hub's client raised of a model, or a dataset, into one sentence that says what to do."""
    from huggingface_hub import errors

    where = "" if dataset else " in the profile"
    page = f"{endpoint()}/{'datasets/' if dataset else ''}{repository.id}"
    if isinstance(error, errors.GatedRepoError):
        return HubError(
            f"{repository.id} is gated: accept its terms on {page}, then log in with `hf auth login` or set HF_TOKEN."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{repository.id} has no revision {repository.revision}: correct it{where}.")
    if isinstance(error, (errors.RepositoryNotFoundError, errors.HFValidationError)):
        return HubError(
            f"There is no repository {repository.id} on {host()}, or it is private: correct its name{where}, "
            "or log in with `hf auth login`."
        )
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        return HubError(f"{host()} refused {repository} with status {error.response.status_code}: try again later.")
    if isinstance(error, errors.LocalEntryNotFoundError):
        return HubError(missing_offline(repository, dataset=dataset))
    return HubError(f"{repository} could not be fetched from {host()}: {first_line(error)}")


def missing_offline(repository: Repository, faults: list[str] | None = None, *, dataset: bool = False) -> str:
    """Says that the hub is out of reach and what the cache lacks of a repository, and what to do about it."""
    if faults is None or cached_snapshot(repository) is None:
        lack = f"{repository} is not in the cache of models ({cache_folder()})"
    else:
        lack = f"the copy of {repository} in the cache of models ({cache_folder()}) is incomplete: {', '.join(faults)}"
    revision = f" --revision {repository.revision}" if repository.revision else ""
    fetch = f"hf download {'--repo-type dataset ' if dataset else ''}{repository.id}{revision}"
    return f"{why_unreachable()}, and {lack}. Run it once with a network, or fetch it with: {fetch}"


def client() -> "HfApi":
    """The hub's client for the address in use."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint())


def make_repository(api: "HfApi", name: str, *, kind: str = "model", private: bool, sdk: str | None = None) -> None:
    """Makes a repository of the hub where there is none. `kind` is model, dataset or space, which alone has an `sdk`.

    Raises HubError for a public one that is there already where a `private` one is asked for; what the hub's client
    raises is raised on.
    """
    api.create_repo(name, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
    if private and not api.repo_info(name, repo_type=kind).private:
        raise HubError(f"{name} is there already, and public. Make it private on the hub, or give another name.")


def _with_names(repository: Repository, files: CheckpointFiles) -> CheckpointFiles:
    """The layout with the names of the weights to fetch: those of a whole copy in the cache, else what the hub has."""
    if not files.half:
        return files
    snapshot = cached_snapshot(repository)
    if snapshot is not None and not cache_faults(HubFiles(repository, files)):
        return files.inside(snapshot)
    try:
        found = client().model_info(repository.id, revision=repository.revision)
    except Exception as error:  # as in `_download`
        raise hub_error(error, repository) from error
    names = [file.rfilename for file in found.siblings or ()]
    if lack := files.lacking_halves(names):
        log.info("%s: %s", repository, lack)
    return files.among(names)


def _download(repository: Repository, patterns: tuple[str, ...]) -> Path:
    """The snapshot with the repository's files that match `patterns`; one that is cut short is downloaded again."""
    from huggingface_hub import hf_hub_download, snapshot_download

    id, revision, address = repository.id, repository.revision, endpoint()
    try:
        folder = Path(snapshot_download(id, revision=revision, endpoint=address, allow_patterns=list(patterns)))
        for path in truncated(folder):
            name = path.relative_to(folder).as_posix()
            hf_hub_download(id, name, revision=revision, endpoint=address, force_download=True)
    except Exception as error:  # the hub's client, its HTTP library and the disk each have errors of their own
        raise hub_error(error, repository) from error
    return folder
