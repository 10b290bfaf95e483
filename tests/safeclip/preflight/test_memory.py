"""Memory is added up by what a task loads together, and told for each task."""

import dataclasses

import pytest
import torch

from safeclip import preflight
from safeclip.preflight.memory import WORKING_GB, estimate
from safeclip.profiles import PIPELINES, CaptioningSpec, GenerationSpec, Seat, load_profile
from safeclip.runtime.machine import Gpu, Machine
from safeclip.runtime.quantization import BITS
from tests.safeclip.preflight.machines import BIG, CPU, H100

SEARCH = WORKING_GB["retrieval"]


@pytest.mark.parametrize(
    ("machine", "fits", "problem"),
    [
        (BIG, f"retrieval   {3.0 + SEARCH:.1f} GB on the GPU", None),
        (
            Machine(64.0, (Gpu("Small", 2.0, 4.0),)),
            f"retrieval   {3.0 + SEARCH:.1f} GB on the GPU",
            f"retrieval: {3.0 + SEARCH:.1f} GB of GPU memory are needed and 2.0 GB are free on Small",
        ),
        (CPU, f"retrieval   {6.0 + SEARCH:.1f} GB of memory, as a CPU computes float16 in float32", None),
        (
            Machine(4.0),
            f"{6.0 + SEARCH:.1f} GB of memory",
            f"retrieval: {6.0 + SEARCH:.1f} GB of memory are needed and 4.0 GB are free",
        ),
        (Machine(64.0, lends_gpu=True), f"{6.0 + SEARCH:.1f} GB of memory", None),
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
    assert f"retrieval   {1.5 + SEARCH:.1f} GB on the GPU (estimated) and {3.0 + SEARCH:.1f} GB of memory" in str(found)


def test_the_encoder_that_judges_read_counts_once_and_only_where_they_judge(profile):
    spec = dataclasses.replace(profile.retrieval, judges=("q16", "violence", "opennsfw"))
    judged = dataclasses.replace(spec, gallery="", source="my/photos")
    before, after = (estimate(dataclasses.replace(profile, retrieval=each), CPU) for each in (spec, judged))
    assert after.tasks["retrieval"].ram_gb == pytest.approx(before.tasks["retrieval"].ram_gb + 1.71)


@pytest.mark.parametrize(("machine", "kind"), [(BIG, "gpu_gb"), (CPU, "ram_gb")])
def test_the_safety_checker_counts_its_image_encoder_in_single_precision(all_tasks, machine, kind):
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    with torch.device("meta"):
        checker = StableDiffusionSafetyChecker(
            CLIPConfig(vision_config=vision | {"patch_size": 14}, projection_dim=768)
        )
    bytes_ = sum(each.numel() for each in checker.parameters()) * 4
    judged = dataclasses.replace(all_tasks.generation, judges=("safety-checker:my/checker@0.6", "opennsfw"))
    plain, more = (
        estimate(dataclasses.replace(all_tasks, generation=each), machine) for each in (all_tasks.generation, judged)
    )
    needed = {task: getattr(more.tasks[task], kind) - getattr(plain.tasks[task], kind) for task in plain.tasks}
    assert needed == pytest.approx({"retrieval": 0, "generation": bytes_ / 1e9, "captioning": 0}, abs=0.01)


@pytest.fixture
def all_tasks(profile):
    """Generation shares the seats of retrieval, captioning has a pair of its own."""
    own = tuple(Seat(key, key, f"x/{key}-336", dtype="float16", memory_gb=1.4) for key in ("original", "safe"))
    return dataclasses.replace(
        profile,
        generation=GenerationSpec("x/sd", memory_gb=3.2),
        captioning=CaptioningSpec("x/llava", memory_gb=15.0, seats=own),
    )


WEIGHTS = {"retrieval": 3.0, "generation": 3.2 + 1.5, "captioning": 15.0 + 1.4}


def test_a_task_takes_its_own_model_and_the_seats_beside_the_first(all_tasks):
    found = estimate(all_tasks, BIG)
    assert {task: need.gpu_gb for task, need in found.tasks.items()} == pytest.approx(
        {task: weights + WORKING_GB[task] for task, weights in WEIGHTS.items()}
    )
    most = max(WORKING_GB.values())
    assert found.together.gpu_gb == pytest.approx(3.0 + 3.2 + 15.0 + 1.4 + most), "shared seats count once"
    assert found.problems() == []


def test_a_gpu_that_holds_each_task_but_not_all_is_noted_and_runs(all_tasks):
    captions = WEIGHTS["captioning"] + WORKING_GB["captioning"]
    found = estimate(all_tasks, Machine(64.0, (H100._replace(free_gb=captions + 0.5),)))
    assert found.problems() == [] and "Each task fits alone, but not all of them" in str(found)
    smaller = estimate(all_tasks, Machine(64.0, (H100._replace(free_gb=captions - 0.5),)))
    (problem,) = smaller.problems()
    assert problem.startswith(f"captioning: {captions:.1f} GB of GPU memory are needed")
    assert "fits alone" not in str(smaller)


def test_painting_in_turn_is_told_and_keeps_a_small_gpu_in_use(all_tasks):
    whole = WEIGHTS["generation"] + WORKING_GB["generation"]
    found = estimate(all_tasks, Machine(64.0, (H100._replace(free_gb=whole - 0.5),)))
    assert f"{whole:.1f} GB on the GPU (estimated); {whole - 0.19 * 3.2:.1f} GB with its parts in turn" in str(found)
    assert not any(problem.startswith("generation") for problem in found.problems())


def test_fewer_bits_are_told_where_they_can_be_had(all_tasks, monkeypatch):
    assert "quantize" not in str(estimate(all_tasks, BIG))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "bitsandbytes" or None)
    found = estimate(all_tasks, BIG)
    assert 'GB with quantize = "8bit"' in str(found) and 'GB with quantize = "4bit"' in str(found)
    fewer = dataclasses.replace(all_tasks, captioning=dataclasses.replace(all_tasks.captioning, quantize="4bit"))
    assert estimate(fewer, BIG).tasks["captioning"].gpu_gb == pytest.approx(
        found.variants["captioning"]['with quantize = "4bit"']
    )


@pytest.mark.parametrize("family", PIPELINES)
@pytest.mark.parametrize("bits", BITS)
def test_a_pipeline_in_fewer_bits_takes_what_was_told(all_tasks, monkeypatch, family, bits):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "bitsandbytes" or None)
    whole = dataclasses.replace(all_tasks.generation, family=family)
    fewer = dataclasses.replace(whole, quantize=bits)
    told, taken = (estimate(dataclasses.replace(all_tasks, generation=each), BIG) for each in (whole, fewer))
    assert taken.tasks["generation"].gpu_gb == pytest.approx(told.variants["generation"][f'with quantize = "{bits}"'])
    assert told.tasks["generation"].gpu_gb - taken.tasks["generation"].gpu_gb > 0.1 * whole.memory_gb
    assert "generation" not in taken.variants, "it is not moved part by part"


def test_on_zero_gpu_encoders_stay_in_memory_and_a_tasks_own_model_does_not(all_tasks):
    found = estimate(all_tasks, Machine(64.0, lends_gpu=True))
    assert (found.tasks["captioning"].gpu_gb, found.tasks["captioning"].ram_gb) == pytest.approx(
        (15.0 + WORKING_GB["captioning"], 2.8 + WORKING_GB["captioning"])
    )
    assert found.problems() == []


def test_single_precision_takes_a_cpu_no_more_than_said(profile):
    spec = GenerationSpec("x/sd", memory_gb=6.0, dtype="float32")
    found = estimate(dataclasses.replace(profile, retrieval=None, generation=spec), CPU)
    assert list(found.tasks) == ["generation"] and found.tasks["generation"].ram_gb == pytest.approx(
        6.0 + 3.0 + WORKING_GB["generation"]
    )


def test_the_embedded_models_fit_anywhere():
    assert str(estimate(load_profile("emoji"), CPU)) == "The models are small: they fit anywhere."
