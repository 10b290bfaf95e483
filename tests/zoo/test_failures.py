"""The embedded table of failures: small, whole, and made with the models that are embedded beside it."""

import pytest

import safeclip
from safeclip.failures.fingerprints import differences
from safeclip.failures.slices import FailureTable, Filter
from safeclip.failures.table import StoredTable
from safeclip.paths import resolve
from safeclip.profiles import load_profile

PATH = resolve("zoo/failures/emoji.parquet")


@pytest.fixture(scope="module")
def table() -> FailureTable:
    return FailureTable(StoredTable.read(PATH))


def test_it_is_small_and_is_the_profiles(table):
    profile = load_profile("emoji")
    assert resolve(profile.failures.table) == PATH and PATH.stat().st_size < 1_000_000
    assert {seat.key for seat in profile.seats} <= set(table.provenance.columns)


def test_every_column_was_asked_every_search(table):
    searches = {name: n for name, n in table.provenance.sampled.items() if "all" in name}
    for seat in table.provenance.columns:
        asked = {share.name: share.n for share in table.shares(Filter(seat, "retrieval"), by="direction")}
        assert asked == searches and searches["unsafe_text_to_all_images"] >= 1000


@pytest.mark.full
def test_it_was_made_with_the_embedded_models(table):
    lab = safeclip.open("emoji")
    assert differences(table.provenance.fingerprints, lab, table.values("task")) == [], "run safeclip-demo failures"
