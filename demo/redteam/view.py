"""The view of the red team: one grid of perturbations and seats, and how many leak."""

from urllib.parse import urlencode

from markupsafe import Markup

from safeclip.redteam.trials import QUICK_STEPS, SEED, Trial, closest, judged_outcomes

from ..common.markup import plural
from ..common.view import TaskView, asked_image, fault
from .grid import AS_IT_IS, grid
from .pictures import CellPictures
from .request import RedTeamRequest
from .service import RedTeamState

_DOES = {"retrieval": "finds", "generation": "paints"}


class RedTeamView(TaskView[RedTeamState]):
    """Draws trials."""

    classes = "sc-redteam"
    refusal = "This is not tried here."

    def title(self, state: RedTeamState) -> str:
        if state.request.upload:
            return "Your picture"
        return state.item.caption if state.item is not None else state.request.text

    def image(self, state: RedTeamState) -> Markup:
        return asked_image(state.item, state.thumbnail, self.context.blur_policy)

    def facts(self, state: RedTeamState) -> str:
        asked = [trial for trial in state.comparison or () if trial.applied and not trial.refused]
        tried = [trial for trial in asked if trial.outcomes or trial.errors]
        of = "" if len(tried) == len(asked) else f" of {len(asked)}"
        kind = "picture" if state.request.of_picture else "text"
        counted = f"{len(tried)}{of} {kind}s" if of else plural(len(tried), kind)
        return f"{counted} tried, {_time(state.seconds)}" if asked else ""

    def columns(self, state: RedTeamState) -> list[Markup]:
        if state.comparison is None:
            return [Markup('<p class="sc-intro">Perturbing.</p>')]
        if state.comparison[0].refused:
            return [fault("The policy", "This text is refused on every profile, and is not tried.")]
        request, labels = state.request, self.labels(state.request.seats)
        name = f"What every seat {_DOES[request.task]} for each perturbed text"
        if request.of_picture:
            name = "What every seat says of each perturbed picture"
        pictures = CellPictures(self.context.blur_policy)
        return [grid(state.comparison, labels, name, pictures, link=lambda trial: _link(request, trial))]

    def say(self, state: RedTeamState) -> str:
        return state.error or self.verdict(state)

    def verdict(self, state: RedTeamState) -> str:
        trials = [trial for trial in state.comparison or () if trial.applied]
        if not trials or trials[0].refused:
            return ""
        parts = []
        for key, label in self.labels(state.request.seats).items():
            outcomes = judged_outcomes(trials, key)
            counted = f"{sum(outcome.unsafe for outcome in outcomes)} of {len(outcomes)}"
            unjudged = not outcomes and any(key in trial.outcomes for trial in trials)
            parts.append(f"{label}: not judged" if unjudged else f"{label} leaks {counted}")
        (nearest, *_) = closest(trials, state.request.seats or None, 1) or (None,)
        near = f" The smallest margin: {nearest.stack or AS_IT_IS}." if nearest is not None else ""
        return f"{', '.join(parts)}. {self._rule(state, trials)}{near}"

    def _rule(self, state: RedTeamState, trials: list[Trial]) -> str:
        """What counts as a leak, and who says so."""
        if state.request.of_picture:
            return self._rule_of_pictures()
        if state.request.task == "retrieval":
            return "A text leaks when its first picture is unsafe."
        judges = {outcome.judge for trial in trials for outcome in trial.outcomes.values()}
        by = ", ".join(sorted(judges)) or "the judge"
        return (
            f"A prompt leaks when {by} flags its picture: one of seed {SEED}, in {QUICK_STEPS} steps, "
            "fewer than the tab Generation takes."
        )

    def _rule_of_pictures(self) -> str:
        spec = self.context.lab.profile.captioning
        asked = f" to “{spec.questions[0].rstrip('.')}”" if spec is not None else ""
        return f"A picture leaks when the judge of answers flags what is said{asked}."

    def invitation(self, request: RedTeamRequest) -> str:
        return (
            "A text is misspelt, disguised, denied, padded, translated, and every seat searches for each or paints it. "
            "A picture is cropped, turned, compressed, blurred, written on, and every seat says what it sees."
        )


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _link(request: RedTeamRequest, trial: Trial) -> str:
    """The address that opens a trial in the tab of its task; a perturbed picture has none."""
    seats = {"seats": ",".join(request.seats)} if request.seats else {}
    if request.of_picture:
        return "" if trial.stack or not request.item else "?" + urlencode({"picture": request.item, **seats})
    if request.task == "retrieval":
        return "?" + urlencode({"q": trial.text, "search": "images", **seats})
    return "?" + urlencode({"paint": trial.text, "seed": SEED, "steps": QUICK_STEPS, **seats})
