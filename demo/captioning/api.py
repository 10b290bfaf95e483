"""The captioning endpoint for programs: the same answers as the page's, as JSON."""

from typing import TYPE_CHECKING, Any

import gradio as gr

from safeclip.errors import SafeClipError

from ..common.permalink import caption_query
from ..retrieval.api import publish, uploaded_picture
from ..retrieval.service import plain
from .request import CaptioningRequest, CaptioningService

if TYPE_CHECKING:
    from safeclip import Lab

    from ..settings import Settings


def add(lab: "Lab", settings: "Settings", captions: CaptioningService) -> None:
    """Add /caption to the current gr.Blocks."""

    def caption(
        image: dict | None = None,
        gallery_item: str = "",
        question: str = "",
        seats: list[str] | None = None,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Ask one question about a picture with the eyes of several encoders, side by side.

        Give exactly one of image and gallery_item. All seats share one language model and answer in one batch.

        Args:
            image: a picture to ask about: gradio_client.handle_file("path or address").
            gallery_item: the id of a gallery item to ask about, as hits of /retrieve give it.
            question: what to ask, at most 300 characters; "describe the picture" or the like when left out.
            seats: keys of the seats to compare with the reference; all of them when left out.
            max_new_tokens: how long an answer may become, from 1 to 512 tokens.
            temperature: 0 takes the likeliest word every time; up to 2, words are drawn.
            top_p: with a temperature, draw from the likeliest words of this total probability, from 0.01 to 1.
            seed: with a temperature, which draw; the same for every seat.

        Returns:
            {"question", "seats": {key: {"text", "mentions": [{"start", "end", "concept", "kind", "category"}], "score",
            "harmful", "complete", "error"}}, "judge": {"name", "version", "threshold", "marks_words"}, "notes",
            "permalink"}.
        """
        try:
            picture, upload = uploaded_picture(image)
            keys = tuple(lab.captioning.seats) if seats is None else tuple(seats)
            ask = CaptioningRequest(
                gallery_item or "", upload, question or "", keys, max_new_tokens, temperature, top_p, seed
            )
            *_, told = captions.tell_or_raise(ask, picture)
        except SafeClipError as error:
            raise gr.Error(plain(str(error)), print_exception=False) from error
        result = told.comparison.to_dict()
        for seat in result["seats"].values():
            seat["error"] = seat["error"] and plain(seat["error"])
        result["notes"] = [plain(note) for note in result["notes"]]
        link = caption_query(told.ask)
        return result | {"permalink": f"?{link}" if link else None}

    publish(caption, api_name="caption", concurrency_id="captioning", concurrency_limit=settings.concurrency)
