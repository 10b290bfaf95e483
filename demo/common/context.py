"""The context of a page: the parts that all of its tasks share."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .blur_policy import BlurPolicy
from .examples import gallery_of
from .reporting.fingerprint import fingerprint_of
from .traffic.rate_limit import RateLimit

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.index_making import IndexMaking
    from safeclip.retrieval.gallery import Gallery

    from ..settings import Settings
    from .reporting.desk import Desk


@dataclass(frozen=True)
class PageContext:
    """The parts that all tasks of a page share: lab, settings, gallery, blur policy, and a desk for reports.

    `making` is the making of the index, where the profile leaves that to the page.
    """

    lab: "Lab"
    settings: "Settings"
    desk: "Desk | None" = None
    making: "IndexMaking | None" = None

    @cached_property
    def gallery(self) -> "Gallery | None":
        """The profile's gallery, None where it names none. Raises GalleryError when it cannot be read."""
        return gallery_of(self.lab)

    @cached_property
    def rate_limit(self) -> RateLimit:
        """How often one session may ask, over all tasks."""
        return RateLimit(self.settings.rate)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of what decides the page's answers."""
        return fingerprint_of(self.lab)

    @cached_property
    def blur_policy(self) -> BlurPolicy:
        """The blur policy of the gallery's images."""
        return BlurPolicy(self.gallery, locked=self.settings.reveal_locked)
