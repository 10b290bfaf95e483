import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from index_builder.store.shards import MAX_ROWS, Shard, read_shard, write_shard
from safeclip.errors import IndexCorruptError

names = st.text("0123456789abcdef", min_size=1, max_size=64)


@st.composite
def shards(draw) -> Shard:
    ids = draw(hnp.arrays(np.int64, st.integers(0, 20), elements=st.integers(0, 2**63 - 1)))
    vectors = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        shape = (len(ids), draw(st.integers(1, 9)))
        vectors[name] = draw(hnp.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=True)))
    return Shard(ids, vectors)


@settings(max_examples=60, deadline=None)
@given(shards())
def test_a_written_file_reads_back(tmp_path_factory, shard):
    path = tmp_path_factory.mktemp("shard") / "images-00000.safetensors"
    write_shard(path, shard)
    again = read_shard(path)
    assert again.ids.tobytes() == shard.ids.tobytes()
    assert again.vectors.keys() == shard.vectors.keys()
    for name, matrix in shard.vectors.items():
        assert again.vectors[name].shape == matrix.shape
        assert again.vectors[name].tobytes() == matrix.tobytes()
        assert list(read_shard(path, [name]).vectors) == [name]
    assert read_shard(path, []).vectors == {}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_equal_shards_are_equal_bytes(tmp_path):
    ids, a, b = np.arange(3), np.ones((3, 2), np.float32), np.zeros((3, 5), np.float32)
    first = write_shard(tmp_path / "1", Shard(ids, {"a": a, "b": b}))
    assert write_shard(tmp_path / "2", Shard(ids, {"b": b, "a": a})) == first
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_damaged_or_foreign_shard_is_a_clear_error(tmp_path):
    path = tmp_path / "s"
    write_shard(path, Shard(np.arange(3), {"a": np.ones((3, 2), np.float32)}))
    with pytest.raises(IndexCorruptError, match="Run the builder again"):
        read_shard(path, ["another encoder"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        read_shard(path)
    with pytest.raises(IndexCorruptError):
        read_shard(tmp_path / "absent")


def test_a_shard_has_a_largest_size_and_as_many_ids_as_vectors():
    with pytest.raises(ValueError, match="at most 65536"):
        Shard(np.arange(MAX_ROWS + 1), {})
    with pytest.raises(ValueError, match="2 ids"):
        Shard(np.arange(2), {"a": np.ones((3, 2), np.float32)})
