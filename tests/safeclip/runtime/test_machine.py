"""What the machine has, by stand-ins of nvidia-smi and of Linux's file systems."""

import subprocess

import pytest

from safeclip.runtime import machine


def smi(monkeypatch, text, *, fails=None):
    def run(*_, **__):
        if fails:
            raise fails
        return subprocess.CompletedProcess([], 0, stdout=text)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(machine.importlib.metadata, "version", lambda _: "2.14.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


TWO = "NVIDIA H100 80GB HBM3, 70000, 81559\nTesla T4, 15000, 15360\n"


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
        ("1", ["Tesla T4"]),
        ("1,0", ["Tesla T4", "NVIDIA H100 80GB HBM3"]),
        ("", []),
        ("7", []),
        ("-1", []),
        ("0,-1,1", ["NVIDIA H100 80GB HBM3"]),
        ("1,7,0", ["Tesla T4"]),
        ("GPU-5d1c", ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
    ],
)
def test_the_gpus_that_torch_would_see(monkeypatch, visible, names):
    smi(monkeypatch, TWO)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = machine.gpus()
    assert [gpu.name for gpu in found] == names
    if names[:1] == ["NVIDIA H100 80GB HBM3"]:
        assert found[0].free_gb == pytest.approx(73.4, abs=0.1) and found[0].total_gb == pytest.approx(85.5, abs=0.1)


@pytest.mark.parametrize(
    "fault", [FileNotFoundError(), subprocess.TimeoutExpired("nvidia-smi", 5), subprocess.CalledProcessError(9, "x")]
)
def test_without_a_driver_there_is_no_gpu(monkeypatch, fault):
    smi(monkeypatch, "", fails=fault)
    assert machine.gpus() == ()


def test_a_torch_that_cannot_use_a_gpu_has_none(monkeypatch):
    smi(monkeypatch, TWO)
    monkeypatch.setattr(machine.importlib.metadata, "version", lambda _: "2.14.0+cpu")
    assert machine.gpus() == ()


@pytest.fixture
def linux(tmp_path):
    """A /proc with 50 GB free and an empty control group."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal:  64000000 kB\nMemAvailable:  48828125 kB\n")
    (tmp_path / "cgroup" / "memory").mkdir(parents=True)
    return tmp_path / "proc", tmp_path / "cgroup"


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [
        (None, None, 50.0),
        ("10000000000", "7000000000", 3.0),
        ("10000000000", "17000000000", 0.0),
        ("max", "7000000000", 50.0),
        ("9223372036854771712", "7000000000", 50.0),
    ],
)
@pytest.mark.parametrize(
    "names", [("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")]
)
def test_memory_is_what_kernel_and_container_leave(linux, names, limit, used, expected):
    proc, cgroup = linux
    for name, value in zip(names, (limit, used), strict=True):
        if value is not None:
            (cgroup / name).write_text(value + "\n")
    assert machine.free_ram_gb(proc, cgroup) == expected


def test_copies_of_files_that_the_kernel_keeps_are_free_memory(linux):
    proc, cgroup = linux
    for name, value in (
        ("max", "10000000000"),
        ("current", "7000000000"),
        ("stat", "anon 1\ninactive_file 4000000000"),
    ):
        (cgroup / f"memory.{name}").write_text(value + "\n")
    assert machine.free_ram_gb(proc, cgroup) == 7.0


def test_free_memory_of_this_machine_is_positive(tmp_path):
    assert 0 < machine.free_ram_gb() < 10_000
    assert 0 < machine.free_ram_gb(tmp_path, tmp_path) < 10_000, "by psutil"
