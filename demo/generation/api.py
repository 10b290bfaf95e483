"""The generation endpoint."""

from typing import Any

from ..common.blur_policy import LOCKED
from ..common.endpoint import Json, TaskEndpoint
from .image_store import hidden
from .request import GenerationRequest
from .service import GenerationService, GenerationState


class GenerationEndpoint(TaskEndpoint[GenerationRequest, GenerationState]):
    """Paint one prompt with the text encoders of several seats, side by side and from the same noise.

    A picture that a judge calls harmful, or that nobody could judge, comes as a smear of 48 px.
    """

    name = "generate"
    returns = (
        '{"prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height", "pictures", "seats": {key: '
        '{"pictures", "flagged", "scores": [[{"judge", "version", "threshold", "value", "harmful", "sights", '
        '"category"}]], "images": [data URI], "hidden": [whether it is a smear], "error"}}, "notes", "stopped", '
        '"permalink", "fingerprint"}. With a dial the keys are its positions, "0" to "1".'
    )
    options = {"reveal": (False, "send harmful pictures unblurred too, where the server allows it.")}
    service: GenerationService

    def describe(self, state: GenerationState, **options: Any) -> Json:
        """The comparison with its images as the store sends them."""
        store, comparison = self.service.store, state.comparison
        result = super().describe(state)
        if comparison is None:
            return result
        reveal = options["reveal"]
        clear = reveal and not store.locked
        flagged = {key: [hidden(images, i) for i in range(len(images.pictures))] for key, images in comparison.items()}
        for key, seat in result["seats"].items():
            ids = state.ids.get(key, ())
            seat["images"] = [store.reveal(id).get("src", "") if clear else store.source(id) for id in ids]
            seat["hidden"] = [flag and not clear for flag in flagged[key]]
        if reveal and store.locked and any(map(any, flagged.values())):
            result["notes"] = [*result["notes"], LOCKED]
        return result
