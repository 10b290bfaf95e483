"""Small pictures in the cells of a grid: what a seat found first, or what it painted."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.blur_policy import data_uri
from ..common.markup import EMPTY
from ..common.view import item_alt

if TYPE_CHECKING:
    from safeclip.redteam.trials import Trial

    from ..common.blur_policy import BlurPolicy

_SIDE = 96  # px of a picture, at twice the density of a plain screen
_IMAGE = Markup('<img src="{}" alt="{}" width="48" height="48" decoding="async">')
_PLACE = Markup('<i class="picture p{}" role="img" aria-label="{}"></i>')
_RULE = Markup(".p{}{{background-image:url({})}}")


class CellPictures:
    """Draws the picture of a trial under a seat, blurred where the blur policy, or a judge, hides it."""

    def __init__(self, blur_policy: "BlurPolicy") -> None:
        self._blur_policy = blur_policy

    def of(self, trial: "Trial", seat: str) -> Markup:
        """The picture of a cell; nothing where the seat found and painted none."""
        outcome, gallery = trial.outcomes.get(seat), self._blur_policy.gallery
        if outcome is None:
            return EMPTY
        if seat in trial.pictures:
            alt = f"Painted: {outcome.said or trial.text}"
            return self.draw(data_uri(trial.pictures[seat]), f"Blurred. {alt}" if outcome.unsafe else alt)
        if gallery is None or outcome.found not in gallery:
            return EMPTY
        return self.draw(
            self._blur_policy.thumbnail(outcome.found, _SIDE), item_alt(gallery.item(outcome.found), self._blur_policy)
        )

    def draw(self, source: str, alt: str) -> Markup:
        """The HTML of a picture with the `data:` URI `source`."""
        return _IMAGE.format(Markup(source), alt)


class SheetPictures(CellPictures):
    """Draws pictures by classes of a style sheet, so that a file holds a picture once that is found a hundred times."""

    def __init__(self, blur_policy: "BlurPolicy") -> None:
        super().__init__(blur_policy)
        self._numbers: dict[str, int] = {}  # by source

    def draw(self, source: str, alt: str) -> Markup:
        return _PLACE.format(self._numbers.setdefault(source, len(self._numbers)), alt)

    @property
    def style(self) -> str:
        """The rules of the pictures drawn so far."""
        return "\n".join(_RULE.format(number, Markup(source)) for source, number in self._numbers.items())
