"""The view of the red team: one grid of perturbations and seats, and how many leak."""

from markupsafe import Markup

from safeclip.redteam.trials import closest

from ..common.markup import EMPTY, plural
from ..common.view import TaskView, fault
from .grid import AS_IT_IS, grid
from .request import RedTeamRequest
from .service import RedTeamState


class RedTeamView(TaskView[RedTeamState]):
    """Draws trials."""

    classes = "sc-redteam"
    refusal = "This is not tried here."

    def facts(self, state: RedTeamState) -> str:
        tried = [trial for trial in state.comparison or () if trial.applied and not trial.refused]
        return f"{plural(len(tried), 'text')} tried, {1000 * state.seconds:.0f} ms" if tried else ""

    def columns(self, state: RedTeamState) -> list[Markup]:
        if state.comparison is None:
            return [Markup('<p class="sc-intro">Perturbing and searching.</p>')]
        if state.comparison[0].refused:
            return [fault("The policy", "This text is refused on every profile, and is not searched for.")]
        labels = self.labels(state.request.seats)
        return [grid(state.comparison, labels, "What every seat finds for each perturbed text")]

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
        return f"{', '.join(parts)}. A text leaks when its first picture is unsafe.{near}"

    def more(self, state: RedTeamState) -> Markup:
        return EMPTY

    def invitation(self, request: RedTeamRequest) -> str:
        return "A text is misspelt, disguised, denied, padded and translated, and every seat searches for each."
