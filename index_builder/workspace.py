"""What the commands on one folder of indexes share: profile, seats, gallery, encoders and stored embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.profiles import Profile, Seat, load_profile
from safeclip.retrieval.places import gallery_folder, index_folder
from safeclip.retrieval.stores.tombstones import read_tombstones

from .errors import BuildError
from .gallery.rows import MODALITIES, GalleryRows, as_numbers
from .options import ProfileOptions
from .store.folders import exclusive, make_folder
from .store.selection import Live
from .store.shard_store import ShardStore

SHARDS = "shards"


@dataclass
class Workspace:
    """The profile's `seats` that a command works on, the gallery's folder, and the `output` folder of the indexes.

    The gallery, the encoders and the shard store are opened when they are first used.
    """

    profile: Profile
    seats: tuple[Seat, ...]
    gallery_path: Path
    output: Path
    device: str | None = None

    @cached_property
    def gallery(self) -> GalleryRows:
        return GalleryRows(self.gallery_path.absolute())  # workers elsewhere have another working directory

    @cached_property
    def encoders(self) -> dict[Seat, Encoder]:
        """The encoder of every seat. Raises CheckpointError."""
        loaded = EncoderSet(self.seats, device=self.device)
        return {seat: loaded[seat.key] for seat in self.seats}

    @cached_property
    def store(self) -> ShardStore:
        return ShardStore(self.output / SHARDS)

    @property
    def reference(self) -> Encoder:
        """The encoder of the profile's first seat, or of the first that the command works on."""
        return next(iter(self.encoders.values()))

    @property
    def has_reference(self) -> bool:
        """Whether the profile's first seat is among `seats`."""
        return self.profile.seats[0] in self.seats

    def removed(self) -> np.ndarray:
        """Ids (n,) int64 that the indexes leave out: the removed ones, and captions that only removed images have."""
        named = as_numbers(read_tombstones(self.output))
        return np.union1d(named, self.gallery.captions_only_of(named)) if len(named) else named

    def live(self) -> dict[str, Live]:
        """The ids by modality that the indexes may hold now."""
        removed = self.removed()
        return {modality: Live(self.gallery[modality].ids, removed) for modality in MODALITIES}


def describe(options: ProfileOptions) -> Workspace:
    """The workspace that the options name, without locking it. Raises BuildError for an unknown seat."""
    profile = load_profile(options.profile)
    gallery, output = locations(profile, options.gallery, options.output)
    known = tuple(seat.key for seat in profile.seats)
    if unknown := [key for key in options.seats if key not in known]:
        raise BuildError(f"The profile {profile.name} has no seat {', '.join(unknown)}. It has {', '.join(known)}.")
    seats = tuple(seat for seat in profile.seats if seat.key in (options.seats or known))
    return Workspace(profile, seats, gallery, output, options.device)


@contextmanager
def open_workspace(options: ProfileOptions) -> Iterator[Workspace]:
    """The workspace that the options name, locked against other commands. Raises BuildError."""
    workspace = describe(options)
    make_folder(workspace.output)
    with exclusive(workspace.output):
        yield workspace


def locations(profile: Profile, gallery: str | None, output: str | None) -> tuple[Path, Path]:
    """Paths of the gallery and of the indexes: as given (from the current folder), or as the profile says."""
    if gallery is not None and output is not None:
        return Path(gallery), Path(output)
    if profile.retrieval is None:
        raise BuildError(f"The profile {profile.name} has no [retrieval] section: give --gallery and --output.")
    return (
        Path(gallery) if gallery is not None else gallery_folder(profile.retrieval),
        Path(output) if output is not None else index_folder(profile),
    )
