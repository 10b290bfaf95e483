import faiss
import numpy as np
import pytest

from index_builder.errors import BuildError
from index_builder.indexes.choose import candidates, choose
from index_builder.indexes.faiss_factory import empty_index, fill, train
from index_builder.indexes.kinds import KINDS, code_bytes, lists, training_rows
from index_builder.indexes.plan import IndexPlan

from .vectors import unit_rows


@pytest.mark.parametrize("kind", KINDS)
def test_the_memory_of_a_kind_is_that_of_its_file(kind, tmp_path):
    n, d = (2000, 16) if kind.startswith("ivf-pq") else (6000, 32)  # codes take long to train
    choice = choose(kind, n, d)
    index = empty_index(choice.factory, d)
    vectors = unit_rows(n, d)
    train(index, choice.factory, vectors, vectors[:0])
    fill(index, [(np.arange(n), vectors)]).save(tmp_path / "index.faiss")
    assert (tmp_path / "index.faiss").stat().st_size == pytest.approx(choice.bytes, rel=0.1)


def test_the_best_that_the_memory_allows_is_chosen():
    n, d = 1_000_000, 768
    sizes = {kind: KINDS[kind].bytes(n, d) for kind in KINDS}
    assert choose("auto", n, d).kind == "flat16"
    assert choose("auto", 20_000_000, d).kind == "ivf-flat"
    assert choose("auto", 8_000_000, d).kind == "hnsw"
    assert choose("auto", 8_000_000, d, KINDS["hnsw"].bytes(8_000_000, d) - 1).kind == "ivf-flat"
    assert choose("auto", n, d, sizes["flat16"] - 1).kind == "ivf-sq8"
    assert choose("auto", n, d, sizes["ivf-sq8"] - 1).kind == "ivf-sq6"
    assert choose("auto", n, d, sizes["ivf-sq6"] - 1).kind == "ivf-pq4"
    with pytest.raises(BuildError, match="at least .* bytes in memory .ivf-pq8.*Raise --memory-gb"):
        choose("auto", n, d, sizes["ivf-pq8"] - 1)


def test_what_is_tried_next_where_the_recall_is_poor():
    def kinds(kind: str, budget: int | None = None) -> list[str]:
        return [each.kind for each in candidates(kind, 1_000_000, 768, budget)]

    assert kinds("auto") == ["flat16", "hnsw", "ivf-flat", "ivf-sq8", "ivf-sq6", "ivf-pq4"]
    assert kinds("auto", KINDS["ivf-pq4"].bytes(1_000_000, 768)) == ["ivf-pq4"], "a shorter code would find less"
    assert kinds("ivf-pq") == ["ivf-pq8", "ivf-pq4", "ivf-sq6", "ivf-sq8"]
    assert kinds("ivf-pq", KINDS["ivf-pq4"].bytes(1_000_000, 768)) == ["ivf-pq8", "ivf-pq4"]
    assert kinds("ivf-sq8") == ["ivf-sq8"]


def test_a_kind_or_a_factory_may_be_given():
    assert choose("hnsw", 10, 8).factory == "IDMap,HNSW32_SQfp16"
    assert [each.factory for each in IndexPlan("hnsw", "IDMap,SQ8").candidates(10, 8, 20)] == ["IDMap,SQ8"]
    with pytest.raises(BuildError, match="no kind of index 'flat'. Kinds: auto, ivf-pq, flat32"):
        choose("flat", 10, 8)


@pytest.mark.parametrize("d", [1, 7, 128, 512, 768, 1025])
def test_a_product_code_divides_the_dimension(d):
    for share in (2, 4, 8):
        assert d % code_bytes(d, share) == 0 and 1 <= code_bytes(d, share) <= max(1, -(-d // share))


@pytest.mark.parametrize("kind", ["ivf-pq4", "ivf-pq8"])
def test_codes_are_not_trained_for_a_filter_that_no_search_uses(kind):
    index = empty_index(choose(kind, 2000, 16).factory, 16)
    assert not faiss.downcast_index(faiss.extract_index_ivf(index)).do_polysemous_training


def test_lists_grow_with_the_root_of_the_size_and_can_be_trained():
    for n in (1, 12, 1000, 10**6, 10**8, 5 * 10**9):
        assert lists(n) == 1 or 39 * lists(n) <= n
        assert training_rows(n) >= 39 * lists(n)
    assert (lists(10**6), lists(2 * 10**6), lists(10**8)) == (4096, 4096, 32768)
    assert faiss.index_factory(8, choose("ivf-pq", 5 * 10**9, 8).factory).d == 8
