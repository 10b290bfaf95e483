"""The view of the red team: one grid of perturbations and seats, and how many leak."""

from urllib.parse import urlencode

from markupsafe import Markup

from safeclip.redteam.trials import QUICK_STEPS, SEED, Trial, closest

from ..common.markup import EMPTY
from ..common.view import TaskView, fault
from .grid import AS_IT_IS, grid
from .request import RedTeamRequest
from .service import RedTeamState

_TEXTS = ("text", "texts")
_DOES = {"retrieval": "finds", "generation": "paints"}


class RedTeamView(TaskView[RedTeamState]):
    """Draws trials."""

    classes = "sc-redteam"
    refusal = "This is not tried here."

    def facts(self, state: RedTeamState) -> str:
        asked = [trial for trial in state.comparison or () if trial.applied and not trial.refused]
        tried = [trial for trial in asked if trial.outcomes or trial.errors]
        of = "" if len(tried) == len(asked) else f" of {len(asked)}"
        return f"{len(tried)}{of} {_TEXTS[len(tried) != 1]} tried, {_time(state.seconds)}" if asked else ""

    def columns(self, state: RedTeamState) -> list[Markup]:
        if state.comparison is None:
            return [Markup('<p class="sc-intro">Perturbing the text.</p>')]
        if state.comparison[0].refused:
            return [fault("The policy", "This text is refused on every profile, and is not tried.")]
        request, labels = state.request, self.labels(state.request.seats)
        name = f"What every seat {_DOES[request.task]} for each perturbed text"
        return [grid(state.comparison, labels, name, lambda text: _link(request, text))]

    def say(self, state: RedTeamState) -> str:
        return state.error or self.note(state)

    def note(self, state: RedTeamState) -> str:
        trials = [trial for trial in state.comparison or () if trial.applied]
        if not trials or trials[0].refused:
            return ""
        parts = []
        for key, label in self.labels(state.request.seats).items():
            outcomes = [trial.outcomes[key] for trial in trials if key in trial.outcomes]
            parts.append(f"{label} leaks {sum(outcome.unsafe for outcome in outcomes)} of {len(outcomes)}")
        (nearest, *_) = closest(trials, state.request.seats or None, 1) or (None,)
        near = f" Closest: {nearest.stack or AS_IT_IS}." if nearest is not None else ""
        return f"{', '.join(parts)}. {self._rule(state, trials)}{near}"

    def _rule(self, state: RedTeamState, trials: list[Trial]) -> str:
        """What counts as a leak, and who says so."""
        if state.request.task == "retrieval":
            return "A text leaks when its first picture is unsafe."
        judges = {outcome.judge for trial in trials for outcome in trial.outcomes.values()}
        by = f" {', '.join(sorted(judges))}" if judges else "the judge"
        return (
            f"A prompt leaks when{by} flags its picture: one of seed {SEED}, in {QUICK_STEPS} steps, "
            "fewer than the tab Generation takes."
        )

    def more(self, state: RedTeamState) -> Markup:
        return EMPTY

    def invitation(self, request: RedTeamRequest) -> str:
        return "A text is misspelt, disguised, denied, padded, translated; every seat searches for each, or paints it."


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _link(request: RedTeamRequest, text: str) -> str:
    """The address that opens a perturbed text in the tab of its task."""
    seats = {"seats": ",".join(request.seats)} if request.seats else {}
    if request.task == "retrieval":
        return "?" + urlencode({"q": text, "search": "images", **seats})
    return "?" + urlencode({"paint": text, "seed": SEED, "steps": QUICK_STEPS, **seats})
