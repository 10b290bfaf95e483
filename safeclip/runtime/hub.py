"""Where a checkpoint is: in a folder, in the cache of the model hub, or on the hub, and how it gets here.

Nothing here imports torch, so that a machine can be judged before anything is loaded.
"""

import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..errors import CheckpointError, HubError, first_line
from ..paths import resolve

if TYPE_CHECKING:
    from huggingface_hub import HfApi

REACH_SECONDS = 3.0  # what a hub that answers at all needs far less than

_SILENT = "SAFECLIP_HUB_SILENT"  # set beside HF_HUB_OFFLINE when it was not the user who asked to stay offline
_TRUE = frozenset({"1", "true", "yes", "on"})
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_OPEN_CLIP_NAME = re.compile(r"[\w.-]{2,}:.+")  # two letters at least: one is a drive of Windows
_REMEMBER_SECONDS = 60.0

CONFIG = ("config.json",)
# Best first: a repository that has weights as safetensors is not asked for its archives too.
TRANSFORMERS_WEIGHTS = (("model*.safetensors", "model*.safetensors.index.json"), ("pytorch_model*.bin",))
OPEN_CLIP_CONFIG = "open_clip_config.json"
OPEN_CLIP_WEIGHTS = (("open_clip*.safetensors",), ("open_clip*.bin", "open_clip*.pt", "open_clip*.pth"))
HYPERBOLIC = ("hysac_model.safetensors", "hysac_model.pth", "hysac_bounds.json")
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
PROCESSOR = (
    *("tokenizer*.json", "vocab.json", "merges.txt", "special_tokens_map.json", "preprocessor_config.json"),
    "vocabulary.txt",
)
STABLE_DIFFUSION = (
    *("model_index.json", "scheduler/*.json", "tokenizer/*", "text_encoder/*.json", "unet/*.json", "vae/*.json"),
    *(f"text_encoder/model{end}.safetensors" for end in ("", "-*")),
    *(f"{part}/diffusion_pytorch_model{end}.safetensors" for part in ("unet", "vae") for end in ("", "-*")),
)


@dataclass(frozen=True)
class Repository:
    """A repository of the hub, pinned to a branch, tag or commit, or to nothing."""

    id: str
    revision: str | None = None

    @classmethod
    def parse(cls, name: str, revision: str | None = None) -> Self:
        """Read "owner/name" or "owner/name@revision"; the latter wins over `revision`."""
        id, _, pinned = name.partition("@")
        return cls(id, pinned or revision)

    def __str__(self) -> str:
        return f"{self.id}@{self.revision[:12]}" if self.revision else self.id


def locate(name: str) -> Path | str:
    """A checkpoint as it stands in a profile → its directory, or the name itself when it is not a path.

    A directory wins over a repository of the same name; "zoo/…" is a path wherever there is a folder "zoo".
    """
    path = resolve(name)
    return name if not path.exists() and (is_repository(name) or is_open_clip(name)) else path


def is_repository(name: str | Path) -> bool:
    """Whether `name` can only mean a repository of the hub, as there is no such folder."""
    if not isinstance(name, str) or not _REPOSITORY.fullmatch(name):
        return False
    first = name.split("/")[0]
    return not resolve(first).exists() and not Path(first).exists()


def is_open_clip(name: str | Path) -> bool:
    """Whether `name` is one of open_clip's: "hf-hub:owner/name", "local-dir:path" or "architecture:weights"."""
    return isinstance(name, str) and _OPEN_CLIP_NAME.fullmatch(name) is not None


def endpoint() -> str:
    """The address of the hub, or of the mirror that HF_ENDPOINT names."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"


def host() -> str:
    """The hub's name in messages."""
    return endpoint().split("://", 1)[-1]


def is_offline() -> bool:
    """Whether this process was told to keep off the network."""
    return any(os.environ.get(name, "").strip().lower() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def go_offline() -> None:
    """Keep this process off the network from here on: the hub did not answer, and its client would wait for it again.

    To be called before the hub's client is imported, which reads this once. Messages still name the hub as the fault.
    """
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.setdefault(name, "1")
    os.environ[_SILENT] = "1"


def is_reachable(timeout: float = REACH_SECONDS) -> bool:
    """Whether the hub answers within `timeout` seconds, name resolution and proxies included. Remembered a minute."""
    address = endpoint()
    with _asking:
        answer, asked = _answers.get(address, (False, -_REMEMBER_SECONDS))
        if time.monotonic() - asked >= _REMEMBER_SECONDS:
            answer = _ask(address, timeout)
            _answers[address] = answer, time.monotonic()
    return answer


_asking = threading.Lock()
_answers: dict[str, tuple[bool, float]] = {}


def _ask(address: str, timeout: float) -> bool:
    """In a thread, as a name server that does not answer is waited for whatever the timeout."""
    reached = threading.Event()

    def knock() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout).close()
            reached.set()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (403, 407):  # those are the words of a proxy or a firewall
                reached.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(timeout)
    return reached.is_set()


def fetch(name: str, patterns: Sequence[str], revision: str | None = None) -> Path:
    """The directory of a repository's snapshot with the files that match `patterns`, downloaded where need be.

    What is in the cache is used when the hub cannot be reached. Raises HubError, saying what to do.
    """
    from huggingface_hub import snapshot_download

    repository = Repository.parse(name, revision)
    online = not is_offline() and is_reachable()
    try:
        return Path(
            snapshot_download(
                repository.id,
                revision=repository.revision,
                allow_patterns=list(patterns),
                local_files_only=not online,
                endpoint=endpoint(),
            )
        )
    except Exception as error:  # the hub's client, its HTTP library and the disk each have errors of their own
        raise hub_error(error, repository, online=online) from error


def cached(name: str, patterns: Sequence[str], revision: str | None = None) -> Path | None:
    """As `fetch`, but only from the cache: None when something is not there."""
    from huggingface_hub import snapshot_download

    repository = Repository.parse(name, revision)
    try:
        found = snapshot_download(
            repository.id, revision=repository.revision, allow_patterns=list(patterns), local_files_only=True
        )
    except Exception:  # absent, incomplete or unreadable: all the same to who asks
        return None
    return Path(found)


def fetch_clip(name: str, revision: str | None = None, *, processor: bool = True, open_clip: bool = False) -> Path:
    """The snapshot of a CLIP in the transformers or the open_clip format; `processor`: with what it needs for inputs.

    Raises HubError, or CheckpointError when the repository has no weights in that format.
    """
    base = CONFIG + (PROCESSOR if processor else ()) + ((OPEN_CLIP_CONFIG,) if open_clip else ())
    for patterns in OPEN_CLIP_WEIGHTS if open_clip else TRANSFORMERS_WEIGHTS:
        directory = fetch(name, base + patterns, revision)
        if files_of(directory, (patterns,)):
            return directory
    other = f"For those in the transformers format, write {name}." if open_clip else f"Perhaps hf-hub:{name} has some."
    raise CheckpointError(f"{name}: the repository has no weights in the format asked for. {other}")


def files_of(directory: Path, alternatives: Sequence[Sequence[str]]) -> list[Path]:
    """The files of `directory` that match the first of the alternatives that any file matches."""
    for patterns in alternatives:
        if files := sorted(path for pattern in patterns for path in directory.glob(pattern)):
            return files
    return []


def require_files(directory: Path, patterns: Sequence[str], what: str) -> None:
    """Raise CheckpointError unless `directory` is there, with a file for each pattern; `what` is what it is to hold."""
    if not directory.is_dir():
        raise CheckpointError(f"{directory}: there is no such {what}. Correct its path in the profile.")
    for pattern in patterns:
        if not list(directory.glob(pattern)):
            raise CheckpointError(f"{directory}: {pattern} is missing; a {what} needs it.")


def hub_error(error: Exception, repository: Repository, *, online: bool = True) -> HubError:
    """What the hub's client raised, as one sentence with what to do."""
    from huggingface_hub import errors

    page = f"{endpoint()}/{repository.id}"
    if isinstance(error, errors.GatedRepoError):
        return HubError(
            f"{repository.id} is gated: accept its terms on {page}, then log in with `hf auth login` or set HF_TOKEN."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{repository.id} has no revision {repository.revision}: correct it in the profile.")
    if isinstance(error, (errors.RepositoryNotFoundError, errors.HFValidationError)):
        return HubError(
            f"There is no repository {repository.id} on {host()}, or it is private: correct its name in the profile, "
            "or log in with `hf auth login`."
        )
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        return HubError(f"{host()} refused {repository} with status {error.response.status_code}: try again later.")
    if not online or isinstance(error, errors.LocalEntryNotFoundError):
        return HubError(unreachable(repository))
    return HubError(f"{repository} could not be fetched from {host()}: {first_line(error)}")


def unreachable(repository: Repository) -> str:
    """Says that the hub is out of reach and the cache has no copy, and what to do about it."""
    told = is_offline() and _SILENT not in os.environ
    why = "HF_HUB_OFFLINE keeps this process off the network" if told else f"{host()} could not be reached"
    return (
        f"{why}, and {repository} is not in the cache of models ({cache_folder()}). "
        f"Run it once with a network, or fetch it with: hf download {repository.id}"
    )


def cache_folder() -> Path:
    """Where the hub's client keeps what it fetched."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()


def client() -> "HfApi":
    """The hub's client for the address in use."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint())


def size_of(info: Any, patterns: Sequence[str]) -> int:
    """Bytes of the files of a `model_info(…, files_metadata=True)` that match `patterns`."""
    from huggingface_hub.utils import filter_repo_objects

    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    return sum(sizes[name] for name in filter_repo_objects(sizes, allow_patterns=list(patterns)))
