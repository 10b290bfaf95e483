"""LLaVA-1.5 7B at its true shape, random weights, in bfloat16: the plain library's tokens, and as large as told.

16 GB on disk, which are removed at the end, and 18 GB of memory: each test loads one model at a time.
"""

import gc
import json
import math
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

import safeclip
from safeclip.preflight.memory import estimate
from safeclip.profile_changes import with_tasks
from safeclip.profiles import Profile, load_profile
from safeclip.runtime.machine import GB, Machine
from tests.safeclip.published import plain
from tests.safeclip.published.peak_memory import peak_gb
from tests.safeclip.published.test_published import TINY, TRUE, pictures, write_clip
from tests.safeclip.published.test_published_llava import CLIP_336, LLAVA, QUESTION, SAFE_336

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]

DISK_GB, SHARD_GB = 16.5, 5.0
TOKENS = 4
PATCHES = 576  # of 336 px
NUMBERS = 8_388_593  # a prime, so that no two rows of a matrix begin at the same of these random numbers

# Where the repository has other names than transformers' own.
PUBLISHED = {
    "model.language_model.": "language_model.model.",
    "lm_head.": "language_model.lm_head.",
    "model.vision_tower.": "vision_tower.vision_model.",
    "model.multi_modal_projector.": "multi_modal_projector.",
}

IMPORTS = """
from transformers import CLIPModel, LlavaForConditionalGeneration, LlavaProcessor
import safeclip, safeclip.captioning.compare, safeclip.encoders.encoder_set
from tests.safeclip.published.test_full_llava import in_bfloat16
from tests.safeclip.published.test_published import pictures
"""
LOADING = """
captioning = safeclip.open(in_bfloat16(), device="cpu").captioning
captioning.load()
"""
BOTH_SEATS = """
found = captioning.compare(pictures(1)[0], max_new_tokens=2)
assert not any(answer.error for answer in found.values()), found
"""


def in_bfloat16() -> Profile:
    """The captioning of vit-l-14 in bfloat16, which a CPU computes in half of float32's memory."""
    profile = with_tasks(load_profile("vit-l-14"), ["captioning"])
    seats = tuple(replace(seat, dtype="bfloat16") for seat in profile.captioning.seats)
    return replace(profile, captioning=replace(profile.captioning, dtype="bfloat16", seats=seats))


@pytest.fixture(scope="module")
def hub(tmp_path_factory, make):
    """The model and the Safe-CLIP of its tower in float16, as published; of the original only the processor is read."""
    root = tmp_path_factory.mktemp("hub")
    if (free := shutil.disk_usage(root).free / GB) < DISK_GB:
        pytest.skip(f"{DISK_GB} GB of disk are needed, {free:.1f} GB are free")
    try:
        tiny = write_clip(root / CLIP_336, TINY, 0, processor=True, image_size=336)
        write_clip(root / SAFE_336, TRUE, 1, processor=False, image_size=336)
        write_llava(make.llava(root / LLAVA, tiny))
        gc.collect()
        yield root
    finally:
        shutil.rmtree(root)


def write_llava(folder) -> None:
    """Puts LLaVA-1.5 7B in the place of the tiny model of `folder`, whose processor stays, in shards of 5 GB."""
    (folder / "model.safetensors").unlink()
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**TRUE["vision"], image_size=336, patch_size=14, hidden_act="quick_gelu"),
        text_config=LlamaConfig(vocab_size=32_064, max_position_embeddings=4096),  # its other defaults are the 7B's
        image_token_index=LlavaProcessor.from_pretrained(folder).image_token_id,
        image_seq_length=PATCHES,
    )
    config.save_pretrained(folder)
    with torch.device("meta"):
        shapes = {name: each.shape for name, each in LlavaForConditionalGeneration(config).named_parameters()}
    numbers = torch.randn(NUMBERS, generator=torch.Generator().manual_seed(0)).half()
    shard, files, bytes_ = {}, {}, 0
    for i, (name, shape) in enumerate(shapes.items()):
        (old,) = [old + name.removeprefix(new) for new, old in PUBLISHED.items() if name.startswith(new)]
        shard[old] = weights(name, shape, numbers.roll(i * 1_000_003))
        bytes_ += shard[old].nbytes
        if bytes_ > SHARD_GB * GB or i + 1 == len(shapes):
            file = f"model-{len(set(files.values())) + 1:05d}-of-00003.safetensors"
            save_file(shard, folder / file, {"format": "pt"})
            files |= dict.fromkeys(shard, file)
            shard, bytes_ = {}, 0
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))


def weights(name: str, shape: torch.Size, numbers: torch.Tensor) -> torch.Tensor:
    """Norms and biases as they begin, and matrices of `numbers` one after the other, scaled to keep a row's length."""
    if len(shape) == 1 and "class_embedding" not in name:
        return torch.full(shape, float(name.endswith("weight")), dtype=torch.float16)
    scale = 0.02 if "embed" in name else math.prod(shape[1:]) ** -0.5
    return (numbers * scale).repeat(math.ceil(math.prod(shape) / len(numbers)))[: math.prod(shape)].view(shape).clone()


def test_answers_of_7b_are_those_of_plain_transformers(hub, monkeypatch):
    """Ours and theirs in turn, each seat alone, as a batch sums in another order."""
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    (image,) = pictures(1)
    captioning = safeclip.open(in_bfloat16(), device="cpu").captioning
    towers = {"original": None, "safe": hub / SAFE_336}
    asked = {key: captioning.compare(image, QUESTION, seats=[key], max_new_tokens=TOKENS)[key] for key in towers}
    del captioning
    gc.collect()
    for key, tower in towers.items():
        theirs = plain.answer(hub / LLAVA, tower, image, QUESTION, tokens=TOKENS, dtype=torch.bfloat16)
        gc.collect()
        assert asked[key].error is None and list(asked[key].tokens) == theirs, key


def test_the_check_tells_the_memory_that_captioning_takes(hub):
    told = estimate(in_bfloat16(), Machine(64.0)).tasks["captioning"].ram_gb
    measured = peak_gb(IMPORTS, LOADING, BOTH_SEATS, hub)
    assert told == pytest.approx(measured, rel=0.15), measured
