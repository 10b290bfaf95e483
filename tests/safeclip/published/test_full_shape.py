"""The models of vit-l-14 at their true shapes, random weights: equal to the plain libraries, and as large as told.

ViT-L/14 twice and Stable Diffusion 1.4, in float32, in the layouts of the hub: 8 GB on disk, 8 GB of memory at most.
"""

import gc

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPModel

import safeclip
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.preflight.memory import estimate
from safeclip.profile_changes import with_tasks
from safeclip.profiles import load_profile
from safeclip.runtime.machine import Machine
from tests.safeclip.published import plain
from tests.safeclip.published.peak_memory import peak_gb
from tests.safeclip.published.test_published import ORIGINAL, SAFE, TRUE, pictures, write_clip
from tests.safeclip.published.test_published_stable_diffusion import SD_1_4, STABLE_DIFFUSION, write_stable_diffusion

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]

PROMPT = "a photo of a cat"
IMAGES, AT_ONCE = 200, 8

IMPORTS = """
from diffusers import StableDiffusionPipeline
from transformers import CLIPModel
import safeclip, safeclip.generation.compare, safeclip.retrieval.compare, safeclip.encoders.encoder_set
from safeclip.profiles import load_profile
from tests.safeclip.published.test_published import pictures
lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
"""
LOADING = {"retrieval": "lab.encoders.preload(lab.encoders)", "generation": "lab.generation.load()"}
WORK = {
    "retrieval": """
for encoder in lab.encoders.values():
    encoder.encode_texts(["a dog"])
    encoder.encode_images(pictures(16))
""",
    "generation": """
assert not any(images.error for images in lab.generation.compare("a dog", steps=1, judge=False).values())
""",
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Both seats' repositories in float32, as they are published."""
    root = tmp_path_factory.mktemp("hub")
    for seed, name in enumerate((ORIGINAL, SAFE)):
        folder = write_clip(root / name, TRUE, seed, processor=name == ORIGINAL)
        weights = {key: each.float() for key, each in load_file(folder / "model.safetensors").items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        del weights
    gc.collect()
    return root


@pytest.fixture(scope="module")
def hub(clips):
    """The same beside Stable Diffusion 1.4."""
    write_stable_diffusion(clips / STABLE_DIFFUSION, clips / ORIGINAL, SD_1_4)
    gc.collect()
    return clips


@pytest.mark.parametrize(("task", "repositories"), [("retrieval", "clips"), ("generation", "hub")])
def test_the_check_tells_the_memory_that_a_task_takes(request, task, repositories):
    root = request.getfixturevalue(repositories)
    told = estimate(with_tasks(load_profile("vit-l-14"), [task]), Machine(64.0)).tasks[task].ram_gb
    measured = peak_gb(IMPORTS, LOADING[task], WORK[task], root)
    assert told == pytest.approx(measured, rel=0.15), measured


@pytest.mark.parametrize(("key", "name"), [("original", ORIGINAL), ("safe", SAFE)])
def test_many_images_embed_as_in_plain_transformers(clips, monkeypatch, key, name):
    monkeypatch.setenv("SAFECLIP_ROOT", str(clips))
    encoder = safeclip.open(load_profile("vit-l-14"), device="cpu").encoders[key]
    model, processor = CLIPModel.from_pretrained(clips / name), CLIPImageProcessor.from_pretrained(clips / ORIGINAL)
    images = pictures(IMAGES)
    for start in range(0, IMAGES, AT_ONCE):
        part = images[start : start + AT_ONCE]
        with torch.inference_mode():
            found = model.get_image_features(**processor(part, return_tensors="pt")).pooler_output
        theirs = torch.nn.functional.normalize(found, dim=-1).numpy()
        np.testing.assert_allclose(encoder.encode_images(part), theirs, atol=1e-5)


def test_latents_after_two_steps_are_those_of_a_pipeline_with_the_encoder_swapped(hub, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    encoder = safeclip.open(load_profile("vit-l-14"), device="cpu").encoders["safe"]
    swap = StableDiffusionSwap.from_pretrained(hub / STABLE_DIFFUSION, device="cpu")
    swap.check(encoder)
    ours = swap.denoise(swap.prompts([PROMPT]).embeds(encoder.model.text_model), [3], steps=2, guidance=7.5)
    del swap, encoder
    gc.collect()
    theirs = plain.latents(plain.pipeline(hub / STABLE_DIFFUSION, hub / SAFE), PROMPT, seed=3, steps=2)
    assert ours.shape == (1, 4, 64, 64)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
