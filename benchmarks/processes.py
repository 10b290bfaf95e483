"""Compares two ways to do the same, each in a process of its own, so that the peaks of memory are separate.

A third process that only imports the libraries is what both peaks are counted from.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from safeclip.errors import SafeClipError
from safeclip.paths import resolve
from safeclip.profiles import load_profile

LIBRARIES = "libraries"


@dataclass(frozen=True)
class Race:
    """A benchmark module's way of `ours` against that of `theirs`, both named as its `--way` knows them.

    `agree` says whether what the two ways made ("answers" of their figures) is the same. `options` maps the name of a
    whole-number option to its default and its help. `task` is the section that a profile needs, "" for none. The ways
    take turns `rounds` times.
    """

    module: str
    title: str
    ours: str
    theirs: str
    agree: Callable[[Any, Any], bool]
    options: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    task: str = ""
    rounds: int = 1


def device_and_dtype() -> tuple[str, torch.dtype]:
    """Where a baseline computes, and in which precision: as the library would."""
    return ("cuda", torch.float16) if torch.cuda.is_available() else ("cpu", torch.float32)


def peak_bytes() -> int:
    """The largest memory in bytes that this process has held: on the GPU where there is one, else its own."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def clock() -> float:
    """Seconds of the processor, which other work on the machine changes little; of the wall where a GPU computes."""
    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


def one_thread() -> None:
    """Lets torch compute in one thread where there is no GPU: several would count the time that they wait."""
    if not torch.cuda.is_available():
        torch.set_num_threads(1)


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Median seconds of `work`, after one unmeasured call."""
    work()
    times = []
    for _ in range(repeats):
        started = clock()
        work()
        times.append(clock() - started)
    return statistics.median(times)


def unmeasurable(race: Race, profile: str) -> str:
    """Why a profile cannot be measured on this machine, or ""."""
    if not race.task:
        return ""
    spec = getattr(load_profile(profile), race.task)
    if spec is None:
        return f"the profile {profile} has no [{race.task}] section"
    return "" if resolve(spec.checkpoint).is_dir() else f"there is no {spec.checkpoint} on this machine"


def measure(race: Race, options: Sequence[str]) -> dict[str, Any]:
    """Measures both ways and their ratios. Raises SystemExit when a way fails or the two disagree.

    Of several rounds the medians count, of the ratios too; "time_ratios" has the ratio of each.
    """
    floor = run_apart(race, LIBRARIES, options)
    rounds = [[run_apart(race, way, options) for way in (race.ours, race.theirs)] for _ in range(race.rounds)]
    if not all(race.agree(ours.pop("answers"), theirs.pop("answers")) for ours, theirs in rounds):
        raise SystemExit("the two ways disagree, so there is no point in racing them")
    ours, theirs = (
        {key: statistics.median(each[key] for each in way) for key in way[0]} for way in zip(*rounds, strict=True)
    )
    base = floor["peak_bytes"]
    ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in rounds]
    return {
        race.ours: ours,
        race.theirs: theirs,
        LIBRARIES: floor,
        "time_ratio": statistics.median(ratios),
        "time_ratios": ratios,
        "memory_ratio": (ours["peak_bytes"] - base) / (theirs["peak_bytes"] - base),
    }


def report(race: Race, figures: dict[str, Any]) -> None:
    """Prints the figures of `measure`."""
    ours, theirs, base = figures[race.ours], figures[race.theirs], figures[LIBRARIES]["peak_bytes"]
    other = race.theirs.replace("_", " ")
    print(
        f"{race.title:23} {ours['seconds'] * 1e3:6.0f} ms   {other} {theirs['seconds'] * 1e3:6.0f} ms   "
        f"ratio {figures['time_ratio']:.2f}{_spread(figures['time_ratios'])}"
    )
    print(
        f"peak memory, models     {(ours['peak_bytes'] - base) / 1e6:6.0f} MB   "
        f"{other} {(theirs['peak_bytes'] - base) / 1e6:6.0f} MB   ratio {figures['memory_ratio']:.2f}"
    )


def _spread(ratios: Sequence[float]) -> str:
    return f" ({min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds)" if len(ratios) > 1 else ""


def main(race: Race, run_way: Callable[[str, argparse.Namespace], dict[str, Any]], description: str | None) -> None:
    """Runs a benchmark's command; `run_way` measures one way in this process."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, (default, help) in race.options.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{help} (%(default)s)")
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--way", choices=(LIBRARIES, race.ours, race.theirs), help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        if options.way:
            one_thread()  # this process is a way's own
            print(json.dumps(run_way(options.way, options)))
            return
        if reason := unmeasurable(race, options.profile):
            print(f"{race.title:23} not measured: {reason}")
            return
        own = [text for name in race.options for text in (f"--{name}", str(getattr(options, name)))]
        figures = measure(race, ["--profile", options.profile, *own])
    except SafeClipError as error:
        raise SystemExit(str(error)) from error
    report(race, figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def run_apart(race: Race, way: str, options: Sequence[str]) -> dict[str, Any]:
    """Measures one way in a process of its own. Raises SystemExit with the last line of its errors when it fails."""
    command = [sys.executable, "-m", race.module, "--way", way, *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode:
        said = (done.stderr.strip() or "it ended without a word").splitlines()[-1]
        raise SystemExit(f"{race.title}, {way}: {said}")
    return json.loads(done.stdout.splitlines()[-1])
