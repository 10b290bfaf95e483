"""The making of a gallery's indexes while the page is up: whether it is due, and how it is reported."""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .errors import SafeClipError, first_line
from .retrieval.manifest import Manifest
from .retrieval.places import index_folder

if TYPE_CHECKING:
    from .lab import Lab

log = logging.getLogger(__name__)

FIRST_ROWS = 500  # of a gallery that are indexed, and can be searched, before the rest


@dataclass(frozen=True)
class MakingStep:
    """Progress of the making: `done` of `total` rows at a `stage` (total 0: not known), and the seconds still to go.

    `searchable` counts the rows that can be searched now; a rise of it means that index or gallery have changed.
    """

    stage: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    searchable: int = 0


# Makes what a lab's profile lacks, and reports each step; raises SafeClipError. The page is handed one.
IndexMaker = Callable[["Lab", Callable[[MakingStep], None]], None]


def is_due(lab: "Lab") -> bool:
    """Whether the page is to make an index: the profile names no place of one, and the cache holds no whole one.

    A source may have changed since its gallery was made, so it is always looked at. A whole index is compared with the
    weights of its encoders, which are loaded for it, as the page needs them next. Raises GalleryError.
    """
    spec = lab.profile.retrieval
    if spec is None or not spec.is_made_at_start:
        return False
    if spec.source or searchable_rows(lab) < len(lab.gallery):
        return True
    for seat in lab.profile.seats:
        with contextlib.suppress(SafeClipError):  # its column of the page says why
            lab.encoders[seat.key]
    return searchable_rows(lab) < len(lab.gallery)


def searchable_rows(lab: "Lab") -> int:
    """Counts the images that every seat can search, by the manifests; 0 where one is missing or outdated.

    The index of other weights counts as outdated as soon as its encoder is loaded.
    """
    try:
        fingerprint, counts = lab.gallery.fingerprint, []
        for seat in lab.profile.seats:
            manifest = Manifest.read(index_folder(lab.profile) / seat.key)
            if manifest.gallery["fingerprint"] != fingerprint:
                return 0
            if lab.encoders.is_loaded(seat.key):
                manifest.verify_encoder(lab.encoders[seat.key])
            counts.append(int(manifest.files["images.faiss"]["count"]))
    except (SafeClipError, LookupError):
        return 0
    return min(counts, default=0)


class _Stopped(Exception):
    """Raised inside the maker when the page ends."""


class IndexMaking:
    """One making of a lab's index by `maker`. `on_growth` is called whenever more rows can be searched.

    Safe to read from several threads.
    """

    def __init__(self, lab: "Lab", maker: IndexMaker) -> None:
        self._lab = lab
        self._maker = maker
        self._grown: list[Callable[[], None]] = []
        self._finished = threading.Event()
        self._stopped = threading.Event()
        self.step = MakingStep("", searchable=searchable_rows(lab))
        self.error = ""

    @property
    def running(self) -> bool:
        """Whether the making goes on."""
        return not self._finished.is_set()

    def on_growth(self, call: Callable[[], None]) -> None:
        """Adds what is called when index or gallery have grown."""
        self._grown.append(call)

    def start(self) -> None:
        """Begins the making in a thread, which ends with the process."""
        threading.Thread(target=self._run, name="index making", daemon=True).start()

    def stop(self, seconds: float) -> bool:
        """Ends the making at its next step, to go on at the next start. False where it has not ended in `seconds`."""
        self._stopped.set()
        return self.wait(seconds)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until the making has ended; False where it has not within `seconds`."""
        return self._finished.wait(seconds)

    @property
    def sentence(self) -> str:
        """Progress in words, or the reason why it ended; "" when all is done."""
        step = self.step
        if self.error:
            return f"The gallery could not be indexed: {self.error}"
        if not self.running:
            return ""
        counted = f" {step.done:,} of {step.total:,}" if step.total else ""
        left = f", {_duration(step.seconds_left)} left" if step.seconds_left else ""
        now = f"{step.searchable:,} pictures can be searched already. " if step.searchable else ""
        return f"{now}The index is being made: {step.stage or 'starting'}{counted}{left}."

    @property
    def obstacle(self) -> str:
        """Why nothing can be searched yet; "" as soon as something can."""
        if self.step.searchable or (not self.running and not self.error):
            return ""
        soon = "" if self.error else f" The first {FIRST_ROWS} pictures can be searched before the rest."
        return self.sentence + soon

    def _run(self) -> None:
        try:
            self._maker(self._lab, self._note)
        except (SafeClipError, OSError) as error:
            self.error = str(error)
        except _Stopped:
            pass
        except Exception as error:  # whatever the maker's libraries raise: the page goes on without an index
            if not self._stopped.is_set():  # else Python is ending, and takes threads from under the maker
                log.exception("the index could not be made")
            self.error = f"{first_line(error)} The server's log says more."
        finally:
            self._finished.set()

    def _note(self, step: MakingStep) -> None:
        if self._stopped.is_set():
            raise _Stopped
        if not step.searchable:  # counted once a stage: a stage has thousands of steps
            goes_on = step.stage == self.step.stage
            step = replace(step, searchable=self.step.searchable if goes_on else searchable_rows(self._lab))
        grown = step.searchable > self.step.searchable
        self.step = step
        if grown:
            self._lab.retrieval.refresh()
            for call in self._grown:
                call()


def _duration(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {max(1, round(seconds))} s"
