"""The generation stage: what every seat paints of one prompt, from the first noise to the judged pictures, as HTML."""

import io
from typing import TYPE_CHECKING

from markupsafe import Markup
from PIL import Image

from safeclip.generation.compare import DIAL, MAX_PICTURES

from ..common.blur_policy import data_uri, smear
from ..common.markup import EMPTY, icon, join, plural, template
from ..common.permalink import generation_query
from ..retrieval import hit_cards as cards
from ..retrieval.service import plain
from . import image_cards as painting_cards
from .overlay import overlay

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.generation.results import GeneratedImages, GenerationComparison
    from safeclip.profiles import Seat

    from .image_store import ImageStore
    from .request import GenerationRequest
    from .service import GenerationState

PREVIEW = 16  # px: nobody has judged a preview, so no more of it is sent

_STAGE = template("""
    <div class="sc-stage sc-generation" data-room="generation" data-state="{state}" data-permalink="{link}"
    data-say="{say}" {follow}>
    <header class="sc-query">
    <div><h2>{title}</h2><p class="sc-facts">{facts}</p></div>
    <button type="button" class="sc-copy" data-copy="{link}">{icon}<span>Copy link</span></button>
    </header>
    {notices}
    <div class="sc-columns" data-columns="{n}" style="--columns:{n}" {strip}>{columns}</div>
    <p class="sc-shield">{shield}</p>
    {overlays}
    </div>
""")
_PROGRESS = template("""
    <div class="sc-progress" role="progressbar" aria-label="{name}" aria-valuemin="0" aria-valuemax="{steps}"
    aria-valuenow="{step}" aria-valuetext="step {step} of {steps}"><i style="width:{share:.1f}%"></i></div>
""")
_PREVIEW = template("""
    <div class="sc-picture sc-preview" style="aspect-ratio:{}/{}">{}</div>
""")
_OVERLAYS = template("""
    <div class="sc-panels"><section class="sc-panel"><h3>One over the other</h3>
    <div class="sc-overs">{}</div></section></div>
""")
_MESSAGE = template("""
    <div class="sc-stage sc-generation" data-room="generation" data-state="done" data-permalink="" data-say="{0}">
    <div class="{1}" role="note">{2}<p>{0}</p></div>
    </div>
""")
_INTRO = template("""
    <div class="sc-stage sc-generation" data-room="generation" data-state="done" data-permalink="" data-say="">
    <p class="sc-intro">{}</p>
    </div>
""")
_FRACTIONS = {0.25: ("¼", "a quarter"), 0.5: ("½", "half"), 0.75: ("¾", "three quarters")}


class GenerationView:
    """Draws what `GenerationService` paints in one lab. `store` lets pictures out, smeared where they are flagged."""

    def __init__(self, lab: "Lab", store: "ImageStore") -> None:
        self.store = store
        self.seats: dict[str, Seat] = lab.generation.seats
        self.reference: Seat = next(iter(self.seats.values()))

    def intro(self, seats: tuple[str, ...]) -> str:
        """What is on the stage before anything is asked."""
        *first, last = (self.seats[key].label for key in [self.reference.key, *seats] if key in self.seats)
        who = f"{', '.join(first)} and {last}" if first else last
        return str(
            _INTRO.format(f"Press Paint, and one painter will paint your prompt as {who} read it, side by side.")
        )

    def fault(self, message: str) -> str:
        """What is on the stage when nobody can paint."""
        return str(_MESSAGE.format(message, "sc-fault", EMPTY))

    def draw(self, painted: "GenerationState", *, follow: bool = False) -> str:
        """The HTML of a moment; `data-say` is what a screen reader hears when the pictures are finished.

        With `follow`, actions.js raises that event once it is drawn: a link is opened, and the painting may begin.
        """
        if painted.refused:
            return str(_MESSAGE.format(painted.error, "sc-fault sc-policy", Markup("<b>This is not painted here.</b>")))
        if painted.error:
            return self.fault(painted.error)
        ask, comparison = painted.ask, painted.comparison
        columns = self.columns(ask)
        return str(
            _STAGE.format(
                state="done" if painted.done else "writing",
                link=generation_query(ask),
                say=self.say(painted) if painted.done else "",
                follow=Markup("data-follow") if follow else EMPTY,
                title=ask.prompt,
                facts=_facts(painted),
                icon=icon("link"),
                notices=_notices(comparison),
                n=len(columns),
                strip=EMPTY if len(columns) < 3 else Markup('role="group" tabindex="0" aria-label="Columns"'),
                columns=join(self._column(key, names, painted) for key, names in columns.items()),
                shield=self._shield(painted),
                overlays=self._overlays(painted, columns),
            )
        )

    def say(self, painted: "GenerationState") -> str:
        """The finished pictures in a sentence a column."""
        comparison = painted.comparison
        if painted.error or comparison is None:
            return painted.error
        if comparison.stopped:
            return f"Stopped at step {comparison.step} of {comparison.steps}."
        parts = []
        for key, (label, name) in self.columns(painted.ask).items():
            painting = comparison.get(key)
            if painting is None or painting.error is not None:
                parts.append(f"{name or label} has no answer.")
                continue
            ids = painted.ids.get(key, ())
            flagged, unjudged = ([painting.flagged(i) for i in range(len(ids))].count(each) for each in (True, None))
            kinds = [f"{n} {what}" for n, what in ((flagged, "flagged"), (unjudged, "not judged")) if n]
            covered = f", {' and '.join(kinds)}, hidden" if kinds else ", not flagged"
            words = (
                [sight.name for sight in painting_cards.seen(painting.scores[0])] if len(painting.scores) == 1 else []
            )
            sees = f" A judge sees: {', '.join(words)}." if words else ""
            parts.append(f"{name or label}: {plural(len(ids), 'picture')}{covered}.{sees}")
        return " ".join(parts)

    def columns(self, ask: "GenerationRequest") -> dict[str, tuple[str, str]]:
        """Key of each column → what stands over it, and what it is called in words where that is more."""
        if not ask.dial:
            keys = [key for key in self.seats if key == self.reference.key or key in ask.seats]
            return {key: (self.seats[key].label, "") for key in keys}
        end = self.seats[ask.dial].label if ask.dial in self.seats else ask.dial
        named = {}
        for position in DIAL:
            sign, words = _FRACTIONS.get(position, (f"{position:g}", f"{position:g}"))
            if position in (0, 1):
                label = end if position else self.reference.label
                named[f"{position:g}"] = (f"{sign} · {label}", label)
            else:
                named[f"{position:g}"] = (sign, f"{words} of the way to {end}")
        return named

    def _column(self, key: str, names: tuple[str, str], painted: "GenerationState") -> Markup:
        label, name = names
        comparison = painted.comparison
        painting = comparison.get(key) if comparison is not None else None
        if painting is not None and painting.error is not None:
            body = cards.fault(name or label, painting.error)
        elif painting is not None and (ids := painted.ids.get(key, ())):
            size = (comparison.width, comparison.height)
            whose = f"picture by {name or label}"
            titles = [f"{whose}, seed {painted.ask.seed + i}" for i in range(len(ids))]
            body = _pictures(
                [
                    painting_cards.card(painting, i, id, self.store, name=title, size=size)
                    for i, (id, title) in enumerate(zip(ids, titles, strict=True))
                ]
            )
        else:
            body = _painting(painting, painted, name or label, smeared=self.store.locked)
        is_reference = not painted.ask.dial and key == self.reference.key
        return cards.TITLED_COLUMN.format(
            key=key,
            label=label,
            name=name or label,
            role=Markup('<span class="sc-role">reference</span>') if is_reference else EMPTY,
            figure=_figure(painting, painted, len(painted.ids.get(key, ()))),
            sub=_sub(painting, painted),
            body=body,
        )

    def _shield(self, painted: "GenerationState") -> str:
        comparison = painted.comparison
        if comparison is None or not painted.done or comparison.stopped:
            sent = "as a smear" if self.store.locked else f"at {PREVIEW} × {PREVIEW} pixels"
            return f"Nobody has judged a preview, so it is sent {sent}."
        shown = [
            painting.flagged(i) for key, painting in comparison.items() for i in range(len(painted.ids.get(key, ())))
        ]
        covered = sum(flagged is not False for flagged in shown)
        if not covered:
            return f"{_looked_for(comparison)} None flagged a picture, so nothing is hidden." if shown else ""
        reveal = "Showing them is locked here." if self.store.locked else "Each can be shown by itself."
        unjudged = "What a judge did not see counts as flagged. " if None in shown else ""
        return (
            f"{plural(covered, 'picture')} hidden: smeared on the server, so this page holds no clear copy. "
            f"{unjudged}{reveal}"
        )

    def _overlays(self, painted: "GenerationState", columns: dict[str, tuple[str, str]]) -> Markup:
        comparison = painted.comparison
        if comparison is None or not painted.done or comparison.stopped:
            return EMPTY
        first, *others = ((key, name or label) for key, (label, name) in columns.items() if key in comparison)
        pairs = others[-1:] if painted.ask.dial else others
        drawn = [
            overlay(comparison, painted.ids, (first[0], key), (first[1], label), self.store) for key, label in pairs
        ]
        return _OVERLAYS.format(join(drawn)) if any(drawn) else EMPTY


def preview(image: Image.Image) -> str:
    """A preview → a `data:` URI of at most 16 × 16 px, averaged down where it is larger."""
    small = image.convert("RGB")
    if max(small.size) > PREVIEW:
        scale = PREVIEW / max(small.size)
        small = small.resize([max(1, round(side * scale)) for side in small.size], Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return data_uri(buffer.getvalue())


def _looked_for(comparison: "GenerationComparison") -> str:
    """Which harm the judges of a comparison look for."""
    scores = [score for painting in comparison.values() for row in painting.scores for score in row]
    judges = dict.fromkeys(f"{score.judge} looks for {score.covers}" for score in scores if score.covers)
    return f"{'; '.join(judges)}." if judges else ""


def _painting(painting: "GeneratedImages | None", painted: "GenerationState", name: str, *, smeared: bool) -> Markup:
    """A column whose pictures are not there yet: how far it is, and what can be guessed of them."""
    ask, comparison = painted.ask, painted.comparison
    step, steps = (comparison.step, comparison.steps) if comparison is not None else (0, ask.steps)
    width, height = (comparison.width, comparison.height) if comparison is not None else (1, 1)
    look = smear if smeared else preview
    previews = (
        [Markup('<img src="{}" alt="">').format(Markup(look(image))) for image in painting.previews]
        if painting is not None
        else []
    )
    blank = [EMPTY] * max(0, min(ask.pictures, MAX_PICTURES) - len(previews))
    frames = [_PREVIEW.format(width, height, image) for image in [*previews, *blank]]
    bar = _PROGRESS.format(name=f"{name} is painting", step=step, steps=steps, share=100 * step / max(1, steps))
    return join([bar, _pictures(frames)])


def _pictures(drawn: list[Markup]) -> Markup:
    return Markup('<div class="sc-paintings" data-pictures="{}">{}</div>').format(len(drawn), join(drawn))


def _facts(painted: "GenerationState") -> Markup:
    ask = painted.ask
    last = ask.seed + ask.pictures - 1
    facts = [
        f"seed {ask.seed}" if ask.pictures == 1 else f"seeds {ask.seed} to {last}",
        plural(ask.steps, "step"),
        f"guidance {ask.guidance:g}",
    ]
    if ask.negative:
        facts.append(f"without “{ask.negative}”")
    if painted.shipped:
        facts.append("painted beforehand by the same models")
    elif painted.done and painted.seconds:
        facts.append(f"{painted.seconds:.1f} s")
    return join(Markup("<span>{}</span>").format(fact) for fact in facts)


def _notices(comparison: "GenerationComparison | None") -> Markup:
    notes = comparison.notes if comparison is not None else ()
    if not notes:
        return EMPTY
    paragraphs = join(Markup("<p>{}</p>").format(plain(note)) for note in notes)
    return Markup('<div class="sc-notices">{}</div>').format(paragraphs)


def _figure(painting: "GeneratedImages | None", painted: "GenerationState", pictures: int) -> Markup:
    """How many pictures are flagged, or how much of the way there is done."""
    comparison = painted.comparison
    if painting is None or painting.error is not None:
        return Markup('<p class="sc-figure"><b>—</b></p>')
    if not pictures:
        share = 100 * comparison.step / max(1, comparison.steps)
        return Markup('<p class="sc-figure"><b>{:.0f} %</b></p>').format(share)
    flags = [painting.flagged(i) for i in range(pictures)]
    if None in flags:
        return Markup('<p class="sc-figure"><b>not judged</b></p>')
    level = "some" if any(flags) else "none"
    if pictures == 1:
        words = Markup("<b>{}</b>").format("flagged" if flags[0] else "passed")
    else:
        words = Markup("<b>{} of {}</b> flagged").format(sum(flags), pictures)
    return Markup('<p class="sc-figure" data-level="{}">{}</p>').format(level, words)


def _sub(painting: "GeneratedImages | None", painted: "GenerationState") -> str:
    comparison = painted.comparison
    if comparison is None:
        return "waiting for the painter"
    if painting is None or painting.error is not None:
        return ""
    if comparison.stopped:
        return f"stopped at step {comparison.step} of {comparison.steps}"
    if not painted.done:
        return f"step {comparison.step} of {comparison.steps}"
    categories = dict.fromkeys(
        score.category for row in painting.scores for score in row if score.harmful and score.category
    )
    return ", ".join(categories) or "finished"
