"""Measures this machine's free memory, GPUs and disk without importing torch or touching a GPU."""

import importlib.metadata
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

GB = 1e9

_QUERY = ("nvidia-smi", "--query-gpu=name,memory.free,memory.total", "--format=csv,noheader,nounits")
_MIB = 1 << 20
_UNLIMITED = 1 << 60  # what old control groups say for no limit


class Gpu(NamedTuple):
    """One GPU; memory in 10⁹ bytes."""

    name: str
    free_gb: float
    total_gb: float


@dataclass(frozen=True)
class Machine:
    """Free memory in 10⁹ bytes, and the GPUs that torch would use; a ZeroGPU Space has none and `lends_gpu`."""

    ram_gb: float
    gpus: tuple[Gpu, ...] = ()
    lends_gpu: bool = False

    def __str__(self) -> str:
        gpus = [f"{gpu.name} with {gpu.free_gb:.1f} of {gpu.total_gb:.1f} GB free" for gpu in self.gpus]
        if self.lends_gpu:
            gpus = ["a GPU lent to single calls (ZeroGPU)"]
        return f"{', '.join(gpus) or 'no GPU'}; {self.ram_gb:.1f} GB of memory free"


def this_machine() -> Machine:
    """Measures the machine as it is now, within the limits of its container."""
    lends = zero_gpu()
    return Machine(free_ram_gb(), () if lends else gpus(), lends)


def zero_gpu() -> bool:
    """Whether this is a ZeroGPU Space, which lends its GPU to single calls in a process of their own."""
    return os.environ.get("SPACES_ZERO_GPU", "").strip().lower() in {"1", "true", "t", "yes", "on"}


def borrows_gpu(memory_gb: float) -> bool:
    """Whether models that take `memory_gb` of a GPU run on ZeroGPU's lent one; models too small for a GPU do not."""
    return zero_gpu() and memory_gb > 0


def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves; none where torch was built without CUDA."""
    if "+cpu" in importlib.metadata.version("torch"):
        return ()
    try:
        listed = subprocess.run(_QUERY, capture_output=True, text=True, timeout=5, check=True).stdout
        found = [_gpu(line) for line in listed.splitlines() if line.strip()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(found)
    entries = [entry.strip() for entry in visible.split(",")]
    if entries[0].startswith(("GPU-", "MIG-")):
        return tuple(found)  # the variable names UUIDs, which nvidia-smi was not asked for
    ends = (place for place, entry in enumerate(entries) if not (entry.isdigit() and int(entry) < len(found)))
    return tuple(found[int(entry)] for entry in entries[: next(ends, None)])  # CUDA stops at the first that is none


def free_ram_gb(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Memory in 10⁹ bytes that a new process could take, by the kernel and by the limit of the container.

    `proc` and `cgroup` are where Linux mounts these file systems; elsewhere psutil is asked.
    """
    return min([_available(proc / "meminfo"), *_left_in_container(cgroup)]) / GB


def free_disk_gb(folder: Path) -> float:
    """Free space where `folder` is or would be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free / GB


def _gpu(line: str) -> Gpu:
    name, free, total = (part.strip() for part in line.rsplit(",", 2))
    return Gpu(name, int(free) * _MIB / GB, int(total) * _MIB / GB)


def _available(meminfo: Path) -> int:
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import psutil  # of accelerate's requirements; where there is no /proc

    return psutil.virtual_memory().available


def _left_in_container(cgroup: Path) -> list[int]:
    """Bytes below the limits of version 2 and of version 1 of Linux's control groups, where they are set.

    Copies of files that the kernel keeps in memory count as free: it gives them up when memory is asked for.
    """
    left = []
    for limit, used, stat, cached in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            total = (cgroup / limit).read_text().strip()
            if total.isdigit() and int(total) < _UNLIMITED:
                taken = int((cgroup / used).read_text()) - _counter(cgroup / stat, cached)
                left.append(max(int(total) - taken, 0))
        except (OSError, ValueError):
            continue
    return left


def _counter(stat: Path, name: str) -> int:
    """A counter of a control group's `memory.stat` in bytes; 0 where there is none."""
    lines = stat.read_text().splitlines() if stat.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)
