"""A build that is killed anywhere and started again gives the indexes of one that was not, to the byte."""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch

from index_builder.build import build
from index_builder.cli import main
from index_builder.gallery.importer import import_source
from index_builder.options import BuildOptions, SourceOptions
from index_builder.store.ledger import Ledger
from safeclip.retrieval.gallery import Gallery
from tests.forks import fork, forks
from tests.index_builder.images import noise
from tests.index_builder.outputs import index_bytes

DURABLE_CALLS = ("fsync", "replace", "rename")


class Crash(BaseException):
    """Not an Exception: nothing in a build may catch it."""


def strike_at(step: int, strike) -> list[str]:
    """Call `strike` before this process's n-th fsync, replace or rename; returns the list of those made."""
    made: list[str] = []

    def striking(name: str, real):
        def call(*args):
            made.append(name)
            if len(made) == step:
                strike()
            return real(*args)

        return call

    for name in DURABLE_CALLS:
        setattr(os, name, striking(name, getattr(os, name)))
    return made


@pytest.fixture
def restored_os(monkeypatch):
    for name in DURABLE_CALLS:
        monkeypatch.setattr(os, name, getattr(os, name))


@pytest.mark.timeout(900)
def test_a_crash_at_every_durable_step_changes_nothing(run, tmp_path, restored_os, rows, gallery_of):
    rows = [dict(row) for row in rows]
    rows[4]["image"] = {"bytes": b"no picture", "path": None}
    gallery = gallery_of(rows)
    original = {name: getattr(os, name) for name in DURABLE_CALLS}
    made = strike_at(0, None)
    run(gallery=gallery, output=tmp_path / "whole", seats=("original",), shard_rows=6)
    steps = len(made)
    golden = index_bytes(tmp_path / "whole")
    assert steps > 30 and len(golden) == 3

    def crash():
        raise Crash

    for step in range(1, steps + 1):
        vars(os).update(original)
        strike_at(step, crash)
        output = tmp_path / f"crashed-{step}"
        with pytest.raises(Crash):
            run(gallery=gallery, output=output, seats=("original",), shard_rows=6)
        vars(os).update(original)
        run(gallery=gallery, output=output, seats=("original",), shard_rows=6)
        assert index_bytes(output) == golden, f"crashed at step {step}"
        left = [path.name for path in output.rglob("*") if path.suffix in (".tmp", ".building", ".old")]
        assert not left, f"crashed at step {step}"


@pytest.mark.timeout(900)
def test_a_crash_at_every_durable_step_of_an_import_changes_nothing(tmp_path, restored_os, monkeypatch):
    monkeypatch.setattr("index_builder.gallery.writer.PART_ROWS", 2)
    images = tmp_path / "images"
    images.mkdir()
    for number in range(5):
        (images / f"{number}.png").write_bytes(noise(number))
    (images / "torn.png").write_bytes(noise(9)[:-40])
    original = {name: getattr(os, name) for name in DURABLE_CALLS}
    made = strike_at(0, None)
    assert import_source(str(images), tmp_path / "whole", SourceOptions())["rows"] == 5

    def crash():
        raise Crash

    for step in range(1, len(made) + 1):
        vars(os).update(original)
        strike_at(step, crash)
        gallery = tmp_path / f"crashed-{step}"
        with pytest.raises(Crash):
            import_source(str(images), gallery, SourceOptions())
        vars(os).update(original)
        import_source(str(images), gallery, SourceOptions())
        assert Gallery.open(gallery).items == Gallery.open(tmp_path / "whole").items, f"crashed at step {step}"
        assert "torn.png" in (gallery / "quarantine.jsonl").read_text()
        assert not [path.name for path in gallery.rglob("*") if path.suffix == ".tmp" or path.name == "importing"]


def _build_until(options: BuildOptions, step: int) -> None:
    torch.set_num_threads(1)  # as conftest.py does: the number of threads decides the last bit of a sum
    strike_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    build(options)


@pytest.mark.timeout(900)  # seconds on an idle machine, minutes on one that trains
def test_sigkill_again_and_again(run, tiny_profile, tmp_path):
    run(output=tmp_path / "whole", shard_rows=4)
    golden = index_bytes(tmp_path / "whole")
    options = BuildOptions(profile=str(tiny_profile), output=str(tmp_path / "index"), shard_rows=4, batch_size=2)
    processes, steps = forks(), random.Random(7)
    for low, high in ((5, 20), (5, 20), (12, 25)):
        process = processes.Process(target=_build_until, args=(options, steps.randint(low, high)))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    run(output=tmp_path / "index", shard_rows=4)
    assert index_bytes(tmp_path / "index") == golden


@pytest.mark.timeout(900)
def test_sigkill_of_the_command_from_outside(tiny_profile, tmp_path):
    def command(output: Path) -> list[str]:
        flags = {"--profile": tiny_profile, "--output": output, "--shard-rows": 1, "--batch-size": 1}
        return [str(word) for flag in flags.items() for word in flag]

    output, whole = tmp_path / "index", tmp_path / "whole"
    process, ledger = fork(main, command(output)), output / "shards" / "ledger.jsonl"
    while not (ledger.exists() and ledger.stat().st_size) and process.is_alive():
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.05))
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = len(Ledger(ledger).records)
    assert 1 <= done < 24
    assert [main(command(folder)) for folder in (output, whole)] == [0, 0]
    counts = json.loads((output / "build_report.json").read_text())["counts"]
    assert sum(count["embedded_now"] for count in counts.values()) == 24 - done
    assert index_bytes(output) == index_bytes(whole)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", ["purge", "compact"])
def test_a_crash_inside_maintenance_is_mended_by_the_same_command(world, tmp_path, restored_os, command):
    first = Gallery.open(world.gallery).items[0].image_id
    words = ("compact",) if command == "compact" else ("remove", first, "--purge")
    if command == "compact":
        world.command("remove", first, "--quiet")
    before = tmp_path / "before"
    for folder in (world.gallery, world.output):
        shutil.copytree(folder, before / folder.name)
    original = {name: getattr(os, name) for name in DURABLE_CALLS}
    made = strike_at(0, None)
    assert world.command(*words, "--quiet") == 0
    golden, steps = index_bytes(world.output), len(made)
    assert steps > 20

    def crash():
        raise Crash

    for step in range(1, steps + 1, steps // 3):
        vars(os).update(original)
        for folder in (world.gallery, world.output):
            shutil.rmtree(folder)
            shutil.copytree(before / folder.name, folder)
        strike_at(step, crash)
        with pytest.raises(Crash):
            world.command(*words, "--quiet")
        vars(os).update(original)
        assert world.command(*words, "--quiet") == 0
        assert index_bytes(world.output) == golden and world.command("verify") == 0, f"crashed at step {step}"
