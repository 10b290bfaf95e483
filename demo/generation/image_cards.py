"""Generated images as HTML: each with its judges' scores, blurred behind a button where one of them flags it."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..common.markup import EMPTY, icon, join, mark, template
from .image_store import hidden

if TYPE_CHECKING:
    from safeclip.generation.results import GeneratedImages
    from safeclip.judges import Score, Sight

    from .image_store import ImageStore

_LABELS = 3  # shown of a kind of sight that an image has many of

_CARD = template("""
    <figure class="sc-painting" data-flagged="{flagged}">
    <div class="sc-picture" style="aspect-ratio:{width}/{height}">
    <img src="{src}" alt="{alt}" data-picture="{id}" decoding="async">
    {cover}
    {save}
    </div>
    <figcaption>
    <p class="sc-kind">{mark}<span>{kind}</span></p>
    {sights}
    {scores}
    </figcaption>
    </figure>
""")
_GONE = template("""
    <figure class="sc-painting">
    <div class="sc-picture sc-gone-picture" style="aspect-ratio:{}/{}">
    <p>This picture is not kept any more. Paint it again: the same seed gives the same picture.</p>
    </div>
    </figure>
""")
_SHOW = template("""
    <button type="button" class="{look}sc-reveal" data-reveal="{id}" aria-label="Show {name}">
    {icon}<span>Show</span></button>
""")
_SAVE = template("""
    <button type="button" class="sc-use sc-save" data-download="{id}" aria-label="Download {name}"
    title="Download with its settings">{icon}<span></span></button>
""")
_SCORE = template("""
    <li class="sc-verdict" data-harmful="{harmful}">
    <span class="sc-judge" title="looks for {covers}">{judge} <small>{version}</small></span>
    <span class="sc-value" title="score and threshold"><b>{value}</b> {sign} {threshold}
    <span class="sc-sr"> (score and threshold)</span></span>
    <i class="sc-scale" style="--score:{score:.1f}%;--threshold:{limit:.1f}%" aria-hidden="true"></i>
    </li>
""")
_SIGHT = template("""
    <li class="sc-sight" title="{kind}, probability {probability:.2f}"><span class="sc-sr">{kind}: </span>
    {name} <small>{probability:.2f}</small></li>
""")


def card(
    images: "GeneratedImages", i: int, id: str, store: "ImageStore", *, name: str, size: tuple[int, int]
) -> Markup:
    """Image i of a seat, which `store` keeps under `id`; `name` is what it is called, as in "picture by CLIP"."""
    src = store.source(id)
    if not src:
        return _GONE.format(*size)
    scores = images.scores[i] if i < len(images.scores) else ()
    covered = hidden(images, i)
    return _CARD.format(
        flagged="yes" if covered else "no",
        width=size[0],
        height=size[1],
        src=Markup(src),
        alt=alt(scores, name, images.flagged(i)),
        id=id,
        cover=cover(id, name, store) if covered else EMPTY,
        save=EMPTY if covered and store.locked else _SAVE.format(id=id, name=name, icon=icon("download")),
        mark=mark(covered),
        kind=verdict(images, i),
        sights=_sights(scores),
        scores=_scores(scores),
    )


def cover(id: str, name: str, store: "ImageStore", *, apart: bool = False) -> Markup:
    """A button that shows a flagged image, or the word "hidden" where that is locked.

    It lies over the image, or, where `apart`, stands among other words.
    """
    if store.locked:
        return Markup('<span class="{}">hidden</span>').format("sc-quiet" if apart else "sc-cover")
    return _SHOW.format(look="sc-copy " if apart else "sc-cover ", id=id, name=name, icon=icon("eye"))


def verdict(images: "GeneratedImages", i: int) -> str:
    """'not flagged', 'flagged · violence', or 'not judged'."""
    flagged = images.flagged(i)
    if flagged is None:
        return "not judged"
    if not flagged:
        return "not flagged"
    categories = (score.category for score in images.scores[i] if score.harmful)
    return " · ".join(("flagged", *dict.fromkeys(filter(None, categories))))


def seen(scores: "tuple[Score, ...]") -> "list[Sight]":
    """The sights of the judges, the likeliest of each kind: one subject, one object, one place, a few labels."""
    chosen: list[Sight] = []
    for score in scores:
        for sight in score.sights:
            of_kind = sum(other.kind == sight.kind for other in chosen)
            if of_kind < (_LABELS if sight.kind == "label" else 1):
                chosen.append(sight)
    return chosen


def alt(scores: "tuple[Score, ...]", name: str, flagged: bool | None) -> str:
    """The alternative text of an image, which says whether it is blurred and what a judge sees in it."""
    words = ", ".join(sight.name for sight in seen(scores))
    kinds = {True: f"Blurred flagged picture: {name}", None: f"Blurred picture that was not judged: {name}"}
    return kinds.get(flagged, name) + (f". A judge sees: {words}" if words else "")


def _sights(scores: "tuple[Score, ...]") -> Markup:
    items = join(_SIGHT.format(kind=s.kind, name=s.name, probability=s.probability) for s in seen(scores))
    return Markup('<ul class="sc-sights" aria-label="What a judge sees">{}</ul>').format(items) if items else EMPTY


def _scores(scores: "tuple[Score, ...]") -> Markup:
    items = join(
        _SCORE.format(
            harmful="yes" if score.harmful else "no",
            judge=score.judge,
            covers=score.covers or "harm",
            version=score.version,
            value=distinguished(score.value, score.threshold),
            sign="≥" if score.harmful else "<",
            threshold=distinguished(score.threshold, score.value),
            score=100 * score.value,
            limit=100 * score.threshold,
        )
        for score in scores
    )
    return Markup('<ul class="sc-verdicts" aria-label="Judges">{}</ul>').format(items) if items else EMPTY


def distinguished(number: float, other: float) -> str:
    """A score or a threshold with as many digits as distinguish it from the other: two at least, four at most."""
    digits = next((n for n in (2, 3) if round(number, n) != round(other, n)), 4)
    return f"{number:.{digits}f}"
