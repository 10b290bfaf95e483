"""The desk: remembers the answers that were shown, takes reports about them, and deletes those of a receipt."""

import hashlib
import json
import logging
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

import safeclip
from safeclip.runtime.recently_used import RecentlyUsed

from ..common.blur_policy import Reply
from ..common.context import PageContext
from ..common.reporting.fingerprint import parts_of
from ..common.reporting.panel import KINDS, LONGEST_REASON
from ..common.request_codec import one_line
from ..common.service import TaskState
from .hub_copy import HubCopy
from .store import Record, ReportError, ReportStore

log = logging.getLogger(__name__)

_REMEMBERED = 1000  # answers
_GONE = "This answer is not remembered any more. Ask again, and report the new answer."
_MALFORMED = "This is no report. Reload the page and try again."
_KEPT = "Kept, thank you."
_NOT_DELETED = "The report could not be deleted now. Try again in a minute."


class ReportDesk:
    """Takes reports into a store. Safe to call from several threads.

    A report holds the question, the answer as programs get it, and the page's fingerprint; never a visitor's address,
    and an uploaded picture only where the visitor ticked a box.
    """

    def __init__(self, store: ReportStore, about: Record) -> None:
        self._store = store
        self._about = about
        self._answers: RecentlyUsed[tuple[bytes, str]] = RecentlyUsed(_REMEMBERED)  # token → JSON, upload's thumbnail

    def offer(self, task: str, state: TaskState[Any]) -> str:
        """Remembers a finished answer. The same answer has the same token."""
        request = state.request
        content = {"task": task, "request": request.to_json(), "link": request.to_link(), "answer": state.answer()}
        data = orjson.dumps(content, default=str, option=orjson.OPT_NON_STR_KEYS)
        token = hashlib.sha256(data).hexdigest()[:32]
        self._answers.put(token, (data, str(getattr(state, "thumbnail", ""))))
        return token

    def take(self, data: object) -> Reply:
        """Keeps a report: {"ok", "receipt", "message"} once it is on the disk."""
        if not isinstance(data, dict) or str(data.get("kind")) not in KINDS:
            return {"ok": False, "message": _MALFORMED}
        answer, thumbnail = self._answers.find(str(data.get("token", ""))) or (b"", "")
        if not answer:
            return {"ok": False, "message": _GONE}
        receipt = secrets.token_hex(8)
        record: Record = {
            "id": secrets.token_hex(8),
            "receipt": _hash(receipt),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "status": "new",
            "kind": str(data["kind"]),
            "reason": one_line(str(data.get("reason", "")))[:LONGEST_REASON],
            **json.loads(answer),
            **self._about,
            "image": thumbnail if data.get("image") is True else "",
        }
        try:
            self._store.append(record)
        except ReportError as error:
            log.error("a report was not kept: %s", error)
            return {"ok": False, "message": str(error)}
        return {"ok": True, "receipt": receipt, "message": _KEPT}

    def withdraw(self, receipt: object) -> Reply:
        """Deletes the report of a receipt: {"ok", "message"}."""
        try:
            deleted = delete_by_receipt(self._store, str(receipt))
        except (ReportError, OSError) as error:
            log.error("a report was not deleted: %s", error)
            return {"ok": False, "message": _NOT_DELETED}
        message = "The report is deleted." if deleted else "There is no report with this receipt."
        return {"ok": deleted, "message": message}


def open_desk(context: PageContext) -> ReportDesk | None:
    """The desk of a page with these settings, and the copy on the hub; None where no reports are taken."""
    settings = context.settings
    if not settings.reports:
        return None
    store = ReportStore(Path(settings.reports).expanduser())
    if settings.reports_repo:
        HubCopy(settings.reports_repo, store.folder, store.lock)
    about = {
        "profile": context.lab.profile.name,
        "fingerprint": context.fingerprint,
        "parts": parts_of(context.lab),
        "library": f"safeclip {safeclip.__version__}",
    }
    return ReportDesk(store, about)


def delete_by_receipt(store: ReportStore, receipt: str) -> bool:
    """Deletes the report whose receipt this is. Returns whether there was one."""
    hashed = _hash(receipt.strip())
    return store.update(lambda record: None if record.get("receipt") == hashed else record) > 0


def _hash(receipt: str) -> str:
    """What is stored of a receipt: whoever reads the reports cannot delete them in a visitor's name."""
    return hashlib.sha256(receipt.encode()).hexdigest()
