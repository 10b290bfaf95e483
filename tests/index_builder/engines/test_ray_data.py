"""The engine `ray` on a real cluster of this machine: the shards of the engine `local`, bit for bit."""

import pickle

import numpy as np
import pytest

ray = pytest.importorskip("ray")

from ray.exceptions import RayTaskError  # noqa: E402

from index_builder.engines.batches import Batch, EmbeddingTask, embed_batch  # noqa: E402
from index_builder.engines.ray_data import EmbeddingActor, ray_engine  # noqa: E402
from index_builder.errors import BuildError  # noqa: E402
from index_builder.gallery.rows import GalleryRows  # noqa: E402
from safeclip.profiles import load_profile  # noqa: E402


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield
    ray.shutdown()


def shards(index) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((index / "shards").iterdir())}


@pytest.mark.full
def test_shards_are_those_of_the_local_engine(run, rows, gallery_of, tmp_path, cluster):
    broken = {**rows[4], "image": {"bytes": b"no image", "path": None}}
    gallery = gallery_of([*rows[:4], broken, *rows[5:]])
    run(gallery=gallery, output=tmp_path / "local", device="cpu")
    report = run(gallery=gallery, output=tmp_path / "ray", device="cpu", engine="ray")
    assert shards(tmp_path / "ray") == shards(tmp_path / "local") and len(shards(tmp_path / "ray")) > 4
    assert report["counts"]["images"]["quarantined"] == 1


def test_a_cluster_that_does_not_answer_is_named(monkeypatch, task):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(BuildError, match="RAY_ADDRESS=127.0.0.1:9"):
        list(ray_engine(task)([Batch("images", 0, np.arange(2))]))


@pytest.fixture
def task(rows, gallery_of, tiny_profile, tiny_encoders) -> EmbeddingTask:
    seats = load_profile(tiny_profile).seats[:2]
    reader = GalleryRows(gallery_of(rows)).reader
    return EmbeddingTask(reader, seats, tuple(tiny_encoders[seat.key] for seat in seats), "cpu")


def test_an_actor_embeds_what_this_process_embeds(task):
    travelled = pickle.loads(pickle.dumps((task.reader, task.seats)))
    actor = EmbeddingActor(*travelled, tuple(encoder.fingerprint for encoder in task.encoders), "cpu")
    batches = [Batch("images", 0, np.arange(5)), Batch("captions", 1, np.arange(5, 12))]
    results = actor({"batch": np.array([pickle.dumps(batch) for batch in batches], object)})["result"]
    for batch, result in zip(batches, map(pickle.loads, results), strict=True):
        own = embed_batch(batch, task)
        assert (result.unit, result.planned, result.faults) == (own.unit, own.planned, own.faults)
        assert (result.ids == own.ids).all() and result.vectors.keys() == own.vectors.keys()
        assert all((result.vectors[name] == own.vectors[name]).all() for name in own.vectors)


def test_another_checkpoint_on_a_node_is_refused(task):
    with pytest.raises(BuildError, match="Give every node the same files"):
        EmbeddingActor(task.reader, task.seats, ("another", "fingerprint"), "cpu")


def test_what_an_actor_raises_is_told_without_the_traceback(task, monkeypatch):
    def fail():
        raise RayTaskError("EmbeddingActor", "a long traceback", BuildError("the gallery is gone"))

    monkeypatch.setattr(ray, "is_initialized", fail)
    with pytest.raises(BuildError, match="The engine ray stopped: the gallery is gone. What was embedded is kept"):
        list(ray_engine(task)([Batch("images", 0, np.arange(2))]))
