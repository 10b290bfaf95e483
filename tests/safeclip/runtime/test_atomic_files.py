import pytest

from safeclip.runtime.atomic_files import TEMPORARY, replacing, write_atomically


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        assert path.read_bytes() == b"old"
        assert temporary == tmp_path / ("state.json" + TEMPORARY)
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_leftovers_of_a_killed_process_are_overwritten(tmp_path):
    (tmp_path / ("state.json" + TEMPORARY)).write_bytes(b"a longer file of another process")
    write_atomically(tmp_path / "state.json", b"new")
    assert (tmp_path / "state.json").read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
