import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from index_builder.store.selection import Live, sample_rows
from tests.index_builder.indexes.vectors import cut, unit_rows


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.sets(st.integers(0, 30)), st.integers(0, 60))
def test_live_ids_come_once_and_removed_ones_never(stored, removed, place):
    stored = np.array(stored, np.int64)
    shards = [(np.unique(part), np.unique(part)[:, None]) for part in np.split(stored, [min(place, len(stored))])]
    live = Live(np.arange(20), np.array(sorted(removed), np.int64))
    found = [id for ids, vectors in live.filter(shards) for id in ids.tolist()]
    assert sorted(found) == sorted(set(stored.tolist()) & set(range(20)) - removed)
    assert all((ids == vectors[:, 0]).all() for ids, vectors in live.filter(shards))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20))
def test_samples_are_even_and_bounded(total, place, limit):
    ids = np.arange(total)
    sampled, vectors = sample_rows(cut(ids, unit_rows(total), min(place, total))(), total, 16, limit)
    assert len(sampled) == len(vectors) <= limit
    assert sampled.tolist() == list(range(0, total, max(1, -(-total // limit))))
