"""Reports what a profile needs and what this machine has: models, judges, memory, disk, gallery and index."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..command_names import INDEXER, PAGE
from ..encoders import formats
from ..encoders.formats.declaration import CheckpointSource
from ..errors import ProfileError
from ..generation.model_index import INDEX_NAME, misfit
from ..index_making import FIRST_ROWS
from ..judges.registry import IMAGE_JUDGES, TEXT_JUDGES, JudgeRegistry
from ..paths import resolve
from ..profile_files import absent_paths, hub_files, named_checkpoints
from ..profiles import Profile
from ..retrieval.places import gallery_folder, index_folder
from ..runtime.checkpoint_names import Repository, locate
from ..runtime.hub import peek
from ..runtime.hub_files import HubFiles, cache_folder
from ..runtime.machine import Machine, free_disk_gb, this_machine
from .memory import MemoryEstimate, estimate
from .repositories import RepositoryState, look_up
from .repositories import problems as repository_problems
from .without import starts_anyway


@dataclass(frozen=True)
class Report:
    """Findings of a look at profile, hub and machine.

    `problems` are sentences on what keeps the profile from running; `named` is what a command calls it.
    """

    profile: Profile
    machine: Machine
    states: tuple[RepositoryState, ...]
    memory: MemoryEstimate
    problems: tuple[str, ...]
    judge_states: tuple[RepositoryState, ...] = ()  # of what judges read beside the profile's own models
    named: str = ""

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
        lines += [f"  {state}" for state in self.states]
        lines += [f"  {'here':12}{label}: {checkpoint}" for label, checkpoint in _here(profile)]
        if judges := _judges(profile):
            lines += ["", "Judges", *judges, *(f"  {state}" for state in self.judge_states)]
        if making := _making(profile):
            lines += ["", making]
        lines += ["", f"This machine: {self.machine}", str(self.memory)]
        if self.problems:
            lines += ["", "It cannot run yet:", *(f"  - {problem}" for problem in self.problems)]
            if without := starts_anyway(profile, self.states):
                lines += ["", without]
        else:
            lines += ["", f"It can run: {PAGE} --profile {self.named or profile.name}"]
        return "\n".join(lines)


def inspect(profile: Profile, machine: Machine | None = None, *, named: str = "") -> Report:
    """Looks at the cache, the hub, the gallery and the machine; takes a few seconds at most, and keeps nothing.

    `named` is the name or path that the profile was loaded by, for the commands that are told; by default its name.
    """
    machine, named = machine or this_machine(), shlex.quote(named or profile.name)
    own = hub_files(profile)
    for_judges = [files for files in _judge_files(profile) if files.repository not in {each.repository for each in own}]
    found, memory = look_up([*own, *for_judges]), estimate(profile, machine)
    states, judge_states = found[: len(own)], found[len(own) :]
    problems = [
        *repository_problems(states),
        *_path_problems(profile),
        *_family_problems(profile),
        *_gallery_problems(profile, named),
        *memory.problems(),
        *_disk_problems(found),
    ]
    return Report(profile, machine, tuple(states), memory, tuple(problems), tuple(judge_states), named)


def _judge_files(profile: Profile) -> list[HubFiles]:
    """The hub files that the judges of images read, each repository once."""
    declared = [IMAGE_JUDGES.declared(name) for name in _image_judges(profile)]
    encoders = dict.fromkeys(judge.encoder for judge in declared if judge is not None and judge.encoder)
    return [files for name in encoders for files in formats.hub_files(CheckpointSource(name))]


def require_judges(profile: Profile) -> None:
    """Raises ProfileError where a profile names a judge of images that there is none of."""
    for name in _image_judges(profile):
        if fault := IMAGE_JUDGES.fault(name):
            raise ProfileError(f"The profile “{profile.name}” names a judge wrongly. {fault}")


def _image_judges(profile: Profile) -> list[str]:
    """The names of the judges of generated images, and of the pictures of a source."""
    own = profile.generation.judges if profile.generation else ()
    of_source = profile.retrieval.judges if profile.retrieval and profile.retrieval.source else ()
    return list(dict.fromkeys((*own, *of_source)))


def _path_problems(profile: Profile) -> list[str]:
    return [f"{resolve(name)}: there is no such checkpoint. Correct its path." for name in absent_paths(profile)]


def _family_problems(profile: Profile) -> list[str]:
    """Faults of the pipeline by its model_index.json, where that can be had."""
    spec = profile.generation
    if spec is None:
        return []
    place = locate(spec.checkpoint)
    if isinstance(place, str):
        text = peek(Repository.parse(place, spec.revision), INDEX_NAME)
    else:
        file = place / INDEX_NAME
        text = file.read_text(encoding="utf-8") if file.is_file() else None
    said = "" if text is None else misfit(text, spec.family)
    return [f"{spec.checkpoint}: {said}"] if said else []


def _gallery_problems(profile: Profile, named: str) -> list[str]:
    """The first thing that searching lacks: a gallery, or an index of it for every seat."""
    if profile.retrieval is None:
        return []
    if profile.retrieval.source:
        return []
    gallery, index = gallery_folder(profile.retrieval), index_folder(profile)
    if not list(gallery.glob("data/test-*.parquet")):
        return [
            f"There is no gallery in {gallery} to search. Make one of your images, and its index: "
            f"{INDEXER} import IMAGES {profile.retrieval.gallery} && "
            f"{INDEXER} --profile {named}"
        ]
    if profile.retrieval.is_made_at_start:
        return []
    unindexed = [seat.label for seat in profile.seats if not (index / seat.key / "manifest.json").is_file()]
    if unindexed:
        return [f"There is no index for {', '.join(unindexed)} yet: {INDEXER} --profile {named}"]
    return []


def _making(profile: Profile) -> str:
    """Says what the page does about the index at its first start; "" where it has nothing to do."""
    spec = profile.retrieval
    if spec is None or not spec.is_made_at_start:
        return ""
    place = index_folder(profile)
    if all((place / seat.key / "manifest.json").is_file() for seat in profile.seats):
        return f"Index: {place}"
    return (
        f"Index: made at the first start in {place}. The first {FIRST_ROWS} pictures can be searched before the rest; "
        "the page says how long it takes."
    )


def _disk_problems(states: Sequence[RepositoryState]) -> list[str]:
    to_fetch = sum(state.download_gb for state in states)
    free = free_disk_gb(cache_folder())
    if to_fetch <= free:
        return []
    return [
        f"{to_fetch:.1f} GB are to be downloaded to {cache_folder()}, where {free:.1f} GB are free: "
        "make room, or set HF_HOME to another disk."
    ]


def _here(profile: Profile) -> list[tuple[str, str]]:
    """Label and checkpoint of the models whose checkpoint is a folder of this machine."""
    return [
        (label, checkpoint)
        for label, checkpoint in named_checkpoints(profile)
        if isinstance(place := locate(checkpoint), Path) and place.exists()
    ]


def _judges(profile: Profile) -> list[str]:
    """A line for each judge of images, then of texts, that the profile names."""
    texts = (profile.captioning.judge,) if profile.captioning else ()
    images = [_judge(name, IMAGE_JUDGES) for name in _image_judges(profile)]
    return images + [_judge(name, TEXT_JUDGES) for name in texts]


def _judge(name: str, judges: JudgeRegistry[Any]) -> str:
    missing = judges.lacking(name)
    return f"  {'missing' if missing else 'here':12}{name}" + (f": {missing}" if missing else "")
