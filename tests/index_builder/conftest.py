"""Galleries of any rows, builds of the tiny profile, and what to compare them by."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import index_builder.verify
import index_builder.workspace
from index_builder.build import build
from index_builder.cli import main
from index_builder.options import BuildOptions
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.profiles import load_profile
from tests.index_builder.images import noise


@pytest.fixture(scope="session")
def rows(tiny_gallery) -> list[dict]:
    """The 12 rows of the tiny gallery."""
    return pq.read_table(next(tiny_gallery.glob("data/*.parquet"))).to_pylist()


@pytest.fixture
def gallery_of(tmp_path):
    """rows[, name] → a gallery directory of them; `files` cuts them into that many Parquet files."""

    def write(rows: list[dict], name: str = "gallery", files: int = 1) -> Path:
        folder = tmp_path / name / "data"
        folder.mkdir(parents=True, exist_ok=True)
        size = -(-len(rows) // files)
        for number in range(files):
            part = pa.Table.from_pylist(rows[number * size : (number + 1) * size])
            pq.write_table(part, folder / f"test-{number:05d}-of-{files:05d}.parquet", row_group_size=3)
        return folder.parent

    return write


@pytest.fixture(scope="session")
def tiny_encoders(tiny_profile) -> EncoderSet:
    encoders = EncoderSet(load_profile(tiny_profile).seats)
    for key in encoders:
        encoders[key].dim  # noqa: B018 (loads it)
    return encoders


@pytest.fixture
def run(tiny_profile, tmp_path, tiny_encoders, monkeypatch):
    """A build in this process into `tmp_path/index`, or `output`; encoders are loaded once for all tests."""
    monkeypatch.setattr(index_builder.workspace, "EncoderSet", lambda seats, device: tiny_encoders)
    options = BuildOptions(profile=str(tiny_profile), output=str(tmp_path / "index"), shard_rows=5, batch_size=2)

    def build_with(engine_for=None, **changes) -> dict:
        changes = {key: str(value) if isinstance(value, Path) else value for key, value in changes.items()}
        more = {} if engine_for is None else {"engine_for": engine_for}
        return build(dataclasses.replace(options, **changes), **more)

    return build_with


@pytest.fixture
def world(tmp_path, tiny_profile, tiny_encoders, monkeypatch):
    """`command(NAME, …)` on a gallery of eight images and its indexes, and `images`, the folder it was made of.

    Images 6 and 7 share a caption; image 7 is unsafe.
    """
    for module in (index_builder.workspace, index_builder.verify):
        monkeypatch.setattr(module, "EncoderSet", lambda seats, device: tiny_encoders)
    images, gallery, output = tmp_path / "images", tmp_path / "gallery", tmp_path / "index"
    images.mkdir()
    for number in range(8):
        (images / f"{number}.png").write_bytes(noise(number))
    (images / "captions.csv").write_text(
        "file_name,caption,unsafe\n" + "".join(f"{n}.png,the picture number {min(n, 6)},{n == 7}\n" for n in range(8))
    )

    def command(name: str, *flags) -> int:
        flagged = ("build", "add", "remove", "push", "bench")
        places = ["--gallery", gallery, "--output", output] if name in flagged else [output]
        places += [] if len(places) > 1 else ["--gallery", gallery]
        return main([name, *map(str, [*flags, *places]), "--profile", str(tiny_profile)])

    assert main(["import", str(images), str(gallery), "--judges", "none", "--quiet"]) == 0
    assert command("build", "--shard-rows", 3, "--batch-size", 2, "--quiet") == 0
    return SimpleNamespace(command=command, images=images, gallery=gallery, output=output)
