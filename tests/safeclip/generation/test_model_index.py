"""A pipeline of another family than the profile's is named before its weights are fetched, and by the check."""

import dataclasses
import json
import shutil

import pytest

import safeclip
from safeclip import preflight
from safeclip.errors import CheckpointError
from safeclip.generation.families import FAMILIES
from safeclip.generation.model_index import INDEX_NAME, misfit
from tests.fakes.hub import NO_HUB
from tests.fakes.side_by_side import PROMPT

ID = "somebody/painter"


def index_of(family: str, **changes) -> str:
    parts = {**FAMILIES[family].text_encoders, **FAMILIES[family].models}
    entries = {part: ["a library", kind] for part, kind in parts.items()}
    return json.dumps({"_class_name": FAMILIES[family].pipeline, **entries, **changes})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pipeline_of_the_family_is_no_misfit(family):
    assert misfit(index_of(family), family) == ""


@pytest.mark.parametrize(
    ("index", "family", "said"),
    [
        (index_of("sdxl"), "stable-diffusion", 'this is a StableDiffusionXLPipeline. Set family = "sdxl" in'),
        (index_of("stable-diffusion"), "sd3", 'this is a StableDiffusionPipeline. Set family = "stable-diffusion" in'),
        (index_of("sd3-without-t5"), "sdxl", 'this is a StableDiffusion3Pipeline. Set family = "sd3-without-t5" in'),
        (index_of("sd3", text_encoder_3=[None, None]), "sd3", 'without text_encoder_3. Set family = "sd3-without-t5"'),
        (index_of("sdxl", text_encoder=None), "sdxl", "without text_encoder. Name another checkpoint."),
        (
            index_of("stable-diffusion", unet=["diffusers", "UNet3DConditionModel"]),
            "stable-diffusion",
            "whose unet is a UNet3DConditionModel and no UNet2DConditionModel. Name another checkpoint.",
        ),
        ('{"_class_name"', "sdxl", "its model_index.json is not valid JSON"),
        ("[1]", "sdxl", "its model_index.json is not valid JSON"),
    ],
)
def test_a_misfit_is_one_sentence_with_the_cure(index, family, said):
    assert said in misfit(index, family)


@pytest.fixture
def painter(painting_lab, tiny_stable_diffusion, tmp_path, fake_hub):
    """A profile whose pipeline is on the hub, and the folder there."""
    fake_hub.repositories[ID] = shutil.copytree(tiny_stable_diffusion, tmp_path / "painter")
    spec = dataclasses.replace(painting_lab.profile.generation, checkpoint=ID)
    return dataclasses.replace(painting_lab.profile, generation=spec), fake_hub.repositories[ID]


def test_a_misfit_is_named_before_its_weights_are_fetched(painter, fake_hub, monkeypatch):
    profile, _ = painter
    wrong = dataclasses.replace(profile, generation=dataclasses.replace(profile.generation, family="sdxl"))
    report = preflight.inspect(wrong)
    assert f'{ID}: this is a StableDiffusionPipeline. Set family = "stable-diffusion" in [generation]' in str(report)
    assert not report.can_run and not list(fake_hub.cache.glob("*painter*"))
    fake_hub.downloads.clear()
    with pytest.raises(CheckpointError, match=f"{ID}: this is a StableDiffusionPipeline. Set family"):
        safeclip.open(wrong, device="cpu").generation.compare(PROMPT)
    assert fake_hub.downloads == [INDEX_NAME]
    safeclip.open(profile, device="cpu").generation.load(["original"])
    assert preflight.inspect(profile).can_run
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    assert "Set family" in str(preflight.inspect(wrong)), "by the copy in the cache"


def test_a_repository_without_an_index_is_no_pipeline(painter, fake_hub):
    profile, folder = painter
    (folder / INDEX_NAME).unlink()
    with pytest.raises(CheckpointError, match=f"{ID}: {INDEX_NAME} is missing; a Stable Diffusion pipeline needs it"):
        safeclip.open(profile, device="cpu").generation.compare(PROMPT)
    assert not any(name.endswith(".safetensors") for name in fake_hub.downloads)
    (problem,) = preflight.inspect(profile).problems
    assert problem == f"{ID} has no {INDEX_NAME}; a Stable Diffusion pipeline needs it."
