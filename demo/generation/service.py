"""The generation service: runs Stable Diffusion on a prompt with every seat's text encoder."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.errors import SafeClipError
from safeclip.generation.compare import DIAL
from safeclip.runtime.recently_used import RecentlyUsed

from ..common.model_service import ModelService
from ..common.service import Answers, TaskState
from ..common.zero_gpu import image_seconds
from .image_store import ImageStore, hidden
from .png_metadata import metadata_of
from .precomputed import PrecomputedImages
from .request import GenerationRequest

if TYPE_CHECKING:
    from safeclip.generation.compare import Generation
    from safeclip.generation.results import GenerationComparison

    from ..common.context import PageContext


@dataclass(frozen=True)
class GenerationState(TaskState[GenerationRequest]):
    """State of one prompt; `comparison` is None while the pipeline is loaded.

    `ids` has for each column the ids of its finished images in the ImageStore.
    """

    comparison: "GenerationComparison | None" = None
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)


def without_pixels(state: GenerationState) -> GenerationState:
    """A finished state whose images are in the store alone, to be kept without their weight."""
    comparison = state.comparison
    if comparison is None:
        return state
    bare = {key: replace(images, pictures=(), previews=()) for key, images in comparison.items()}
    return replace(state, comparison=replace(comparison, columns=bare))


class GenerationService(ModelService[GenerationRequest, GenerationState]):
    """Generates images and keeps the finished ones in `store`, from where the page and programs fetch them."""

    name = "generation"
    request_type = GenerationRequest
    state_type = GenerationState
    cached = False
    shared = True
    announces_queue = True

    def __init__(
        self, context: "PageContext", *, precomputed: Answers | None = None, store: ImageStore | None = None
    ) -> None:
        super().__init__(context, precomputed=precomputed or PrecomputedImages(context.lab))
        self.store = store or ImageStore(locked=context.settings.reveal_locked)
        self._finished: RecentlyUsed[GenerationState] = RecentlyUsed(context.settings.cache_size)
        self._precomputed_ids: dict[GenerationRequest, dict[str, tuple[str, ...]]] = {}

    @property
    def model(self) -> "Generation":
        return self.lab.generation

    @property
    def default(self) -> GenerationRequest:
        spec = self.model.spec
        return replace(super().default, steps=spec.steps, guidance=spec.guidance)

    @cached_property
    def models(self) -> str:
        """The fingerprint of the models, or the name of a checkpoint whose files are not here to be hashed."""
        try:
            return self.model.fingerprint
        except SafeClipError:
            return "@".join(filter(None, (self.model.spec.checkpoint, self.model.spec.revision)))

    def find_ready(self, request: GenerationRequest) -> GenerationState | None:
        """Also the latest answers, while the store has their images: a page that is loaded again paints nothing."""
        ready = super().find_ready(request)
        if ready is not None:
            return ready
        try:
            kept = self._finished.find(self.checked(request))
        except SafeClipError:  # whoever computes the answer says so
            return None
        ids = [id for each in kept.ids.values() for id in each] if kept is not None else []
        return kept if ids and all(self.store.source(id) for id in ids) else None

    def completed(self, state: GenerationState) -> GenerationState:
        """A state with its finished images in the store; precomputed ones keep their ids while the store has them."""
        if state.comparison is None or not state.comparison.done:
            return state
        if not state.precomputed:
            finished = replace(state, ids=self._stored(state))
            if finished.repeatable:
                self._finished.put(state.request, without_pixels(finished))
            return finished
        ids = self._precomputed_ids.get(state.request)
        if ids is None or not all(self.store.source(id) for each in ids.values() for id in each):
            ids = self._precomputed_ids[state.request] = self._stored(state)
        return replace(state, ids=ids)

    def arguments(self, request: GenerationRequest, image: Image.Image | None) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "prompt": request.prompt,
            "negative_prompt": request.negative,
            "seed": request.seed,
            "steps": request.steps,
            "guidance": request.guidance,
        }
        if request.dial:
            return arguments | {"seat": request.dial}
        return arguments | {"seats": self.columns(request), "pictures": request.pictures}

    def stream(self, *, stop: threading.Event, **arguments: Any) -> "Iterator[GenerationComparison]":
        stream = self.model.dial_stream if "seat" in arguments else self.model.stream
        return stream(**arguments, stop=stop)

    def compare(self, **arguments: Any) -> "GenerationComparison":
        model = self.model
        compare = model.dial if "seat" in arguments else model.compare
        return compare(**arguments, judge=False)

    def judged(self, comparison: "GenerationComparison") -> "GenerationComparison":
        return self.model.judged(comparison)

    def gpu_seconds(self, **arguments: Any) -> int:
        images = len(DIAL) if "seat" in arguments else len(arguments["seats"]) * arguments["pictures"]
        return image_seconds(arguments["steps"], images)

    def _stored(self, state: GenerationState) -> dict[str, tuple[str, ...]]:
        comparison = state.comparison
        if comparison is None:
            return {}
        made = {"models": self.models, "fingerprint": self.fingerprint}
        return {
            key: tuple(
                self.store.put(
                    image,
                    flagged=hidden(images, i),
                    metadata=metadata_of(self.lab, state.request, comparison, key, i, **made),
                )
                for i, image in enumerate(images.pictures)
            )
            for key, images in comparison.items()
        }
