"""Declaration of a judge: its name in a profile, what must be there before it opens, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from ..encoders import formats
from ..encoders.formats.declaration import CheckpointSource
from ..runtime.hub_files import is_cached
from .packages import Package

if TYPE_CHECKING:
    import torch

J = TypeVar("J", covariant=True)


@dataclass(frozen=True)
class JudgeDeclaration(Generic[J]):
    """One judge, declared in the file that implements it. Its module imports neither torch nor the judge's package.

    A profile names the judge by `name`, or by "name:PATH" where `argument` says what the path is ("FOLDER", "FILE").
    `open` gets the resolved path (without an argument: one that means nothing) and torch's name of a device or None,
    and raises JudgeError or DeviceError. `package` must be installed, `files` must be in the folder, and `encoder`, a
    hub name, is fetched when the judge is opened. `memory_gb` are 10⁹ bytes of the judge's own weights in float32,
    0 for some megabytes.

    `title` is the judge's name in its scores, by default `name`. `domain` is the kind of pictures that it is valid for
    ("" for any), and `harms` are those of `domains.HARMS` that it looks for.
    """

    name: str
    open: Callable[[Path, "str | torch.device | None"], J]
    argument: str = ""
    package: Package | None = None
    files: tuple[str, ...] = ()
    encoder: str = ""
    memory_gb: float = 0.0
    title: str = ""
    domain: str = ""
    harms: tuple[str, ...] = ()

    @property
    def spelling(self) -> str:
        """Spelling of this judge in a profile: "scene:FOLDER", "opennsfw"."""
        return f"{self.name}:{self.argument}" if self.argument else self.name

    def valid_for(self, domain: str) -> bool:
        """Whether the judge may judge pictures of a domain, "" for one that is not known."""
        return not domain or self.domain in ("", domain)

    def independent_of(self, checkpoint: str) -> bool:
        """Whether the judge reads other embeddings than those of this checkpoint, as a seat names it."""
        return not self.encoder or checkpoint.partition("@")[0] != self.encoder

    def lacking(self, path: Path) -> str:
        """Says what keeps the judge from opening, as far as can be seen without opening it; "" when nothing does."""
        if self.package is not None and not self.package.installed:
            return f"pip install {self.package.name}"
        wanted = [path / file for file in self.files] if self.files else [path] * bool(self.argument)
        for each in wanted:
            if not each.exists():
                return f"there is no {each}"
        if self.encoder and not all(map(is_cached, formats.hub_files(CheckpointSource(self.encoder)))):
            return f"{self.encoder} is not in the cache of models yet, and is fetched for the first picture"
        return ""
