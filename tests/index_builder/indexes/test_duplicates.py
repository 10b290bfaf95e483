"""Near duplicates against all pairs, and beyond the exact size against what was planted."""

import tracemalloc

import numpy as np
import pytest

from index_builder.indexes.duplicates import near_duplicates

from .vectors import cut, names, unit_rows


def planted(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of which each tenth is nearly the one before it."""
    vectors = unit_rows(n, 32)
    vectors[10::10] = vectors[9:-1:10] + 0.003 * unit_rows(len(vectors[10::10]), 32, seed=2)
    return np.arange(n) + 1, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_near_duplicates_equal_all_pairs():
    ids, vectors = planted(120)
    found = near_duplicates(cut(ids, vectors, 7, 100), 120, 32, 0.4)
    similarity = np.triu(vectors @ vectors.T, 1)
    a, b = np.nonzero(similarity >= 0.4)
    assert found.exact and found.pairs == len(a) > 11
    expected = sorted(zip(similarity[a, b].tolist(), ids[a].tolist(), ids[b].tolist(), strict=True), reverse=True)
    assert [pair[2] for pair in found.closest] == pytest.approx([each[0] for each in expected][:100], abs=1e-5)
    listed = {frozenset(pair[:2]) for pair in found.closest[:11]}
    assert listed == {frozenset(names((i, i + 1))) for i in range(10, 120, 10)}


def test_of_many_pairs_few_become_objects(monkeypatch):
    import index_builder.indexes.duplicates as duplicates

    vectors = unit_rows(400, 32)
    vectors[:] = vectors[0] + 0.1 * vectors
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = []
    nlargest = duplicates.heapq.nlargest
    monkeypatch.setattr(duplicates.heapq, "nlargest", lambda n, rows: given.append(len(rows)) or nlargest(n, rows))
    found = near_duplicates(cut(np.arange(400), vectors), 400, 32, 0.5)
    best = np.sort((vectors @ vectors.T)[np.triu_indices(400, 1)])[::-1][:100]
    assert found.pairs == 400 * 399 // 2 and given == [100]
    assert [pair[2] for pair in found.closest] == pytest.approx(best.tolist(), abs=1e-5)


def test_beyond_the_exact_size_planted_pairs_are_still_found():
    ids, vectors = planted(3000)
    found = near_duplicates(cut(ids, vectors, 1000), 3000, 32, 0.999, exact_rows=100)
    assert not found.exact
    assert found.pairs >= 0.98 * 299
    assert len(found.closest) == 100


@pytest.mark.parametrize("exact_rows", [2000, 100])
def test_memory_does_not_grow_with_the_pairs(exact_rows):
    """Frames of a film are all near duplicates of one another: of n images a block of b has b · n pairs."""
    n, most = 2000, 20_000
    vectors = np.repeat(unit_rows(1, 8), n, axis=0)
    tracemalloc.start()
    found = near_duplicates(cut(np.arange(n), vectors), n, 8, 0.9, exact_rows=exact_rows, most_found=most)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.pairs == n * (n - 1) // 2
    assert peak < 100 * most
