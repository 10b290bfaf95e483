"""A disk that is full, at any moment, ends a command with one sentence; with room it goes on and loses nothing."""

import contextlib
import errno
import os
import resource

import pytest

from index_builder.errors import BuildError
from index_builder.gallery.importer import import_source
from index_builder.options import SourceOptions
from index_builder.store.folders import reporting_disk
from tests.index_builder.images import noise
from tests.index_builder.outputs import index_bytes


@contextlib.contextmanager
def largest_file(size: int):
    """Lets no file of this process grow beyond `size` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# From nothing at all to the size at which the largest file, an index or a shard, does not fit.
@pytest.mark.parametrize("room", [0, 100, 400, 600, 1000])
def test_a_build_goes_on_when_there_is_room_again(run, tmp_path, room):
    run()
    with largest_file(room), pytest.raises(BuildError, match=r"cannot be written to \(File too large\).*make room"):
        run(output=tmp_path / "full")
    report = run(output=tmp_path / "full")
    assert index_bytes(tmp_path / "full") == index_bytes(tmp_path / "index")
    assert report["counts"]["images"]["unique"] == 12


def test_a_folder_that_may_not_be_written_to_is_no_full_disk(tmp_path):
    with (
        pytest.raises(BuildError, match="Read-only file system.*All is kept: allow writing there, then"),
        reporting_disk(tmp_path, "All is kept"),
    ):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize("room", [0, 300, 3000])
def test_an_import_goes_on_when_there_is_room_again(tmp_path, room):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(8):
        (images / f"{number}.png").write_bytes(noise(number))
    with largest_file(room), pytest.raises(BuildError, match="cannot be written to.*make room"):
        import_source(str(images), tmp_path / "gallery", SourceOptions())
    assert import_source(str(images), tmp_path / "gallery", SourceOptions())["rows"] == 8
