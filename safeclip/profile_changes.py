"""Changes of a profile by flags: another seat, another reference, fewer tasks, another gallery."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import ProfileError
from .paths import resolve
from .profiles import Profile, RetrievalSpec, Seat, list_profiles, load_profile
from .runtime import hub
from .runtime.checkpoint_files import IMAGE_PROCESSOR, TOKENIZER, model_type
from .runtime.checkpoint_names import Repository, is_open_clip, is_repository
from .runtime.hub_files import cached_snapshot
from .runtime.network import may_ask

TASKS = ("retrieval", "generation", "captioning")
IMPORTED_ROWS = 10_000  # of a folder or a dataset, unless others are named

_HUB_DATASET = re.compile(r"hf://datasets/(.+)")
_PUSHED = ("data/test-*.parquet", "index/*/manifest.json")  # files of every dataset that the index builder pushed
# Lines of the params.txt beside open_clip's checkpoints.
_MODEL_LINE = re.compile(r"^model: (\S+)$", re.MULTILINE)
_QUICK_GELU_LINE = re.compile(r"^force_quick_gelu: True$", re.MULTILINE)


@dataclass(frozen=True)
class _Named:
    """Fields of a seat for a flag's checkpoint, by what the checkpoint turns out to be."""

    checkpoint: str
    adapter: str | None = None
    processor: str | None = None
    kind: str = "clip"


def with_seat(profile: Profile, text: str) -> Profile:
    """Adds a seat, "label=checkpoint" or "label=checkpoint+adapter"; see `docs/profiles.md`. Raises ProfileError.

    A checkpoint is a folder or repository of transformers, of open_clip, of a PEFT adapter of the reference or of
    HySAC, an open_clip name, or the `epoch_K.pt` of a training run of open_clip.
    """
    label, named = _read(text, profile.seats[0], "--seat")
    key = _key(label, {seat.key for seat in profile.seats})
    seat = Seat(key, label, named.checkpoint, named.adapter, processor=named.processor, kind=named.kind)
    return _reindexed(replace(profile, seats=(*profile.seats, seat)))


def with_reference(profile: Profile, text: str) -> Profile:
    """Puts another encoder in the first seat, "label=checkpoint". Raises ProfileError."""
    first = profile.seats[0]
    label, named = _read(text, first, "--reference")
    reference = Seat(
        first.key, label, named.checkpoint, named.adapter, processor=named.processor, kind=named.kind, dtype=first.dtype
    )
    return _reindexed(replace(profile, seats=(reference, *profile.seats[1:])))


def with_tasks(profile: Profile, tasks: Iterable[str]) -> Profile:
    """Keeps these tasks of a profile alone. Raises ProfileError for one that is unknown or not seated."""
    kept = tuple(tasks)
    for task in kept:
        if task not in TASKS:
            raise ProfileError(f"There is no task “{task}”. Tasks: {', '.join(TASKS)}.")
        if getattr(profile, task) is None:
            raise ProfileError(f"The profile “{profile.name}” has no [{task}] section, so --tasks cannot name it.")
    left_out: dict[str, Any] = {task: None for task in TASKS if task not in kept}
    return replace(profile, **left_out)


def with_gallery(profile: Profile, place: str, *, rows: int = 0, fetch: bool = True) -> Profile:
    """Searches another gallery: one of the index builder, a folder of images, or "hf://datasets/owner/name@revision".

    Of the latter two the first `rows` images are taken, 0 for IMPORTED_ROWS. A dataset that the index builder has
    pushed is downloaded and searched by its own indexes, unless `rows` are named or `fetch` is off. Raises ProfileError
    when there is no such folder, for negative `rows`, and for `rows` of a gallery, which is searched whole.
    """
    if rows < 0:
        raise ProfileError(f"--gallery-rows is {rows}. Give the number of images to take, or 0 for {IMPORTED_ROWS:,}.")
    judges = (profile.retrieval or RetrievalSpec()).judges
    if dataset := _HUB_DATASET.fullmatch(place):
        pushed = _pushed(profile, dataset[1]) if fetch and not rows else None
        spec = pushed or RetrievalSpec(source=f"hub:{dataset[1]}", judges=judges, rows=rows or IMPORTED_ROWS)
    elif not (folder := Path(os.path.expanduser(place)).absolute()).is_dir():
        raise ProfileError(f"{place}: there is no such folder. --gallery takes a folder, or hf://datasets/OWNER/NAME.")
    elif list(folder.glob("data/test-*.parquet")):
        if rows:
            raise ProfileError(f"{place} is a gallery, which is searched whole. Leave out --gallery-rows.")
        spec = RetrievalSpec(gallery=str(folder))
    else:
        spec = RetrievalSpec(source=str(folder), judges=judges, rows=rows or IMPORTED_ROWS)
    return replace(profile, retrieval=spec)


def searches_its_gallery(profile: Profile) -> bool:
    """Whether a profile of the package searches the gallery that it names there; true of any other profile."""
    if profile.retrieval is None or profile.name not in list_profiles():
        return True
    written = load_profile(profile.name).retrieval
    spec = profile.retrieval
    return written is not None and (resolve(written.gallery), written.source) == (resolve(spec.gallery), spec.source)


def _pushed(profile: Profile, dataset: str) -> RetrievalSpec | None:
    """Gallery and indexes of a dataset of `index_builder push`; None for another one.

    Where it lacks the index of a seat, the page makes all indexes. Each is checked when it is opened: its manifest
    holds the hashes of the encoder's weights, of the gallery and of its own files.
    """
    folder = hub.published_dataset(dataset, _PUSHED, (*_PUSHED, "index/*", "README.md"))
    if folder is None:
        return None
    whole = all((folder / "index" / seat.key / "manifest.json").is_file() for seat in profile.seats)
    return RetrievalSpec(gallery=str(folder), index=str(folder / "index") if whole else "")


def _reindexed(profile: Profile) -> Profile:
    """The profile without a place of its index, which holds no folder of the new seat: the page makes one."""
    if profile.retrieval is None:
        return profile
    return replace(profile, retrieval=replace(profile.retrieval, index=""))


def _read(text: str, reference: Seat, flag: str) -> tuple[str, _Named]:
    label, equals, name = text.partition("=")
    if not (label.strip() and equals and name.strip()):
        raise ProfileError(f"{flag} {text!r}: write it as label=checkpoint, such as 'Mine=my/checkpoint'.")
    name, _, adapter = name.strip().partition("+")
    name = name or reference.checkpoint
    named = _recognised(name, reference)
    return label.strip(), replace(named, adapter=adapter) if adapter else named


def _recognised(name: str, reference: Seat) -> _Named:
    """Tells what is stored under a name by its files. A hub that does not answer leaves transformers' format."""
    path = resolve(name)
    if path.is_file():
        return _Named(_training_run(name, path))
    if is_open_clip(name) and not path.exists():
        return _Named(name)
    if not path.is_dir() and not is_repository(name):
        raise ProfileError(f"{name}: this is neither a file, nor a folder, nor a repository such as owner/name.")
    files = _files(name, path)
    processor = reference.processor or reference.checkpoint
    if "adapter_config.json" in files:
        return _Named(reference.checkpoint, adapter=name, processor=reference.processor)
    if any(file.startswith("hysac_model.") for file in files):
        return _Named(name, processor=processor, kind="hyperbolic")
    if model_type(path) == "siglip":
        return _Named(name, kind="siglip")
    whole = all(any(files >= {*names} for names in group) for group in (IMAGE_PROCESSOR, TOKENIZER))
    return _Named(name, processor=processor if files and not whole and "config.json" in files else None)


def _training_run(name: str, file: Path) -> str:
    """The open_clip name of a run's checkpoint, whose architecture stands in the run's params.txt."""
    for params in (file.with_name("params.txt"), file.parent.parent / "params.txt"):
        text = params.read_text(encoding="utf-8", errors="replace") if params.is_file() else ""
        if found := _MODEL_LINE.search(text):
            quick = _QUICK_GELU_LINE.search(text) and not found[1].endswith("quickgelu")
            return f"{found[1]}{'-quickgelu' if quick else ''}:{name}"
    raise ProfileError(
        f"{name}: nothing beside this file says its architecture (params.txt of open_clip's run). "
        f"Name it: ViT-L-14-quickgelu:{name}"
    )


def _files(name: str, path: Path) -> set[str]:
    """Names of the files of a folder, of a cached snapshot or of a repository; none where the hub does not say."""
    repository = Repository.parse(name)
    place = path if path.is_dir() else cached_snapshot(repository)
    if place is not None and (path.is_dir() or not may_ask()):
        return {file.name for file in place.iterdir()}
    if not may_ask():
        return set()
    try:
        return set(hub.client().list_repo_files(repository.id, revision=repository.revision))
    except Exception as error:  # the hub's client and its HTTP library each have errors of their own
        raise ProfileError(str(hub.hub_error(error, repository))) from error


def _key(label: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "seat"
    candidates = [base, *(f"{base}-{i}" for i in range(2, len(taken) + 3))]
    return next(key for key in candidates if key not in taken)
