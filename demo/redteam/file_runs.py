"""The files of texts that visitors run: each session has one at a time, and the reports of its latest."""

import base64
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from safeclip.redteam.batch import Results
from safeclip.runtime.recently_used import RecentlyUsed

from ..common.blur_policy import Reply
from ..common.session_runs import SessionRuns
from . import report

if TYPE_CHECKING:
    from safeclip import Lab

_SESSIONS = 50  # whose results are kept, the latest

FORMATS = {"html": "text/html", "csv": "text/csv"}


class FileRuns:
    """Ends a session's run when it begins another, and makes reports of what is done. Safe to call from threads."""

    def __init__(self, lab: "Lab", labels: Mapping[str, str]) -> None:
        """`labels` are those of all seats."""
        self._lab = lab
        self._labels = labels
        self._runs = SessionRuns()
        self._results: RecentlyUsed[Results] = RecentlyUsed(_SESSIONS)

    def start(self, session: str) -> threading.Event:
        """Ends the session's run, and returns what ends the new one."""
        return self._runs.start(session).stop

    def end(self, session: str) -> None:
        """Ends the session's run before its next text."""
        self._runs.stop(session)

    def keep(self, session: str, results: Results) -> None:
        """Keeps the results so far of the session's run."""
        self._results.put(session, results)

    def download(self, id: object) -> Reply:
        """A report to save, by its format and session: "html …". `id` comes from the browser and may be anything."""
        format, _, session = str(id).partition(" ")
        results = self._results.find(session)
        if not results or format not in FORMATS:
            return {"ok": False, "message": "There is no report any more. Give the file again."}
        content = report.to_csv(results) if format == "csv" else self._html(results)
        src = f"data:{FORMATS[format]};charset=utf-8;base64,{base64.b64encode(content.encode()).decode()}"
        return {"ok": True, "name": f"red-team.{format}", "src": src}

    def _html(self, results: Results) -> str:
        tried = {seat for _, trials in results for trial in trials for seat in (*trial.outcomes, *trial.errors)}
        labels = {seat: label for seat, label in self._labels.items() if seat in tried} or self._labels
        about = f"{len(results)} texts of a file, on the profile {self._lab.profile.title}."
        return report.to_html(results, labels, self._lab.gallery, "Red team", about)
