"""What takes minutes: twenty kills of one build, and the memory of galleries of 5 and of 50 thousand images."""

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import faiss
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from index_builder.gallery.schema import SCHEMA
from safeclip.hashing import content_id
from tests.index_builder.outputs import index_bytes, stored_ids

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20
_PEAK = """
import sys
from index_builder.cli import main
status = main(sys.argv[1:])
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(status)
"""


def write_rows(gallery: Path, count: int) -> Path:
    """A gallery of `count` different images of 24 px with different captions."""
    (gallery / "data").mkdir(parents=True)
    random_bytes = np.random.default_rng(0)
    for start in range(0, count, 4096):
        rows = []
        for number in range(start, min(start + 4096, count)):
            buffer = io.BytesIO()
            Image.fromarray(random_bytes.integers(0, 256, (24, 24, 3), np.uint8)).save(buffer, "PNG")
            data, caption = buffer.getvalue(), f"a picture of {number}"
            ids = {"image_id": content_id(data), "twin": content_id(data), "caption_id": content_id(caption)}
            texts = dict.fromkeys(("category", "subject", "object", "place", "style", "file_name"), "")
            rows.append({"image": {"bytes": data}, "caption": caption, "unsafe": False, **ids, **texts})
        path = gallery / "data" / f"test-{start // 4096:05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=128)
    return gallery


def build(profile: Path, gallery: Path, output: Path, *flags: object, code: str = "") -> subprocess.Popen:
    program = ["-c", code] if code else ["-m", "index_builder"]
    places = ["--profile", profile, "--gallery", gallery, "--output", output, "--near", 2]
    command = [sys.executable, *program, "build", *map(str, [*places, *flags])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def shards_in(output: Path) -> list[Path]:
    return list((output / "shards").glob("*.safetensors"))


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_twenty_kills_at_random_moments(tiny_profile, tmp_path, record_property):
    gallery = write_rows(tmp_path / "gallery", 3000)
    flags = ["--workers", 2, "--batch-size", 16, "--shard-rows", 64]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with build(tiny_profile, gallery, whole, *flags) as process:
        assert process.wait() == 0
    moments = random.Random(11)
    stood: list[int] = []  # shards at each kill
    for target in sorted(moments.sample(range(1, len(shards_in(whole)) - 4), KILLS)):
        with build(tiny_profile, gallery, killed, *flags) as process:
            while process.poll() is None and len(shards_in(killed)) < target:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.05))
            assert process.poll() is None, "it was finished before it could be killed"
            workers = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            stood.append(len(shards_in(killed)))
            _, left = psutil.wait_procs(workers, timeout=60)
            assert not left, "the worker processes end with their parent"
    assert min(stood) > 0, "a kill before the first shard loses nothing"
    with build(tiny_profile, gallery, killed, *flags) as process:
        assert process.wait() == 0
    assert index_bytes(killed) == index_bytes(whole)
    shards = {path.name: path.read_bytes() for path in shards_in(whole)}
    assert {path.name: path.read_bytes() for path in shards_in(killed)} == shards
    trained = ["--index", "ivf-flat", "--recall-floor", 0]
    for output in (whole, killed):
        with build(tiny_profile, gallery, output, *flags, *trained) as process:
            assert process.wait() == 0
    indexes = [faiss.read_index(str(output / "safe" / "images.faiss")) for output in (whole, killed)]
    queries = np.random.default_rng(1).normal(size=(50, indexes[0].d)).astype(np.float32)
    assert np.array_equal(*(index.search(queries, 10)[1] for index in indexes))
    record_property(f"shards of {len(shards)} that stood at each of {KILLS} kills", " ".join(map(str, stood)))


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_memory_does_not_grow_from_5_to_50_thousand_images(tiny_profile, tmp_path, record_property):
    peaks = {}
    for count in (5_000, 50_000):
        gallery, output = write_rows(tmp_path / str(count), count), tmp_path / f"index-{count}"
        with build(tiny_profile, gallery, output, "--seats", "safe", "--workers", 2, code=_PEAK) as process:
            printed, _ = process.communicate()
        assert process.returncode == 0
        assert len(stored_ids(output / "safe" / "images.faiss")) == count
        peaks[count] = int(printed.split()[-1])
        record_property(f"peak memory with {count:,} images", f"{peaks[count] / 1e3:.0f} MB")
    assert peaks[50_000] < 1.1 * peaks[5_000]
