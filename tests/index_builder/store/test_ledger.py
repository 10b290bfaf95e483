import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index_builder.store.ledger import Fault, Ledger, Record
from safeclip.errors import IndexCorruptError

RECORD = Record("images", ("abc",), 4, 3, "images-00000.safetensors", "00ff", (Fault("1a", "row 1", "broken"),))

text = st.text(max_size=30)
records = st.builds(
    Record,
    modality=st.sampled_from(["images", "captions"]),
    encoders=st.lists(text, max_size=3).map(tuple),
    planned=st.integers(0, 65536),
    rows=st.integers(0, 65536),
    shard=st.none() | text,
    sha256=st.none() | text,
    faults=st.lists(st.builds(Fault, text, text, text), max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(records, max_size=4), st.integers(0, 100))
def test_records_survive_reopening_and_a_line_cut_short_is_dropped(tmp_path_factory, written, cut):
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    ledger = Ledger(path)
    for record in written:
        ledger.append(record)
    line = json.dumps({"modality": "images", "planned": 9}).encode()[: cut % 30]
    with open(path, "ab") as file:
        file.write(line)
    again = Ledger(path)
    assert again.records == written
    again.append(RECORD)
    assert Ledger(path).records == [*written, RECORD]


@pytest.mark.parametrize("bad", [b"not json\n", b"{}\n", b"[]\n", b'{"modality": "images"}\n'])
def test_a_bad_line_that_no_crash_explains_is_an_error(tmp_path, bad):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append(RECORD)
    path.write_bytes(path.read_bytes() + bad)
    with pytest.raises(IndexCorruptError, match="line 2.*--fresh"):
        Ledger(path)


def test_records_are_found_by_modality_and_encoder(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    corrupt = Record("images", ("abc",), 2, 0, None, None, (Fault("2b", "row 2", "empty"),))
    captions = Record("captions", ("abc", "def"), 4, 4, "captions-00001.safetensors", "11")
    for record in (RECORD, corrupt, captions):
        ledger.append(record)
    assert ledger.of("images") == [RECORD, corrupt]
    assert ledger.shards("images", "abc") == [RECORD.shard]
    assert ledger.shards("captions", "def") == [captions.shard]
    assert set(ledger.faults("images")) == {"1a", "2b"}
    assert ledger.faults("captions") == {}
