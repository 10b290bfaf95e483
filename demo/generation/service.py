"""Prompts and what becomes of them: one record for what is painted so far, and who asks the lab for it."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from safeclip.errors import RefusedError, SafeClipError

from ..common.zero_gpu import borrows, lend, picture_seconds
from ..retrieval.service import plain
from .png_metadata import settings_of
from .request import GenerationRequest, checked, default_ask

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.generation.results import GeneratedImages, GenerationComparison

    from .image_store import ImageStore
    from .precomputed import PrecomputedImages

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenerationState:
    """All that the page shows of one prompt at one moment. `error` alone is set when nobody could paint.

    `comparison` is None while the pipeline is loaded. `ids` has for each column the id of every finished picture in the
    PictureStore. `shipped` pictures were painted before, by the same models. `refused` says that the policy forbids
    the prompt; `error` is then its text.
    """

    ask: GenerationRequest
    comparison: "GenerationComparison | None" = None
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shipped: bool = False
    seconds: float = 0.0
    error: str = ""
    refused: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return bool(self.error) or (self.comparison is not None and self.comparison.done)


class GenerationService:
    """Asks the lab for pictures. Safe to call from several threads."""

    def __init__(self, lab: "Lab", shipped: "PrecomputedImages", store: "ImageStore") -> None:
        self.lab = lab
        self.shipped = shipped
        self.store = store
        self._shipped_ids: dict[GenerationRequest, dict[str, tuple[str, ...]]] = {}
        self._lent = lend(lambda ask: picture_seconds(ask.steps, ask.pictures, ask.columns))(self._compare)

    @property
    def default(self) -> GenerationRequest:
        """An empty ask with the profile's own options."""
        return default_ask(self.lab.generation)

    @cached_property
    def _models(self) -> str:
        """The fingerprint of the models, or the name of a checkpoint whose files are not here to be hashed."""
        generation = self.lab.generation
        try:
            return generation.fingerprint
        except SafeClipError:
            return "@".join(filter(None, (generation.spec.checkpoint, generation.spec.revision)))

    def tell(self, ask: GenerationRequest, stop: threading.Event | None = None) -> Iterator[GenerationState]:
        """The pictures as they are painted. Never raises, whatever `ask` holds: see `GenerationState.error`.

        Setting `stop` ends it at the next denoising step; the last thing told then has previews and no pictures.
        """
        shown = GenerationRequest()  # until `ask` is known to be one
        try:
            shown = checked(ask, self.lab.generation)
            yield from self._tell(shown, stop)
        except RefusedError as error:
            yield GenerationState(shown, error=str(error), refused=True)
        except SafeClipError as error:
            yield GenerationState(shown, error=plain(str(error)))
        except Exception:
            log.exception("a prompt failed: %s", replace(shown, prompt=shown.prompt[:80], negative=""))
            yield GenerationState(
                shown, error="Something went wrong on the server, and its log says what. Paint something else."
            )

    def tell_or_raise(self, ask: GenerationRequest, stop: threading.Event | None = None) -> Iterator[GenerationState]:
        """As `tell`, but raises SafeClipError."""
        yield from self._tell(checked(ask, self.lab.generation), stop)

    def _kept_shipped(self, painted: GenerationState) -> GenerationState:
        """As `_kept`, but the same ids for the same pictures, as long as the store has them."""
        ids = self._shipped_ids.get(painted.ask)
        if ids is None or not all(self.store.source(id) for each in ids.values() for id in each):
            ids = self._shipped_ids[painted.ask] = self._kept(painted).ids
        return replace(painted, ids=ids)

    def _kept(self, painted: GenerationState) -> GenerationState:
        """`painted` with its finished pictures in the store."""
        comparison = painted.comparison
        if comparison is None or not comparison.done:
            return painted
        ids = {
            key: tuple(self._put(painted, key, i) for i in range(len(each.pictures)))
            for key, each in comparison.items()
        }
        return replace(painted, ids=ids)

    def _put(self, painted: GenerationState, key: str, i: int) -> str:
        painting = painted.comparison[key]
        settings = settings_of(self.lab, painted.ask, painted.comparison, key, i, models=self._models)
        return self.store.put(painting.pictures[i], flagged=hidden(painting, i), settings=settings)

    def _tell(self, ask: GenerationRequest, stop: threading.Event | None) -> Iterator[GenerationState]:
        generation, painted = self.lab.generation, GenerationState(ask)
        if (found := self.shipped.find(ask)) is not None:
            yield self._kept_shipped(replace(painted, comparison=found, shipped=True))
            return
        started = time.perf_counter()
        lent = borrows(generation.spec)
        states = self._stream(ask, stop)  # which checks the ask, and paints nothing before it is iterated
        yield painted  # another visitor's picture may be in the making, and a pipeline to be loaded
        for comparison in self._borrowed(ask) if lent else states:
            seconds = time.perf_counter() - started
            yield self._kept(replace(painted, comparison=comparison, seconds=seconds))

    def _borrowed(self, ask: GenerationRequest) -> "Iterator[GenerationComparison]":
        """The finished comparison alone. Judges stay in this process: their sessions do not outlive a fork."""
        self.lab.generation.load(self._seats(ask))
        yield self.lab.generation.judged(self._lent(ask))

    def _stream(self, ask: GenerationRequest, stop: threading.Event | None) -> "Iterator[GenerationComparison]":
        generation = self.lab.generation
        if ask.dial:
            return generation.dial_stream(ask.prompt, seat=ask.dial, stop=stop, **_how(ask))
        return generation.stream(ask.prompt, seats=self._seats(ask), pictures=ask.pictures, stop=stop, **_how(ask))

    def _compare(self, ask: GenerationRequest) -> "GenerationComparison":
        generation = self.lab.generation
        if ask.dial:
            return generation.dial(ask.prompt, seat=ask.dial, judge=False, **_how(ask))
        seats = self._seats(ask)
        return generation.compare(ask.prompt, seats=seats, pictures=ask.pictures, judge=False, **_how(ask))

    def _seats(self, ask: GenerationRequest) -> tuple[str, ...]:
        return (self.lab.generation.reference, *ask.seats)


def hidden(painting: "GeneratedImages", i: int) -> bool:
    """Whether picture i is to be smeared: a judge flags it, or nobody judged it."""
    return painting.flagged(i) is not False


def _how(ask: GenerationRequest) -> dict[str, Any]:
    return {"negative_prompt": ask.negative, "seed": ask.seed, "steps": ask.steps, "guidance": ask.guidance}
