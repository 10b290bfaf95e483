"""The history of a visit: its finished images as thumbnails, to go back to."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..common.markup import join, send, template
from .image_store import ImageStore
from .service import GenerationState, without_pixels

LONGEST = 20
_SHOWN = 3  # thumbnails a tile
_SIZE = 96  # px

_STRIP = template("""
    <section class="sc-visit" aria-label="Painted in this visit">
    <h3>This visit</h3>
    <ol class="sc-tiles">{tiles}</ol>
    </section>
""")
_TILE = template("""
    <li><button type="button" class="sc-tile" title="{prompt}" aria-label="Show again: {prompt}, seed {seed}" {send}>
    <span class="sc-thumbs">{pictures}</span>
    <span>{prompt}</span></button></li>
""")


@dataclass(frozen=True)
class Visited:
    """A finished state without its pixels, and a thumbnail a column, blurred where its image is flagged."""

    state: GenerationState
    thumbnails: tuple[str, ...]


def remember(history: Sequence[Visited], state: GenerationState, store: ImageStore) -> list[Visited]:
    """`history`, newest first, after `state`, with at most LONGEST entries and one of each request.

    `store` has the images of the state. One without any, stopped or failed, is not remembered.
    """
    thumbnails = tuple(store.thumbnail(ids[0], _SIZE) for ids in state.ids.values() if ids)
    if not thumbnails:
        return list(history)
    others = [other for other in history if other.state.request != state.request]
    return [Visited(without_pixels(state), thumbnails), *others][:LONGEST]


def strip(history: Sequence[Visited]) -> str:
    """The HTML of a history, "" for an empty one."""
    tiles = join(
        _TILE.format(
            prompt=visited.state.request.prompt,
            seed=visited.state.request.seed,
            send=send("recall", index=i),
            pictures=join(Markup('<img src="{}" alt="">').format(Markup(src)) for src in _few(visited.thumbnails)),
        )
        for i, visited in enumerate(history)
    )
    return str(_STRIP.format(tiles=tiles)) if history else ""


def _few(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The sources of a tile: all of them, or the first, the middle and the last of many."""
    if len(sources) <= _SHOWN:
        return sources
    return sources[0], sources[len(sources) // 2], sources[-1]
