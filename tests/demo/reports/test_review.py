"""Review and publication: nobody reads a report before a person has let it through."""

import pytest

from demo import cli
from demo.reports.desk import ReportDesk
from demo.reports.review import accepted, review
from demo.reports.store import ReportStore
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalState


@pytest.fixture
def store(tmp_path):
    return ReportStore(tmp_path)


@pytest.fixture
def receipts(store):
    desk = ReportDesk(store, {"profile": "tiny"})
    token = desk.offer("retrieval", RetrievalState(RetrievalRequest(text="a chef")))
    return [desk.take({"token": token, "kind": "failure", "reason": str(i)})["receipt"] for i in range(4)]


def statuses(store):
    return {record["reason"]: record["status"] for record in store.records()}


def test_each_report_is_shown_and_decided(store, receipts):
    answers, shown = iter("ard "), []
    assert review(store, lambda question: next(answers), shown.append) == 3
    assert len(shown) == 4 and "a chef" in shown[0]
    assert statuses(store) == {"0": "accepted", "1": "rejected", "3": "new"}
    assert review(store, lambda question: "q", shown.append) == 0 and len(shown) == 5


def test_what_is_published_holds_no_receipt(store, receipts):
    review(store, lambda question: "a", lambda text: None)
    assert all("receipt" not in record and "status" not in record for record in accepted(store))
    assert len(accepted(store)) == 4


def test_the_command_reviews_and_deletes(store, receipts, monkeypatch, capsys):
    def run(*arguments: str) -> int:
        return cli.main(["reports", *arguments, "--reports", str(store.folder)], program="safeclip-demo")

    assert run("publish", "me/reports") == 1 and "Run “reports review” first" in capsys.readouterr().err
    monkeypatch.setattr("builtins.input", lambda question: "a")
    assert run("review") == 0 and "4 decided" in capsys.readouterr().out
    assert run("delete", receipts[0]) == 0 and len(statuses(store)) == 3
    assert run("delete", receipts[0]) == 1 and "no report with this receipt" in capsys.readouterr().err
