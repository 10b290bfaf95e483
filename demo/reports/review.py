"""Review and publication of reports: a person looks at each one before anybody else does."""

import io
import json
from collections.abc import Callable
from functools import partial

from safeclip.runtime.hub import client, make_repository

from .store import Record, ReportError, ReportStore

DECISIONS = {"a": "accepted", "r": "rejected"}
_FILE = "reports.jsonl"
_CARD = """---
license: cc0-1.0
task_categories: [image-to-text, text-to-image]
tags: [safe-clip, not-for-all-audiences]
---
# Reports about answers of Safe-CLIP, side by side

{n} reports by visitors, each looked at by a person before it was published. A line of `{file}` holds the question, the
answer of every seat, what the visitor found wrong, and the fingerprint of the models, gallery, judges and code.
"""


def review(store: ReportStore, ask: Callable[[str], str], show: Callable[[str], None]) -> int:
    """Shows each new report and asks what becomes of it. Returns how many were decided.

    `ask` answers with a for accept, r for reject, d for delete, q for quit; anything else leaves the report as it is.
    """
    decided = 0
    for record in [record for record in store.records() if record.get("status") == "new"]:
        show(summary(record))
        choice = ask("[a]ccept, [r]eject, [d]elete, [q]uit, or leave it: ").strip().lower()[:1]
        if choice == "q":
            break
        if choice == "d":
            decided += store.update(partial(_without, record["id"]))
        elif choice in DECISIONS:
            decided += store.update(partial(_decided, record["id"], DECISIONS[choice]))
    return decided


def accepted(store: ReportStore) -> list[Record]:
    """The accepted reports as they are published: without the hashes of receipts and without their review."""
    private = ("receipt", "status")
    found = [record for record in store.records() if record.get("status") == "accepted"]
    return [{name: value for name, value in record.items() if name not in private} for record in found]


def publish(store: ReportStore, repository: str, *, public: bool) -> int:
    """Writes the accepted reports into a dataset of the hub, private unless `public`. Returns how many.

    Raises ReportError when there are none, or when the hub does not take them.
    """
    records = accepted(store)
    if not records:
        raise ReportError("No report is accepted yet. Run “reports review” first.")
    from huggingface_hub import CommitOperationAdd

    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    files = {_FILE: lines, "README.md": _CARD.format(n=len(records), file=_FILE)}
    operations = [CommitOperationAdd(name, io.BytesIO(text.encode())) for name, text in files.items()]
    api = client()
    try:
        make_repository(api, repository, kind="dataset", private=not public)
        api.create_commit(repository, operations, repo_type="dataset", commit_message=f"{len(records)} reports")
    except Exception as error:  # of the network, of the token, of the hub
        raise ReportError(f"The hub did not take the reports for {repository}: {error}") from error
    return len(records)


def summary(record: Record) -> str:
    """A report in a few lines for the person who reviews it."""
    lines = [
        f"{record.get('time')} · {record.get('task')} · {record.get('kind')} · profile {record.get('profile')}",
        f"  asked   {json.dumps(record.get('request'), ensure_ascii=False)}",
        f"  reason  {record.get('reason') or '—'}",
    ]
    if record.get("image"):
        lines.append("  with a small copy of the visitor's picture")
    return "\n".join(lines)


def _decided(id: str, status: str, record: Record) -> Record:
    return record | {"status": status} if record.get("id") == id else record


def _without(id: str, record: Record) -> Record | None:
    return None if record.get("id") == id else record
