"""The generation endpoint for programs: the same pictures as the page's, as JSON."""

from typing import TYPE_CHECKING, Any

import gradio as gr

from safeclip.errors import SafeClipError

from ..common.blur_policy import LOCKED
from ..common.permalink import generation_query
from ..retrieval.api import publish
from ..retrieval.service import plain
from .request import GenerationRequest
from .service import GenerationService, GenerationState, hidden

if TYPE_CHECKING:
    from safeclip import Lab

    from ..settings import Settings


def add(lab: "Lab", settings: "Settings", generations: GenerationService) -> None:
    """Add /generate to the current gr.Blocks."""

    def generate(
        prompt: str = "",
        negative_prompt: str = "",
        seats: list[str] | None = None,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
        dial: str = "",
        reveal: bool = False,
    ) -> dict[str, Any]:
        """Paint one prompt with the text encoders of several seats, side by side and from the same noise.

        A picture that a judge calls harmful, or that nobody could judge, comes as a smear of 48 px.

        Args:
            prompt: what to paint, at most 1000 characters.
            negative_prompt: what to keep out of the picture.
            seats: keys of the seats to compare with the reference; all of them when left out.
            seed: which noise to start from; picture i of every seat starts from that of seed + i.
            steps: how many denoising steps, from 1 to 100; the profile's when left out.
            guidance: how strictly to follow the prompt, from 1 to 20; the profile's when left out.
            pictures: how many a seat, from 1 to 4.
            dial: key of a seat: instead of the seats, five blends from the reference to it, one picture each.
            reveal: send harmful pictures unblurred too, where the server allows it.

        Returns:
            {"prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height", "pictures", "seats": {key:
            {"pictures", "flagged", "scores": [[{"judge", "version", "threshold", "value", "harmful", "sights",
            "category"}]], "images": [data URI], "hidden": [whether it is a smear], "error"}}, "notes", "stopped",
            "permalink"}. With a dial the keys are its positions, "0" to "1".
        """
        try:
            keys = tuple(lab.generation.seats) if seats is None else seats
            ask = GenerationRequest(prompt, negative_prompt, keys, seed, steps, guidance, pictures, dial)
            *_, painted = generations.tell_or_raise(ask)
        except SafeClipError as error:
            raise gr.Error(plain(str(error)), print_exception=False) from error
        return _described(painted, generations, reveal is True)

    publish(generate, api_name="generate", concurrency_id="generation", concurrency_limit=settings.concurrency)


def _described(painted: GenerationState, generations: GenerationService, reveal: bool) -> dict[str, Any]:
    """The comparison as JSON, with pictures as the store lets them out."""
    store, comparison = generations.store, painted.comparison
    clear = reveal and not store.locked
    result = comparison.to_dict()
    covered = False
    for key, seat in result["seats"].items():
        ids, flags = painted.ids.get(key, ()), [hidden(comparison[key], i) for i in range(seat["pictures"])]
        seat["images"] = [store.reveal(id).get("src", "") if clear else store.source(id) for id in ids]
        seat["hidden"] = [flag and not clear for flag in flags]
        seat["error"] = seat["error"] and plain(seat["error"])
        covered |= any(flags)
    locked = [LOCKED] if reveal and store.locked and covered else []
    result["notes"] = [*map(plain, comparison.notes), *locked]
    return result | {"permalink": f"?{generation_query(painted.ask)}"}
