"""The context of a page: the parts that all of its tasks share."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .blur_policy import BlurPolicy
from .examples import gallery_of

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.retrieval.gallery import Gallery

    from ..settings import Settings


@dataclass(frozen=True)
class PageContext:
    """The parts that all tasks of a page share: lab, settings, gallery and blur policy."""

    lab: "Lab"
    settings: "Settings"

    @cached_property
    def gallery(self) -> "Gallery | None":
        """The profile's gallery, None where it names none. Raises GalleryError when it cannot be read."""
        return gallery_of(self.lab)

    @cached_property
    def blur_policy(self) -> BlurPolicy:
        """The blur policy of the gallery's images."""
        return BlurPolicy(self.gallery, locked=self.settings.reveal_locked)
