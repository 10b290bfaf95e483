"""The desk: what a report holds, what it never holds, and how its author deletes it."""

import json
from dataclasses import replace

import pytest
from PIL import Image

from demo.common.reporting.panel import LONGEST_REASON
from demo.reports.desk import ReportDesk, open_desk
from demo.reports.store import ReportStore
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from tests.fakes.serving import context_of


@pytest.fixture
def desk(tmp_path):
    return ReportDesk(ReportStore(tmp_path), {"profile": "tiny", "fingerprint": "0" * 12})


@pytest.fixture
def reports(tmp_path):
    return lambda: ReportStore(tmp_path).records()


@pytest.fixture(scope="module")
def state(tiny_lab):
    return RetrievalService(context_of(tiny_lab)).answer(RetrievalRequest(text="a chef", k=3, seats=("safe",)))


def test_a_report_reproduces_the_answer(desk, reports, state):
    reply = desk.take({"token": desk.offer("retrieval", state), "kind": "judge", "reason": " why\nnot "})
    assert reply["ok"]
    (record,) = reports()
    assert record["request"]["query"] == "a chef" and record["link"] == state.request.to_link()
    assert record["answer"] == json.loads(json.dumps(state.comparison.to_dict()))
    assert (record["kind"], record["reason"], record["fingerprint"]) == ("judge", "why not", "0" * 12)
    assert reply["receipt"] not in json.dumps(record)


def test_its_receipt_deletes_it_and_no_other(desk, reports, state):
    token = desk.offer("retrieval", state)
    first, second = (desk.take({"token": token, "kind": "failure"})["receipt"] for _ in range(2))
    assert not desk.withdraw("0" * 16)["ok"] and not desk.withdraw({"a": 1})["ok"]
    assert desk.withdraw(f" {first} ")["ok"] and len(reports()) == 1
    assert desk.withdraw(second)["ok"] and reports() == []


def test_a_report_that_cannot_be_deleted_is_not_said_to_be_missing(desk, reports, state, monkeypatch):
    receipt = desk.take({"token": desk.offer("retrieval", state), "kind": "failure"})["receipt"]
    with monkeypatch.context() as full:
        full.setattr("demo.reports.store.write_atomically", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        assert "could not be deleted" in desk.withdraw(receipt)["message"]
    assert len(reports()) == 1 and desk.withdraw(receipt)["ok"]


def test_a_picture_of_a_visitor_goes_along_only_when_the_box_is_ticked(desk, reports, tiny_lab):
    service = RetrievalService(context_of(tiny_lab))
    picture = Image.new("RGB", (40, 40), "red")
    state = service.answer(RetrievalRequest(upload="0" * 16, seats=()), picture)
    token = desk.offer("retrieval", state)
    desk.take({"token": token, "kind": "failure"})
    desk.take({"token": token, "kind": "failure", "image": "yes"})
    desk.take({"token": token, "kind": "failure", "image": True})
    assert [bool(record["image"]) for record in reports()] == [False, False, True]


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"kind": "failure"}, {"kind": ["failure"]}, {"kind": "failure", "token": {"a": 1}}]
)
def test_nonsense_is_no_report(desk, reports, data):
    try:
        reply = desk.take(data)
    except TypeError:
        pytest.fail("nonsense must not raise")
    assert not reply["ok"] and reply["message"] and reports() == []


def test_a_long_reason_is_cut_and_a_full_disk_is_said(desk, reports, state, monkeypatch):
    token = desk.offer("retrieval", state)
    desk.take({"token": token, "kind": "failure", "reason": "x" * 9999})
    assert len(reports()[0]["reason"]) == LONGEST_REASON
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    reply = desk.take({"token": token, "kind": "failure"})
    assert not reply["ok"] and "no space left" in reply["message"]


def test_the_same_answer_is_remembered_once(desk, state):
    assert desk.offer("retrieval", state) == desk.offer("retrieval", state)
    assert desk.offer("retrieval", replace(state, comparison=None)) != desk.offer("retrieval", state)


def test_a_page_without_a_folder_takes_none(tiny_lab, tmp_path):
    assert open_desk(context_of(tiny_lab, reports="")) is None
    assert open_desk(context_of(tiny_lab, reports=str(tmp_path))) is not None
