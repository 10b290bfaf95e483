"""What a visitor has painted so far: small pictures to go back to, kept for the length of the visit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.blur_policy import smear, thumbnail
from ..common.markup import join, send, template
from .service import hidden

if TYPE_CHECKING:
    from safeclip.generation.results import GeneratedImages

    from .service import GenerationState

LONGEST = 20
_SHOWN = 3  # small pictures a tile
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
    """Something painted before: `painted` without its pixels, and a small picture a column, smeared where flagged."""

    painted: "GenerationState"
    thumbnails: tuple[str, ...]


def remember(visits: Sequence[Visited], painted: "GenerationState") -> list[Visited]:
    """`visits`, newest first, after `painted`; what was asked in the same words and numbers before is left out."""
    comparison = painted.comparison
    if comparison is None or not any(painting.pictures for painting in comparison.values()):
        return list(visits)
    thumbnails = tuple(_thumbnail(painting) for painting in comparison.values() if painting.pictures)
    bare = {key: replace(painting, pictures=(), previews=()) for key, painting in comparison.items()}
    visit = Visited(replace(painted, comparison=replace(comparison, columns=bare)), thumbnails)
    others = [other for other in visits if other.painted.ask != painted.ask]
    return [visit, *others][:LONGEST]


def strip(visits: Sequence[Visited]) -> str:
    """The HTML of a visit, "" for one that has just begun."""
    tiles = join(
        _TILE.format(
            prompt=visit.painted.ask.prompt,
            seed=visit.painted.ask.seed,
            send=send("recall", index=i),
            pictures=join(Markup('<img src="{}" alt="">').format(Markup(src)) for src in _few(visit.thumbnails)),
        )
        for i, visit in enumerate(visits)
    )
    return str(_STRIP.format(tiles=tiles)) if visits else ""


def _thumbnail(painting: "GeneratedImages") -> str:
    picture = painting.pictures[0]
    return smear(picture) if hidden(painting, 0) else thumbnail(picture, _SIZE)


def _few(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Of many columns the first, the middle and the last."""
    if len(sources) <= _SHOWN:
        return sources
    return sources[0], sources[len(sources) // 2], sources[-1]
