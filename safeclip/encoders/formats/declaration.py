"""Protocol that every encoder format follows, and the description of a checkpoint that it reads.

The module imports neither torch nor transformers, and the declaration of a format must not either: profiles and the
preflight ask the table of formats before anything heavy is loaded. `EncoderFormat.read` imports what it needs itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...runtime import hub
from ...runtime.checkpoint_files import CheckpointFiles
from ...runtime.checkpoint_names import Repository, is_repository
from ...runtime.hub_files import HubFiles

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


@dataclass(frozen=True)
class CheckpointSource:
    """Files of one encoder: each a directory, a hub repository or, for `checkpoint`, an open_clip name.

    `adapter` is a PEFT checkpoint to merge in. `processor` holds config, tokenizer and image processor where those of
    the checkpoint itself are not used. `revision` pins the checkpoint. `kind` names the format; `traverse` is HySAC's.
    `half` says that of weights published in two precisions the half one is read.
    """

    checkpoint: str | Path
    adapter: str | Path | None = None
    processor: str | Path | None = None
    revision: str | None = None
    kind: str = "clip"
    traverse: bool = True
    half: bool = False


class EncoderFormat(ABC):
    """One way to store an encoder. A file declares a subclass, and `formats.FORMATS` lists an instance of it."""

    kind: ClassVar[str]  # value of a seat's `kind`; several formats may share one and tell theirs apart by `claims`
    takes_adapter: ClassVar[bool] = False  # whether `read` merges a PEFT adapter

    def claims(self, source: CheckpointSource) -> bool:
        """Whether `source`, whose `kind` is this format's, is stored in this format."""
        return True

    @abstractmethod
    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        """Yields what `read` fetches from the hub of `source.checkpoint`; nothing for a checkpoint on this machine."""

    @abstractmethod
    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        """Loads the checkpoint on the CPU with weights in `dtype`; `source.processor` is a directory or None.

        Raises CheckpointError for a missing or unsuitable file, HubError when the hub does not give it.
        """


class DirectoryFormat(EncoderFormat):
    """A format whose checkpoint is one directory, or one repository of the hub with the same files."""

    @abstractmethod
    def files(self, source: CheckpointSource) -> CheckpointFiles:
        """The files that `read` needs of `source.checkpoint`."""

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        if on_hub(source.checkpoint):
            yield HubFiles(Repository.parse(str(source.checkpoint), source.revision), self.files(source))

    def directory(self, source: CheckpointSource) -> Path:
        """The directory `source.checkpoint`, or the snapshot of that repository; raises as `directory_of` does."""
        return directory_of(source.checkpoint, self.files(source), source.revision)


def on_hub(name: str | Path) -> bool:
    """Whether `name` is a repository of the hub and not a directory of this machine."""
    return is_repository(name) and not Path(name).exists()


def directory_of(name: str | Path, files: CheckpointFiles, revision: str | None = None) -> Path:
    """Returns the directory `name`, or the snapshot of the repository `name` with the files of a layout.

    Raises HubError when the repository cannot be had, CheckpointError when it has no such weights.
    """
    return hub.fetch(str(name), files, revision) if on_hub(name) else Path(name)
