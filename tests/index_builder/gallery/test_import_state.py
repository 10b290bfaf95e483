"""Numbers of an import's files, and records that are damaged."""

import pytest

from index_builder.errors import BuildError
from index_builder.gallery.import_state import ImportState, Piece, unfinished_source
from index_builder.gallery.publishing import read_lines


def stored(gallery, data=b"rows"):
    """The state of an import that has stored one file."""
    state = ImportState(gallery, "folder:x", "same")
    state.next_path().write_bytes(data)
    state.commit(Piece(state.next_path().name, 1, {"rows": 1}))
    return state


def names(gallery):
    return sorted(path.name for path in (gallery / "data").iterdir())


@pytest.mark.parametrize("name", ["test-00007.parquet", "test-00007-of-00009.parquet"])
def test_files_are_numbered_behind_the_last_although_others_are_gone(tmp_path, name):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(b"before")
    (tmp_path / "data" / "test-other.parquet").write_bytes(b"before")
    stored(tmp_path).publish_files()
    assert names(tmp_path) == [name, "test-00008.parquet", "test-other.parquet"]


def test_a_file_that_has_come_meanwhile_is_not_written_over(tmp_path):
    state = stored(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test-00000.parquet").write_bytes(b"another")
    with pytest.raises(BuildError, match="test-00000.parquet has come while the import was stopped"):
        state.publish_files()
    assert (tmp_path / "data" / "test-00000.parquet").read_bytes() == b"another"
    (tmp_path / "data" / "test-00000.parquet").unlink()
    for _ in range(2):  # again, as after a crash
        state.publish_files()
    assert (tmp_path / "data" / "test-00000.parquet").read_bytes() == b"rows"


def test_damaged_records_are_named(tmp_path):
    (tmp_path / "sources.jsonl").write_text('{"source": "x"}\n{"source": "cut sh\n')
    with pytest.raises(BuildError, match="sources.jsonl, line 2: this is not a JSON object"):
        read_lines(tmp_path / "sources.jsonl")
    (tmp_path / "importing").mkdir()
    (tmp_path / "importing" / "state.json").write_text("{}")
    with pytest.raises(BuildError, match="state.json is damaged.*Delete .*importing to forget"):
        unfinished_source(tmp_path)
