"""Which hub files a profile reads, and the sizes that published profiles announce."""

import dataclasses

import pytest
import torch

from safeclip import profile_files
from safeclip.encoders.formats.layouts import CLIP_PROCESSOR, HYSAC, OPEN_CLIP
from safeclip.preflight.memory import WORKING_GB, estimate
from safeclip.profile_changes import with_tasks
from safeclip.profiles import Seat, list_profiles, load_profile
from tests.safeclip.preflight.machines import BIG, CPU

PUBLISHED = [name for name in list_profiles() if name.startswith("vit-")]


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
    inputs = set(CLIP_PROCESSOR.required) - {(("config.json",),)}
    assert inputs <= set(wanted[profile.seats[0].checkpoint].files.required)
    assert not inputs & set(wanted[profile.seats[1].checkpoint].files.required)
    for seat in profile.seats:
        assert 0 < seat.memory_gb < 20 and 0 < seat.download_gb < 20 and seat.dtype == "float16"


SIZES = {
    "vit-l-14": {"text": (768, 3072, 12, 12), "vision": (1024, 4096, 24, 16, 224), "projection": 768},
    "vit-l-14-336": {"text": (768, 3072, 12, 12), "vision": (1024, 4096, 24, 16, 336), "projection": 768},
    "vit-l-14-336-13b": {"text": (768, 3072, 12, 12), "vision": (1024, 4096, 24, 16, 336), "projection": 768},
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
        assert seat.memory_gb == pytest.approx(count * 2 / 1e9, rel=0.01)


@pytest.mark.parametrize(
    ("name", "llama"),
    [
        ("vit-l-14-336", {}),  # LlamaConfig's other defaults are the 7B's
        (
            "vit-l-14-336-13b",
            {"hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40, "num_attention_heads": 40},
        ),
    ],
)
def test_the_size_of_llava_follows_from_the_parameters(name, llama):
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size")
    vision = dict(zip(keys, SIZES[name]["vision"], strict=True))
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**vision, patch_size=14), text_config=LlamaConfig(vocab_size=32_064, **llama)
    )
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in LlavaForConditionalGeneration(config).parameters())
    profile = load_profile(name)
    spec, towers = profile.captioning, profile.captioning.seats or profile.seats
    assert (spec.download_gb, spec.memory_gb) == pytest.approx((count * 2 / 1e9,) * 2, rel=0.01)
    task = with_tasks(profile, ["captioning"])
    told = estimate(task, BIG).tasks["captioning"].gpu_gb
    assert told == pytest.approx(count * 2 / 1e9 + towers[1].memory_gb + WORKING_GB["captioning"], rel=0.01)
    on_cpu = estimate(task, CPU).tasks["captioning"].ram_gb
    assert on_cpu - WORKING_GB["captioning"] == pytest.approx((told - 1.0) * (1 if llama else 2)), "13B is in bfloat16"


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
    assert wanted[0].files == OPEN_CLIP and wanted[3].files == HYSAC | CLIP_PROCESSOR
