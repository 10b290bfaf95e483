"""Memory is added up by what a task loads together, and told for each task."""

import dataclasses

import pytest

from safeclip import preflight
from safeclip.preflight.memory import estimate
from safeclip.profiles import CaptioningSpec, GenerationSpec, Seat, load_profile
from safeclip.runtime.machine import Gpu, Machine
from tests.safeclip.preflight.machines import BIG, CPU, H100


@pytest.mark.parametrize(
    ("machine", "fits", "problem"),
    [
        (BIG, "retrieval   3.0 GB on the GPU", None),
        (
            Machine(64.0, (Gpu("Small", 2.0, 4.0),)),
            "retrieval   3.0 GB on the GPU",
            "retrieval: 3.0 GB of GPU memory are needed and 2.0 GB are free on Small",
        ),
        (CPU, "retrieval   6.0 GB of memory, as a CPU computes in float32", None),
        (Machine(4.0), "6.0 GB of memory", "retrieval: 6.0 GB of memory are needed and 4.0 GB are free"),
        (Machine(64.0, lends_gpu=True), "6.0 GB of memory", None),
    ],
)
def test_whether_a_task_fits(profile, served, machine, fits, problem):
    report = preflight.inspect(profile, machine)
    assert fits in str(report)
    assert report.can_run is (problem is None)
    assert problem is None or problem in report.problems[0]


def test_a_seat_on_the_cpu_leaves_the_gpu_alone(profile):
    seats = (profile.seats[0], dataclasses.replace(profile.seats[1], device="cpu"))
    found = estimate(dataclasses.replace(profile, seats=seats), BIG)
    assert "retrieval   1.5 GB on the GPU and 3.0 GB of memory" in str(found)


@pytest.fixture
def all_tasks(profile):
    """Generation shares the seats of retrieval, captioning has a pair of its own."""
    own = tuple(Seat(key, key, f"x/{key}-336", dtype="float16", memory_gb=1.4) for key in ("original", "safe"))
    return dataclasses.replace(
        profile,
        generation=GenerationSpec("x/sd", memory_gb=3.2),
        captioning=CaptioningSpec("x/llava", memory_gb=15.0, seats=own),
    )


def test_a_task_takes_its_own_model_and_the_seats_beside_the_first(all_tasks):
    found = estimate(all_tasks, BIG)
    assert {task: need.gpu_gb for task, need in found.tasks.items()} == pytest.approx(
        {"retrieval": 3.0, "generation": 3.2 + 1.5, "captioning": 15.0 + 1.4}
    )
    assert found.together.gpu_gb == pytest.approx(3.0 + 3.2 + 15.0 + 1.4), "shared seats count once"
    assert found.problems() == []


def test_a_gpu_that_holds_each_task_but_not_all_is_noted_and_runs(all_tasks):
    found = estimate(all_tasks, Machine(64.0, (H100._replace(free_gb=17.0),)))
    assert found.problems() == [] and "Each task fits alone, but not all of them" in str(found)
    smaller = estimate(all_tasks, Machine(64.0, (H100._replace(free_gb=16.0),)))
    (problem,) = smaller.problems()
    assert problem.startswith("captioning: 16.4 GB of GPU memory are needed and 16.0 GB are free")
    assert "fits alone" not in str(smaller)


def test_on_zero_gpu_encoders_stay_in_memory_and_a_tasks_own_model_does_not(all_tasks):
    found = estimate(all_tasks, Machine(64.0, lends_gpu=True))
    assert (found.tasks["captioning"].gpu_gb, found.tasks["captioning"].ram_gb) == pytest.approx((15.0, 2.8))
    assert found.problems() == []


def test_single_precision_takes_a_cpu_no_more_than_said(profile):
    spec = GenerationSpec("x/sd", memory_gb=6.0, dtype="float32")
    found = estimate(dataclasses.replace(profile, retrieval=None, generation=spec), CPU)
    assert list(found.tasks) == ["generation"] and found.tasks["generation"].ram_gb == pytest.approx(6.0 + 3.0)


def test_the_embedded_models_fit_anywhere():
    assert str(estimate(load_profile("emoji"), CPU)) == "The models are small: they fit anywhere."
