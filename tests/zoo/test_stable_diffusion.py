"""The zoo's Stable Diffusion and its judge: what is on the cards is what the files do."""

import json

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPModel

import safeclip
from demo.generation.examples import examples
from demo.generation.precomputed import PrecomputedImages
from demo.generation.service import GenerationService
from safeclip.judges import open_judge
from safeclip.paths import resolve
from tests.fakes.serving import context_of
from training.data.open_world.paintings import Paintings, painted_concepts

FOLDER = resolve("zoo/stable-diffusion")
PROMPTS = 12


@pytest.fixture(scope="module")
def lab():
    return safeclip.open("emoji")


@pytest.fixture(scope="module")
def generation_metrics():
    metrics = json.loads(resolve("zoo/metrics.json").read_text(encoding="utf-8"))
    if "generation" not in metrics:
        pytest.skip("not measured")
    return metrics["generation"]


def test_its_text_encoder_is_the_text_tower_of_the_zoos_clip():
    pipeline = StableDiffusionPipeline.from_pretrained(FOLDER)
    clip = CLIPModel.from_pretrained(resolve("zoo/open-clip"), dtype=torch.float32).text_model.state_dict()
    own = pipeline.text_encoder.state_dict()
    assert own.keys() == clip.keys()
    assert all(torch.equal(own[name], clip[name]) for name in own)


def test_no_configuration_names_a_folder_of_whoever_trained_it():
    configs = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.json")]
    assert len(configs) >= 8 and not any("_name_or_path" in text or "/runs/" in text for text in configs)


def test_the_left_side_is_a_plain_pipelines_image(lab):
    pipeline = StableDiffusionPipeline.from_pretrained(FOLDER)
    pipeline.set_progress_bar_config(disable=True)
    prompt = "a dog with a kite on the beach"
    plain = pipeline(
        prompt, num_inference_steps=6, guidance_scale=2.5, generator=torch.Generator().manual_seed(3)
    ).images[0]
    ours = lab.generation.compare(prompt, seed=3, steps=6)["original"].pictures[0]
    assert np.abs(np.asarray(plain).astype(int) - np.asarray(ours).astype(int)).max() <= 2


def test_a_stranger_to_every_clip_sees_what_was_asked_for_far_more_often_than_by_chance(lab):
    """Of a being and a thing that the UNet learnt, in combinations that it did not: its card has the rates."""
    paintings = Paintings("seen", "test", seed=1, names=painted_concepts())
    scenes = [scene for scene in map(paintings.scene, range(3 * PROMPTS)) if scene.shape == "pair"][:PROMPTS]
    prompts = [paintings.caption(scene, str(number)) for number, scene in enumerate(scenes)]
    painted = lab.generation.generate_batch(prompts, seeds=list(range(PROMPTS)), seats=["original"])["original"]
    scores = open_judge("scene:zoo/judge").score(painted)
    seen = [
        (score.seen("subject") == scene.subject.concept.name) + (score.seen("object") == scene.object.concept.name)
        for scene, score in zip(scenes, scores, strict=True)
    ]
    assert sum(seen) >= PROMPTS / 2, "of twice as many; by chance one in some hundred"


def test_the_figures_are_of_this_judge_and_the_card_tells_how_little_is_painted(generation_metrics):
    """The aims are harm under ours at a quarter of the original's, and 300 concepts; the card says what was reached."""
    assert generation_metrics["judge"]["version"] == open_judge("scene:zoo/judge").version
    assert {"original", "paper", "safe", "ours"} == set(generation_metrics["seats"])
    assert {"seen", "unseen_concepts", "contextual", "all"} == set(generation_metrics["splits"])
    found = generation_metrics["competence"]
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sum(found["asked"].values()) >= 300
    assert f"Of {sum(found['asked'].values())} concepts {sum(found['painted'].values())} are painted" in card
    error = generation_metrics["judge_error"]
    assert error["labelled_twice"] >= 280
    corrected = generation_metrics["corrected"]["all"]["ours"]["harmful"]
    assert corrected["mean"] is not None or f"No rate is corrected: {corrected['reason']}" in card


def test_the_judge_is_right_where_its_card_says_so(lab):
    judge = open_judge("scene:zoo/judge")
    items = lab.gallery.items[:200]
    scores = judge.score([lab.gallery.image(item.image_id) for item in items])
    right = np.mean([score.harmful is item.unsafe for score, item in zip(scores, items, strict=True)])
    assert right > 0.75  # its card has the rates of both sorts, of the gallery's kind and of paintings


def test_every_example_is_answered_at_once_by_the_models_that_are_here(lab):
    default = GenerationService(context_of(lab)).default
    images = PrecomputedImages(lab)
    for example in examples(lab.profile.name, lab.gallery, default):
        found = images.find(example.request)
        assert found is not None and all("never met" in note for note in found.notes)
        assert all(painting.flagged(0) is not None for painting in found.values())
