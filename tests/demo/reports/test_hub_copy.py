"""The copy on the hub, by the hub's real client against a hub on this machine."""

import huggingface_hub
import pytest

from demo.reports.hub_copy import HubCopy
from demo.reports.review import publish, review
from demo.reports.store import ReportStore
from tests.fakes.hub import use_hub
from tests.fakes.hub_uploads import UploadHub, serve_uploads

SOON = 0.001  # minutes


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serve_uploads() as served:
        use_hub(monkeypatch, served.address, tmp_path / "cache")
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", served.address)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        yield served


@pytest.fixture
def store(tmp_path):
    store = ReportStore(tmp_path / "reports")
    store.append({"id": "1", "status": "new"})
    return store


def visibility(hub: UploadHub) -> str:
    """Of the dataset that was asked for last."""
    return hub.created[-1]["visibility"]


def copied(copy: HubCopy) -> None:
    """Copies now, and waits until that is done."""
    assert copy.started.wait(30)
    copy.scheduler.trigger().result(30)


def test_reports_are_copied_into_a_private_dataset_and_deleted_there_too(hub, store):
    copy = HubCopy("me/reports", store.folder, store.lock)
    copied(copy)
    assert visibility(hub) == "private"
    assert hub.files == {store.file.name: store.file.read_bytes()}
    store.append({"id": "2"})
    store.update(lambda record: None if record["id"] == "1" else record)
    copied(copy)
    copy.stop()
    assert hub.files == {store.file.name: b'{"id": "2"}\n'} and any("super-squash" in path for path in hub.asked)


def test_it_works_again_after_the_hub_was_away(hub, store):
    hub.refuses = "away"
    copy = HubCopy("me/reports", store.folder, store.lock, minutes=SOON)
    assert hub.refused.wait(30) and not copy.started.is_set()
    store.append({"id": "2"})
    hub.refuses = ""
    copied(copy)
    copy.stop()
    assert hub.files == {store.file.name: store.file.read_bytes()}


def test_accepted_reports_are_published_private_by_default(hub, store):
    review(store, lambda question: "a", lambda text: None)
    assert publish(store, "me/published", public=False) == 1
    assert visibility(hub) == "private" and hub.files["reports.jsonl"] == b'{"id": "1"}\n'
    publish(store, "me/open", public=True)
    assert visibility(hub) == "public"
