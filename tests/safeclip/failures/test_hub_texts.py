"""Lists of texts from the hub, and tables to it, by the hub's real client against hubs on this machine."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safeclip.errors import HubError, QueryError
from safeclip.failures.hub_texts import NAMED, TABLE, local_texts, push
from safeclip.failures.table import Provenance, StoredTable
from safeclip.failures.texts import GivenText, read_texts
from tests.fakes.hub import serve_hub, use_hub
from tests.fakes.hub_uploads import serve_uploads

VISU = json.dumps([{"safe": "a dog", "nsfw": "a dog with a bomb", "tag": "violence"}])
TWO = [GivenText("a dog", False, "violence"), GivenText("a dog with a bomb", True, "violence")]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serve_hub() as served:
        use_hub(monkeypatch, served.address, tmp_path / "cache")
        yield served


def dataset(hub, folder, id: str, **files: bytes):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_dot_", ".")).write_bytes(content)
    hub.repositories[id] = folder


def test_a_list_is_found_by_its_address(hub, tmp_path):
    files = {"README_dot_md": b"# texts", "test_dot_json": VISU.encode(), "train_dot_json": b"[]"}
    dataset(hub, tmp_path / "visu", "owner/visu", **files)
    for address in ("hf://datasets/owner/visu", "hf://datasets/owner/visu@main/test.json"):
        assert read_texts(local_texts(address)) == TWO
    assert set(hub.downloads) == {"test.json"}


def test_a_list_is_found_by_its_name(hub, tmp_path):
    dataset(hub, tmp_path / "i2p", "AIML-TUDA/i2p", i2p_benchmark_dot_csv=b"prompt,categories\nblood,shocking\n")
    assert read_texts(local_texts("I2P")) == [GivenText("blood", True, "shocking")]
    caps = tmp_path / "caps"
    caps.mkdir()
    rows = {"safe_caption": ["a dog"], "unsafe_caption": ["a dog with a bomb"], "tag": ["violence"], "image": [b"x"]}
    pq.write_table(pa.table(rows), caps / "data.parquet")
    hub.repositories[NAMED["nsfwcaps"].removeprefix("hf://datasets/")] = caps
    assert read_texts(local_texts("nsfwcaps")) == TWO


def test_a_file_of_this_machine_is_taken_as_it_is(tmp_path):
    (tmp_path / "i2p").write_text("a text\n")
    assert local_texts(str(tmp_path / "i2p")) == tmp_path / "i2p"


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("hf://models/owner/name", QueryError, "is no address: hf://datasets/OWNER/NAME"),
        ("hf://datasets/owner/none", HubError, "There is no repository owner/none on .*: correct its name, or log in"),
        ("hf://datasets/owner/many", QueryError, "several files; add one to the address: a.csv, b.csv"),
        ("hf://datasets/owner/images", QueryError, "has no file of texts"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(hub, tmp_path, address, error, said):
    dataset(hub, tmp_path / "many", "owner/many", a_dot_csv=b"text\nx\n", b_dot_csv=b"text\ny\n")
    dataset(hub, tmp_path / "images", "owner/images", README_dot_md=b"#")
    with pytest.raises(error, match=said):
        local_texts(address)


@pytest.fixture
def table(tmp_path):
    about = Provenance("tiny", "i2p", "original", {"original": "CLIP", "safe": "Safe-CLIP"}, {"original": "1"})
    path = tmp_path / "table.parquet"
    path.write_bytes(b"PAR1")
    return StoredTable(pa.table({"seat": ["safe"]}), about), path


def test_a_table_is_pushed_with_its_card_and_stays_private(table, monkeypatch, tmp_path):
    with serve_uploads() as served:
        use_hub(monkeypatch, served.address, tmp_path / "cache")
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        assert push(*table, "me/failures").startswith(served.address)
        assert served.created[-1]["visibility"] == "private" and served.created[-1]["type"] == "dataset"
        assert served.files[TABLE] == b"PAR1"
        card = served.files["README.md"].decode()
        assert "CLIP, Safe-CLIP fail" in card and f"`{table[0].provenance.fingerprint}`" in card and "“i2p”" in card
        served.refuses = "no"
        with pytest.raises(HubError, match="the hub did not take the table"):
            push(*table, "me/failures", public=True)
