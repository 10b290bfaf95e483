"""Makes the page's index in a thread while the page is up, and says how far it is."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from safeclip.errors import SafeClipError, first_line
from safeclip.index_making import FIRST_ROWS, IndexMaker, MakingStep, searchable_rows

if TYPE_CHECKING:
    from safeclip import Lab

log = logging.getLogger(__name__)


class IndexMaking:
    """One making of a lab's index by `maker`. `on_growth` is called whenever more rows can be searched.

    Safe to read from several threads.
    """

    def __init__(self, lab: "Lab", maker: IndexMaker) -> None:
        self._lab = lab
        self._maker = maker
        self._grown: list[Callable[[], None]] = []
        self._finished = threading.Event()
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

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until the making has ended; False where it has not within `seconds`."""
        return self._finished.wait(seconds)

    @property
    def sentence(self) -> str:
        """How far it is, or why it ended; "" when all is done."""
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
        except Exception as error:  # whatever the maker's libraries raise: the page goes on without an index
            log.exception("the index could not be made")
            self.error = f"{first_line(error)} The server's log says more."
        finally:
            self._finished.set()

    def _note(self, step: MakingStep) -> None:
        grown = step.searchable > self.step.searchable
        self.step = step
        if grown:
            self._lab.retrieval.refresh()
            for call in self._grown:
                call()


def _duration(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {max(1, round(seconds))} s"
