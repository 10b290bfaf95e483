"""Batches prepared in worker processes are those of threads, and a process that dies costs one row."""

import multiprocessing
import os
import tempfile
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from index_builder.engines.batches import EmbeddingTask
from index_builder.engines.local import local_engine
from index_builder.engines.preparing import Batch, Preparation
from index_builder.engines.processes import end_with_parent
from index_builder.engines.scratch import PREFIX, scratch_folder
from index_builder.engines.workers import DIED, embed_in_workers, preparing_in_workers
from index_builder.errors import BuildError
from index_builder.gallery.files import part_files
from index_builder.gallery.reader import GalleryReader
from index_builder.store.folders import exclusive
from tests.index_builder.outputs import index_bytes


class DeadlyReader(GalleryReader):
    """Ends a worker that reads row 3, as a decoder with a fault does; not the test's own process."""

    def read(self, modality, rows):
        if 3 in rows and os.getpid() != PARENT:
            os._exit(9)
        return super().read(modality, rows)


PARENT = int(os.environ.setdefault("TEST_PARENT", str(os.getpid())))


class BrokenPreparation(Preparation):
    """Ends the process that receives it."""

    def __setstate__(self, state):
        os._exit(9)


@pytest.mark.timeout(300)
def test_processes_give_the_bytes_of_threads(run, tmp_path):
    run(workers=0)
    run(workers=2, output=tmp_path / "processes")
    assert index_bytes(tmp_path / "processes") == index_bytes(tmp_path / "index")


@pytest.mark.timeout(300)
def test_a_row_that_ends_its_process_becomes_a_fault(tiny_gallery, tiny_encoders, rows):
    encoders = list(tiny_encoders.values())
    reader = DeadlyReader.open(part_files(tiny_gallery))
    batches = [Batch("images", 0, np.arange(start, start + 4)) for start in (0, 4, 8)]
    with preparing_in_workers(Preparation.of(reader, encoders), 1) as prepare_all:
        prepared = list(prepare_all(batches))
    assert [len(each.rows) for each in prepared] == [3, 4, 4]
    assert [row.id for each in prepared for row in each.rows] == [r["image_id"] for i, r in enumerate(rows) if i != 3]
    (fault,) = prepared[0].faults
    assert (fault.id, fault.reason) == (rows[3]["image_id"], DIED)
    assert all(len(pixels) == 3 for pixels in prepared[0].inputs.values())
    embedded = list(local_engine(EmbeddingTask(reader, (), tuple(encoders), workers=1))(batches))
    assert [len(each.ids) for each in embedded] == [3, 4, 4]
    assert [fault.reason for each in embedded for fault in each.faults] == [DIED]


@pytest.mark.timeout(300)
def test_processes_that_cannot_start_end_the_build_and_not_its_rows(tiny_gallery):
    preparation = BrokenPreparation(GalleryReader.open(part_files(tiny_gallery)), {}, {})
    batches = [Batch("images", 0, np.arange(2))]
    with preparing_in_workers(preparation, 1) as prepare_all, pytest.raises(BuildError, match="--workers 0"):
        list(prepare_all(batches))


def test_what_a_killed_build_has_left_is_deleted_and_what_a_running_one_needs_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    abandoned, held, young, other = (tmp_path / f"{PREFIX}{name}" for name in ("abandoned", "held", "young", "other"))
    for folder in (abandoned, held, young):
        folder.mkdir()
    other.write_text("no folder")
    for folder in (abandoned, held, other):
        os.utime(folder, (1, 1))
    with exclusive(held), scratch_folder() as mine:
        assert {path.name for path in tmp_path.iterdir()} == {each.name for each in (held, young, other, mine)}
    assert not mine.exists()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(BuildError, match="TMPDIR"), scratch_folder():
        pass


def test_weights_without_room_end_the_build_with_what_to_do(tiny_gallery, tiny_encoders, monkeypatch):
    def full(*_):
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr("torch.save", full)
    task = EmbeddingTask(GalleryReader.open(part_files(tiny_gallery)), (), tuple(tiny_encoders.values()), workers=1)
    with pytest.raises(BuildError, match="TMPDIR"):
        list(embed_in_workers(task, [Batch("images", 0, np.arange(2))]))


def test_a_process_that_outlives_its_parent_deletes_the_weights(tmp_path, monkeypatch):
    scratch, ended = tmp_path / "scratch", []
    scratch.mkdir()
    (scratch / "task.pt").write_bytes(b"weights")
    monkeypatch.setattr(os, "_exit", ended.append)

    def watched_by():
        (of_parent, parent), (watched, running) = (multiprocessing.Pipe(duplex=False) for _ in range(2))
        monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(sentinel=of_parent))
        watching = threading.Thread(target=end_with_parent, args=(watched, scratch))
        watching.start()
        return watching, parent, running

    watching, parent, running = watched_by()
    assert scratch.exists() and not ended
    running.close()  # told to end, by a parent that deletes the folder itself
    watching.join(timeout=10)
    assert ended == [1] and scratch.exists()
    watching, parent, running = watched_by()
    parent.close()
    watching.join(timeout=10)
    assert ended == [1, 1] and not scratch.exists()
