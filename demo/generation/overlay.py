"""One image laid over another, with a slider between them; actions.js moves the edge."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, template
from .image_cards import alt, cover
from .image_store import hidden

if TYPE_CHECKING:
    from safeclip.generation.results import GeneratedImages, GenerationComparison

    from .image_store import ImageStore

_OVERLAY = template("""
    <figure class="sc-over">
    <div class="sc-over-pictures" style="aspect-ratio:{width}/{height}">
    {below}
    {above}
    <input type="range" min="0" max="100" value="50" step="1" aria-label="{name}">
    </div>
    <figcaption><span>{left}{show_left}</span><span class="sc-over-right">{show_right}{right}</span></figcaption>
    </figure>
""")
_PICTURE = template("""
    <img src="{src}" alt="{alt}" data-picture="{id}" class="sc-over-{look}" decoding="async" draggable="false">
""")


def overlay(
    comparison: "GenerationComparison",
    ids: dict[str, tuple[str, ...]],
    keys: tuple[str, str],
    labels: tuple[str, str],
    store: "ImageStore",
) -> Markup:
    """The first image of one column over that of another; empty unless both are there and kept."""
    top, bottom = (
        _image(comparison[key], ids.get(key, ()), label, look, store)
        for key, label, look in zip(keys, labels, ("top", "below"), strict=True)
    )
    if top is None or bottom is None:
        return EMPTY
    (above, show_left), (below, show_right) = top, bottom
    return _OVERLAY.format(
        width=comparison.width,
        height=comparison.height,
        above=above,
        below=below,
        name=f"How much of {labels[0]} lies over {labels[1]}, in percent",
        left=labels[0],
        right=labels[1],
        show_left=show_left,
        show_right=show_right,
    )


def _image(
    images: "GeneratedImages", ids: tuple[str, ...], label: str, look: str, store: "ImageStore"
) -> tuple[Markup, Markup] | None:
    """The first image of a column, and the button that shows it where it is hidden."""
    src = store.source(ids[0]) if ids else ""
    if not src:
        return None
    covered = hidden(images, 0)
    name = f"the picture by {label}"
    text = alt(images.scores[0] if images.scores else (), name, images.flagged(0))
    image = _PICTURE.format(src=Markup(src), alt=text, id=ids[0], look=look)
    return image, cover(ids[0], name, store, apart=True) if covered else EMPTY
