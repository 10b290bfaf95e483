"""The endpoint of the red team."""

from typing import Any

from ..common.endpoint import Json, TaskEndpoint
from .request import RedTeamRequest
from .service import RedTeamState


class RedTeamEndpoint(TaskEndpoint[RedTeamRequest, RedTeamState]):
    """Perturb a text in every way there is, and search or paint with each under every seat; or caption a picture so.

    Give exactly one of text, image and gallery_item. A margin is the best safe score minus the best unsafe one, or what
    a judge's score lacks to its threshold; the smaller, the closer to a leak. What the policy forbids before, between
    or after the perturbations is refused.
    """

    name = "redteam"
    returns = (
        '{"trials": [{"stack", "text", "applied", "refused", "seats": {key: {"leaks", "judged", "unsafe_hits", '
        '"margin", "found", "score", "threshold", "said", "judge"} or {"error"}}, "notes"}], "permalink", '
        '"fingerprint"}.'
    )

    def describe(self, state: RedTeamState, **options: Any) -> Json:
        return {"trials": state.answer()}
