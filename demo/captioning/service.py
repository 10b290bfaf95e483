"""The captioning service: runs LLaVA on an image with every seat's vision tower."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..common.blur_policy import thumbnail_uri
from ..common.model_service import ModelService
from ..common.service import Answers, TaskState
from ..common.zero_gpu import token_seconds
from .precomputed import PrecomputedCaptions
from .request import CaptioningRequest

if TYPE_CHECKING:
    from safeclip.captioning.compare import Captioning
    from safeclip.captioning.results import CaptionComparison
    from safeclip.retrieval.gallery import Item

    from ..common.context import PageContext

_UPLOAD_SIZE = 480  # pixels of the copy of an upload that the page shows


@dataclass(frozen=True)
class CaptioningState(TaskState[CaptioningRequest]):
    """State of one question; `comparison` is None while the language model is loaded.

    The image is the gallery's `item`, or an uploaded one with the `data:` URI `thumbnail`.
    """

    comparison: "CaptionComparison | None" = None
    item: "Item | None" = None
    thumbnail: str = ""


class CaptioningService(ModelService[CaptioningRequest, CaptioningState]):
    """Answers questions about images of the gallery and uploaded ones."""

    name = "captioning"
    request_type = CaptioningRequest
    state_type = CaptioningState

    def __init__(self, context: "PageContext", *, precomputed: Answers | None = None) -> None:
        super().__init__(context, precomputed=precomputed or PrecomputedCaptions(context.lab))

    @property
    def model(self) -> "Captioning":
        return self.lab.captioning

    @property
    def default(self) -> CaptioningRequest:
        return replace(super().default, question=self.model.questions[0])

    def begin(
        self, request: CaptioningRequest, upload: Image.Image | None
    ) -> tuple[CaptioningState, Image.Image | None]:
        item, image = self.requested_image(request, upload)
        thumbnail = thumbnail_uri(image, _UPLOAD_SIZE) if image is not None and item is None else ""
        return CaptioningState(request, item=item, thumbnail=thumbnail), image

    def arguments(self, request: CaptioningRequest, image: Image.Image | None) -> dict[str, Any]:
        return {
            "image": image,
            "question": request.question,
            "seats": self.columns(request),
            "max_new_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed,
        }

    def stream(self, *, stop: threading.Event, **arguments: Any) -> "Iterator[CaptionComparison]":
        return self.model.stream(**arguments, stop=stop)

    def compare(self, **arguments: Any) -> "CaptionComparison":
        return self.model.compare(**arguments)

    def gpu_seconds(self, **arguments: Any) -> int:
        return token_seconds(arguments["max_new_tokens"])
