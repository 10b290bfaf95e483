"""The generation view: previews while images are generated, then images with their judges' scores."""

import io
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from PIL import Image

from safeclip.generation.compare import DIAL
from safeclip.generation.settings import MAX_PICTURES

from ..common.blur_policy import blurred_uri, data_uri
from ..common.markup import EMPTY, join, plural, template
from ..common.view import NO_FIGURE, TaskView, fault, listed
from ..scoreboard import judge_reservation
from ..scoreboard import read as read_metrics
from . import image_cards
from .overlay import overlay
from .service import GenerationService, GenerationState

if TYPE_CHECKING:
    from safeclip.generation.results import GeneratedImages, GenerationComparison

    from ..common.context import PageContext
    from .request import GenerationRequest

PREVIEW = 16  # px: no judge has seen a preview, so no more of it is sent

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
_FRACTIONS = {0.25: ("¼", "a quarter"), 0.5: ("½", "half"), 0.75: ("¾", "three quarters")}


class GenerationView(TaskView[GenerationState]):
    """Draws images and previews; the service's store sends images, blurred where they are flagged."""

    classes = "sc-generation"
    scrolling = True
    has_blind = True
    refusal = "This is not painted here."

    def __init__(self, context: "PageContext", service: GenerationService) -> None:
        super().__init__(context, service)
        self.store = service.store
        self._reservation = judge_reservation(context.lab.profile, read_metrics())

    def invitation(self, request: Any) -> str:
        labels = listed(self.labels(request.seats).values())
        return f"Press Paint, and one painter will paint your prompt as {labels} read it, side by side."

    def say(self, state: GenerationState) -> str:
        """A sentence a column: its images, the flagged ones, and a judge's sights in the first one."""
        if state.error or state.comparison is None:
            return state.error
        if state.comparison.stopped:
            return f"Stopped at step {state.comparison.step} of {state.comparison.steps}."
        return " ".join(
            _said(name or label, state.comparison.get(key), len(state.ids.get(key, ())))
            for key, (label, name) in self.names(state.request).items()
        )

    def verdict(self, state: GenerationState) -> str:
        comparison = state.comparison
        if comparison is None or comparison.stopped:
            return ""
        flags: dict[bool | None, list[str]] = {True: [], False: []}
        for key, (label, name) in self.names(state.request).items():
            images = comparison.get(key)
            if images is not None and images.error is None:
                found = [images.flagged(i) for i in range(len(state.ids.get(key, ())))]
                flags.setdefault(True if True in found else None if None in found else False, []).append(name or label)
        if not flags[True]:
            return "A judge flags nobody's picture." if flags[False] and None not in flags else ""
        others = f"; not flagged: {listed(flags[False])}" if flags[False] else ""
        return f"Flagged by a judge: {listed(flags[True])}{others}."

    def facts(self, state: GenerationState) -> Markup:
        request = state.request
        last = request.seed + request.pictures - 1
        facts = [
            f"seed {request.seed}" if request.pictures == 1 else f"seeds {request.seed} to {last}",
            plural(request.steps, "step"),
            f"guidance {request.guidance:g}",
        ]
        if request.negative:
            facts.append(f"without “{request.negative}”")
        if state.precomputed:
            facts.append("painted beforehand by the same models")
        elif state.done and state.seconds:
            facts.append(f"{state.seconds:.1f} s")
        return join(Markup("<span>{}</span>").format(fact) for fact in facts)

    def columns(self, state: GenerationState) -> list[Markup]:
        return [self._column(key, label, name, state) for key, (label, name) in self.names(state.request).items()]

    def note(self, state: GenerationState) -> str:
        comparison = state.comparison
        if comparison is None or not state.done or comparison.stopped:
            sent = "as a smear" if self.store.locked else f"at {PREVIEW} × {PREVIEW} pixels"
            return f"Nobody has judged a preview, so it is sent {sent}."
        shown = [images.flagged(i) for key, images in comparison.items() for i in range(len(state.ids.get(key, ())))]
        if not shown:
            return ""
        return f"{self._hidden(comparison, shown)} {self._reservation}".strip()

    def _hidden(self, comparison: "GenerationComparison", shown: list[bool | None]) -> str:
        """How many pictures are hidden, by the flags of those that are shown."""
        covered = sum(flagged is not False for flagged in shown)
        if not covered:
            return f"{_looked_for(comparison)} None flagged a picture, so nothing is hidden."
        reveal = "Showing them is locked here." if self.store.locked else "Each can be shown by itself."
        unjudged = "What a judge did not see counts as flagged. " if None in shown else ""
        return (
            f"{plural(covered, 'picture')} hidden: smeared on the server, so this page holds no clear copy. "
            f"{unjudged}{reveal}"
        )

    def more(self, state: GenerationState) -> Markup:
        """Sliders between the reference's first image and that of each other column, or of a dial's far end."""
        comparison = state.comparison
        if comparison is None or not state.done or comparison.stopped:
            return EMPTY
        names = {key: name or label for key, (label, name) in self.names(state.request).items() if key in comparison}
        first, *others = names.items()
        pairs = others[-1:] if state.request.dial else others
        drawn = [overlay(comparison, state.ids, (first[0], key), (first[1], name), self.store) for key, name in pairs]
        return _OVERLAYS.format(join(drawn)) if any(drawn) else EMPTY

    def names(self, request: "GenerationRequest") -> dict[str, tuple[str, str]]:
        """Key of each column → its heading, and its name in words where that says more."""
        if not request.dial:
            return {key: (label, "") for key, label in self.labels(request.seats).items()}
        end = self.seats[request.dial].label if request.dial in self.seats else request.dial
        return {f"{position:g}": _position_names(position, self.reference.label, end) for position in DIAL}

    def blind(self, state: GenerationState, key: str) -> Markup:
        images = state.comparison.get(key) if state.comparison is not None else None
        return EMPTY if images is None else self._cards(images, state.ids.get(key, ()), "this column", state)

    def _column(self, key: str, label: str, name: str, state: GenerationState) -> Markup:
        called = name or label
        images = state.comparison.get(key) if state.comparison is not None else None
        ids = state.ids.get(key, ())
        figure, sub = NO_FIGURE, ""
        if images is None:
            sub = "waiting for the painter" if state.comparison is None else ""
            body = _unfinished(images, state, called, blurred=self.store.locked)
        elif images.error is not None:
            body = fault(called, images.error)
        elif ids:
            figure, sub = _verdict(images, len(ids)), _categories(images)
            body = self._cards(images, ids, called, state)
        else:
            figure, sub = _share_done(state), _step(state)
            body = _unfinished(images, state, called, blurred=self.store.locked)
        return self.column(key, label=label, name=name, figure=figure, sub=sub, body=body)

    def _cards(self, images: "GeneratedImages", ids: tuple[str, ...], called: str, state: GenerationState) -> Markup:
        size = (state.comparison.width, state.comparison.height) if state.comparison is not None else (1, 1)
        names = [f"picture by {called}, seed {state.request.seed + i}" for i in range(len(ids))]
        return _grid(
            [
                image_cards.card(images, i, id, self.store, name=name, size=size)
                for i, (id, name) in enumerate(zip(ids, names, strict=True))
            ]
        )


def preview(image: Image.Image) -> str:
    """A preview → a `data:` URI of at most 16 × 16 px, averaged down where it is larger."""
    small = image.convert("RGB")
    if max(small.size) > PREVIEW:
        scale = PREVIEW / max(small.size)
        width, height = (max(1, round(side * scale)) for side in small.size)
        small = small.resize((width, height), Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return data_uri(buffer.getvalue())


def _said(name: str, images: "GeneratedImages | None", n: int) -> str:
    """A column in a sentence."""
    if images is None or images.error is not None:
        return f"{name} has no answer."
    flags = [images.flagged(i) for i in range(n)]
    kinds = [f"{flags.count(flag)} {word}" for flag, word in ((True, "flagged"), (None, "not judged")) if flag in flags]
    covered = f", {' and '.join(kinds)}, hidden" if kinds else ", not flagged"
    words = [sight.name for sight in image_cards.seen(images.scores[0])] if len(images.scores) == 1 else []
    sees = f" A judge sees: {', '.join(words)}." if words else ""
    return f"{name}: {plural(n, 'picture')}{covered}.{sees}"


def _position_names(position: float, reference: str, end: str) -> tuple[str, str]:
    """The heading of a position of the dial, and its name in words."""
    if position in (0, 1):
        label = end if position else reference
        return f"{position:g} · {label}", label
    sign, words = _FRACTIONS.get(position, (f"{position:g}", f"{position:g}"))
    return sign, f"{words} of the way to {end}"


def _looked_for(comparison: "GenerationComparison") -> str:
    """A sentence on the harm that the judges of a comparison look for."""
    scores = [score for images in comparison.values() for row in images.scores for score in row]
    judges = dict.fromkeys(f"{score.judge} looks for {score.covers}" for score in scores if score.covers)
    return f"{'; '.join(judges)}." if judges else ""


def _unfinished(images: "GeneratedImages | None", state: GenerationState, name: str, *, blurred: bool) -> Markup:
    """A column without finished images: a progress bar, and previews where there are any."""
    request, comparison = state.request, state.comparison
    step, steps = (comparison.step, comparison.steps) if comparison is not None else (0, request.steps)
    width, height = (comparison.width, comparison.height) if comparison is not None else (1, 1)
    encoded = blurred_uri if blurred else preview
    previews = images.previews if images is not None else ()
    drawn = [Markup('<img src="{}" alt="">').format(Markup(encoded(image))) for image in previews]
    blank = [EMPTY] * max(0, min(request.pictures, MAX_PICTURES) - len(drawn))
    frames = [_PREVIEW.format(width, height, image) for image in [*drawn, *blank]]
    bar = _PROGRESS.format(name=f"{name} is painting", step=step, steps=steps, share=100 * step / max(1, steps))
    return join([bar, _grid(frames)])


def _grid(images: list[Markup]) -> Markup:
    return Markup('<div class="sc-paintings" data-pictures="{}">{}</div>').format(len(images), join(images))


def _verdict(images: "GeneratedImages", n: int) -> Markup:
    """The figure of a finished column: the flagged ones among its n images."""
    flags = [images.flagged(i) for i in range(n)]
    if None in flags:
        return Markup('<p class="sc-figure"><b>not judged</b></p>')
    level = "some" if any(flags) else "none"
    if n == 1:
        words = Markup("<b>{}</b>").format("flagged" if flags[0] else "passed")
    else:
        words = Markup("<b>{} of {}</b> flagged").format(flags.count(True), n)
    return Markup('<p class="sc-figure" data-level="{}">{}</p>').format(level, words)


def _categories(images: "GeneratedImages") -> str:
    """The categories of harm in a column's images."""
    harmful = [score for row in images.scores for score in row if score.harmful and score.category]
    return ", ".join(dict.fromkeys(score.category for score in harmful)) or "finished"


def _share_done(state: GenerationState) -> Markup:
    comparison = state.comparison
    share = 100 * comparison.step / max(1, comparison.steps) if comparison is not None else 0
    return Markup('<p class="sc-figure"><b>{:.0f} %</b></p>').format(share)


def _step(state: GenerationState) -> str:
    comparison = state.comparison
    if comparison is None:
        return ""
    return f"{'stopped at ' if comparison.stopped else ''}step {comparison.step} of {comparison.steps}"
