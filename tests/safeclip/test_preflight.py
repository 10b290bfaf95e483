"""What is said before anything is loaded: of repositories, the machine, the gallery; and which profile is best."""

import dataclasses
import subprocess
import sys
import time

import pytest
import torch

from safeclip import preflight, profile_files
from safeclip.errors import HubError
from safeclip.profiles import RetrievalSpec, Seat, list_profiles, load_profile
from safeclip.runtime import hub, machine
from safeclip.runtime.machine import Gpu, Machine

H100 = Gpu("NVIDIA H100", 70.0, 80.0)
BIG = Machine(64.0, (H100,))
CPU = Machine(64.0)
PUBLISHED = [name for name in list_profiles() if name.startswith("vit-")]


@pytest.fixture
def profile(tiny_lab):
    """Two seats of the hub over the tiny gallery, with an index."""
    seats = (
        Seat("original", "CLIP", "openai/clip-tiny", dtype="float16", memory_gb=1.5),
        Seat("safe", "Safe-CLIP", "aimagelab/tiny", processor="openai/clip-tiny", dtype="float16", memory_gb=1.5),
    )
    return dataclasses.replace(tiny_lab.profile, seats=seats)


@pytest.fixture
def served(fake_hub, tiny_clip):
    fake_hub.repositories |= {"openai/clip-tiny": tiny_clip, "aimagelab/tiny": tiny_clip}
    return fake_hub


def statuses(report):
    return {state.name: state.status for state in report.states}


def test_what_the_hub_has_is_reachable_with_its_size_and_nothing_is_fetched(profile, served, tiny_clip):
    report = preflight.inspect(profile, BIG)
    assert statuses(report) == {"openai/clip-tiny": "reachable", "aimagelab/tiny": "reachable"}
    sizes = {path.name: path.stat().st_size for path in tiny_clip.iterdir()}
    weights = sizes["config.json"] + sizes["model.safetensors"]
    assert report.states[1].download_gb == pytest.approx(weights / 1e9)
    assert report.states[0].download_gb > report.states[1].download_gb, "its tokenizer is used, the other's is not"
    assert report.can_run and report.problems == ()
    assert served.downloads == []
    for words in (
        "reachable   openai/clip-tiny",
        "GB to download",
        "NVIDIA H100 with 70.0 of 80.0 GB free",
        "It can run",
    ):
        assert words in str(report)


def test_what_was_fetched_is_cached_with_and_without_a_hub(profile, served, monkeypatch):
    hub.fetch_clip("openai/clip-tiny")
    hub.fetch_clip("aimagelab/tiny", processor=False)
    assert set(statuses(preflight.inspect(profile, BIG)).values()) == {"cached"}
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    report = preflight.inspect(profile, BIG)
    assert set(statuses(report).values()) == {"cached"} and report.can_run
    preflight.require_reference(profile)


def test_half_a_download_is_not_cached(profile, served, monkeypatch):
    hub.fetch("openai/clip-tiny", hub.CONFIG + hub.PROCESSOR)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert statuses(preflight.inspect(profile, BIG))["openai/clip-tiny"] == "unreachable"


def test_gated_and_missing_say_what_to_do(profile, served):
    served.repositories |= {"openai/clip-tiny": "GatedRepo", "aimagelab/tiny": "RepoNotFound"}
    report = preflight.inspect(profile, BIG)
    assert statuses(report) == {"openai/clip-tiny": "gated", "aimagelab/tiny": "missing"}
    assert not report.can_run
    gated, missing = report.problems
    assert "accept its terms" in gated and "There is no repository aimagelab/tiny" in missing


def test_a_repository_without_weights_is_missing_them(profile, served, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    served.repositories["aimagelab/tiny"] = tmp_path / "empty"
    assert statuses(preflight.inspect(profile, BIG))["aimagelab/tiny"] == "missing"


def test_no_hub_is_one_sentence_that_names_everything(profile, no_hub):
    started = time.monotonic()
    report = preflight.inspect(profile, BIG)
    (problem,) = report.problems
    assert "127.0.0.1:9 could not be reached, and openai/clip-tiny, aimagelab/tiny are not in the cache" in problem
    with pytest.raises(HubError, match="openai/clip-tiny, aimagelab/tiny are not.*--profile emoji"):
        preflight.require_reference(profile)
    assert time.monotonic() - started < 10


def test_a_seat_that_lacks_beside_the_reference_does_not_keep_the_page_from_starting(profile, served, monkeypatch):
    hub.fetch_clip("openai/clip-tiny")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    preflight.require_reference(profile)
    assert preflight.out_of_reach(profile) == ["aimagelab/tiny"]


@pytest.mark.parametrize(
    ("machine", "fits", "problem"),
    [
        (BIG, "3.0 GB of the 70.0 GB free on the GPU", None),
        (
            Machine(64.0, (Gpu("Small", 2.0, 4.0),)),
            "on the GPU",
            "3.0 GB of GPU memory are needed and 2.0 GB are free on Small",
        ),
        (CPU, "6.0 GB of the 64.0 GB of memory, as a CPU computes in float32", None),
        (Machine(4.0), "6.0 GB", "6.0 GB of memory are needed and 4.0 GB are free"),
        (Machine(64.0, lends_gpu=True), "6.0 GB of the 64.0 GB of memory", None),
    ],
)
def test_what_fits_where(profile, served, machine, fits, problem):
    report = preflight.inspect(profile, machine)
    assert fits in report.fits
    assert report.can_run is (problem is None)
    assert problem is None or problem in report.problems[0]


def test_a_seat_on_the_cpu_leaves_the_gpu_alone(profile, served):
    seats = (profile.seats[0], dataclasses.replace(profile.seats[1], device="cpu"))
    report = preflight.inspect(dataclasses.replace(profile, seats=seats), BIG)
    assert "1.5 GB of the 70.0 GB free on the GPU and 3.0 GB of the 64.0 GB of memory" in report.fits


def test_a_full_disk_is_said(profile, served, monkeypatch):
    monkeypatch.setattr(preflight, "free_disk_gb", lambda folder: 0.0)
    (problem,) = preflight.inspect(profile, BIG).problems
    assert "make room, or set HF_HOME" in problem


def test_without_a_gallery_and_then_without_an_index_it_says_how_to_make_them(profile, served, tiny_gallery, tmp_path):
    nothing = dataclasses.replace(profile, retrieval=RetrievalSpec(str(tmp_path / "g"), str(tmp_path / "i")))
    (problem,) = preflight.inspect(nothing, BIG).problems
    assert "index_builder import IMAGES" in problem and f"index_builder --profile {profile.name}" in problem
    no_index = dataclasses.replace(profile, retrieval=RetrievalSpec(str(tiny_gallery), str(tmp_path / "i")))
    (problem,) = preflight.inspect(no_index, BIG).problems
    assert problem == f"There is no index for CLIP, Safe-CLIP yet: python -m index_builder --profile {profile.name}"


def test_a_folder_that_is_not_there_is_a_problem_of_its_own(tiny_lab, tmp_path):
    assert preflight.inspect(tiny_lab.profile, CPU).can_run
    gone = dataclasses.replace(tiny_lab.profile.seats[1], adapter=str(tmp_path / "gone"))
    report = preflight.inspect(dataclasses.replace(tiny_lab.profile, seats=(gone,)), CPU)
    assert f"{tmp_path / 'gone'}: there is no such checkpoint. Correct its path." in report.problems


# --- which profile is best


def test_auto_takes_emoji_without_a_gpu_and_says_why():
    assert preflight.choose(CPU) == ("emoji", "there is no GPU for the published models, and these need none")


def test_auto_takes_the_best_that_can_run_and_says_what_cannot(monkeypatch):
    def inspect(profile, machine):
        problems = {"vit-l-14": ("no gallery.",)}.get(profile.name, ())
        states = (preflight.FileState("x/y", preflight.CACHED),)
        return preflight.Report(profile, machine, states, "", problems)

    monkeypatch.setattr(preflight, "inspect", inspect)
    name, why = preflight.choose(BIG)
    assert name == "vit-l-14-336"
    assert "its models are cached and fit (NVIDIA H100" in why and "vit-l-14 cannot run: no gallery." in why


def test_auto_with_a_gpu_but_no_hub_falls_back(no_hub):
    name, why = preflight.choose(BIG)
    assert name == "emoji"
    assert all(f"{each} cannot run: 127.0.0.1:9 could not be reached" in why for each in preflight.BEST_FIRST)


# --- the published profiles


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_profile_names_repositories_only(name):
    profile = load_profile(name)
    assert profile.seats[0].key == "original" and profile.seats[1].key == "safe"
    assert "CC-BY-NC-4.0" in profile.license
    wanted = {str(each.repository): each for each in profile_files.hub_files(profile)}
    assert {profile.seats[0].checkpoint, profile.seats[1].checkpoint} <= set(wanted)
    assert profile_files.absent_paths(profile) == []
    # tokenizer and processor come from the original's repository, and are fetched with it
    assert profile.seats[1].processor == profile.seats[0].checkpoint
    assert "preprocessor_config.json" in wanted[profile.seats[0].checkpoint].base
    assert "preprocessor_config.json" not in wanted[profile.seats[1].checkpoint].base
    for part in profile_files.parts(profile):
        assert 0 < part.memory_gb < 20 and 0 < part.download_gb < 20 and part.dtype == "float16"


SIZES = {
    "vit-l-14": {"text": (768, 3072, 12, 12), "vision": (1024, 4096, 24, 16, 224), "projection": 768},
    "vit-l-14-336": {"text": (768, 3072, 12, 12), "vision": (1024, 4096, 24, 16, 336), "projection": 768},
    "vit-h-14": {"text": (1024, 4096, 24, 16), "vision": (1280, 5120, 32, 16, 224), "projection": 1024},
}


@pytest.mark.parametrize("name", SIZES)
def test_expected_sizes_follow_from_the_parameters(name):
    from transformers import CLIPConfig, CLIPModel

    size = SIZES[name]
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size")
    config = CLIPConfig(
        text_config=dict(zip(keys, size["text"], strict=False)),
        vision_config={**dict(zip(keys, size["vision"], strict=True)), "patch_size": 14},
        projection_dim=size["projection"],
    )
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in CLIPModel(config).parameters())
    for seat in load_profile(name).seats:
        assert seat.download_gb == pytest.approx(count * 4 / 1e9, rel=0.01)
        assert seat.memory_gb == pytest.approx(count * 2 / 1e9 + 0.5, abs=0.1)


def test_a_profile_with_an_open_clip_seat_knows_its_repository(tiny_lab):
    seats = (
        Seat("a", "A", "hf-hub:laion/clip", revision="v1"),
        Seat("b", "B", "ViT-L-14-quickgelu:aimagelab/safeclip_vit-l_14"),
        Seat("c", "C", "ViT-L-14-quickgelu:openai"),
        Seat("d", "D", "aimagelab/HySAC", kind="hyperbolic", adapter="x/lora"),
    )
    wanted = profile_files.hub_files(dataclasses.replace(tiny_lab.profile, seats=seats))
    assert [str(each.repository) for each in wanted] == [
        "laion/clip@v1",
        "aimagelab/safeclip_vit-l_14",
        "timm/vit_large_patch14_clip_224.openai",
        "aimagelab/HySAC",
        "x/lora",
    ]
    assert wanted[0].alternatives == hub.OPEN_CLIP_WEIGHTS and wanted[3].base == hub.HYPERBOLIC


# --- the machine


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
def test_no_driver_no_gpu(monkeypatch, fault):
    smi(monkeypatch, "", fails=fault)
    assert machine.gpus() == ()


def test_a_torch_that_cannot_use_a_gpu_has_none(monkeypatch):
    smi(monkeypatch, TWO)
    monkeypatch.setattr(machine.importlib.metadata, "version", lambda _: "2.14.0+cpu")
    assert machine.gpus() == ()


def test_memory_is_what_the_container_leaves(monkeypatch):
    assert 0 < machine.free_ram_gb() < 10_000
    monkeypatch.setattr(machine, "_available", lambda: 50_000_000_000)
    monkeypatch.setattr(machine, "_left_in_container", lambda: [3_000_000_000])
    assert machine.free_ram_gb() == 3.0


def test_neither_the_check_nor_what_it_imports_loads_torch():
    code = (
        "import sys; from safeclip import preflight; from safeclip.profiles import load_profile; "
        "preflight.inspect(load_profile('emoji')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
