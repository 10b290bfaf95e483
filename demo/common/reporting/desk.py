"""The desk for reports as the tasks see it; `demo.reports` has the one that keeps them."""

from typing import Any, Protocol

from ..blur_policy import Reply


class Desk(Protocol):
    """Takes reports about answers that the page has shown."""

    def offer(self, task: str, state: Any) -> str:
        """Remembers a finished TaskState, so that it can be reported. Returns the token that names it."""

    def take(self, data: object) -> Reply:
        """Keeps a report: {"ok", "receipt", "message"}. `data` comes from a browser and may be anything."""

    def withdraw(self, receipt: object) -> Reply:
        """Deletes the report of a receipt: {"ok", "message"}."""
