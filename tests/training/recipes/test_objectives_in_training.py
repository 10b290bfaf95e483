"""Every objective of the registry trains through the recipe, on the inputs that it declares to read."""

import math

import pytest
import torch
from safetensors.torch import load_file

from safeclip.encoders import Encoder
from tests.fakes.toy_recipes import SAFE_CLIP, parsed, take_steps, toy_options
from training.losses.hysac import CURVATURES
from training.losses.registry import OBJECTIVES
from training.recipes.safe_clip import LEARNT, SafeClipTraining


@pytest.fixture
def training(request, tmp_path, tiny_clip, tiny_llava, tiny_stable_diffusion, artwork) -> SafeClipTraining:
    names = ("des", "sage") if request.param == "sage" else (request.param,)  # SAGE's own terms start at their minimum
    asked = {"answers": f'llava = "{tiny_llava}"', "paintings": f'painter = "{tiny_stable_diffusion}"'}
    tables = "".join(f"[objective.{name}]\n{asked.get(name, '')}\n" for name in names)
    _, recipe = parsed(tmp_path, SAFE_CLIP.format(checkpoint=tiny_clip) + tables)
    return SafeClipTraining(recipe, toy_options(tmp_path / "run", artwork))


@pytest.mark.parametrize("training", OBJECTIVES, indirect=True, ids=str)
def test_a_few_steps_on_one_batch_lower_the_loss(training):
    batch = next(training.batches(0, 1))
    losses = [training.step(0, batch, 1e-2) for _ in range(12)]
    assert losses[-1]["loss"] < losses[0]["loss"]
    assert set(training.objective.weights) <= set(losses[0])
    measured, _ = training.validate(1)
    assert 0 <= measured["validation_recall_sum"] <= 600


@pytest.mark.parametrize(("training", "read"), [("answers", False), ("token_states", True)], indirect=["training"])
def test_states_of_the_frozen_model_are_computed_for_objectives_that_read_them(training, read):
    states = training.frozen(next(training.batches(0, 1))).states
    assert (states is not None) is read


@pytest.mark.parametrize(("training", "trained"), [("des", {"text_model"})], indirect=["training"], ids=str)
def test_an_objective_of_the_text_encoder_leaves_the_images_alone(training, trained):
    take_steps(training, 1)
    changed = {name for name, each in training.model.named_parameters() if each.grad is not None}
    assert {name.split(".")[2] for name in changed} == trained


@pytest.mark.parametrize("training", ["hysac"], indirect=True)
def test_learnt_numbers_are_trained_resumed_and_saved(training, tmp_path, artwork):
    before = {name: each.clone() for name, each in training.objective.state_dict().items()}
    take_steps(training, 3)
    assert all(not torch.equal(each, before[name]) for name, each in training.objective.state_dict().items())
    other = SafeClipTraining(training.recipe, toy_options(tmp_path / "other", artwork))
    other.load_state_dict(training.state_dict())
    training.validate(3)
    training.save(tmp_path / "adapter")
    saved = load_file(tmp_path / "adapter" / LEARNT)
    assert saved.keys() == before.keys()
    for name, each in other.objective.state_dict().items():
        assert torch.equal(each, training.objective.state_dict()[name]) and torch.equal(each, saved[name])


@pytest.mark.parametrize("training", ["hysac"], indirect=True)
def test_learnt_numbers_are_in_their_ranges_after_every_step(training):
    learnt = training.objective.learnt["hysac"]
    with torch.no_grad():
        learnt.curvature.fill_(math.log(CURVATURES[1]) + 0.05)
    take_steps(training, 1)
    assert learnt.curvature.exp().item() == pytest.approx(max(CURVATURES))


@pytest.mark.parametrize("training", ["safer_clip"], indirect=True)
def test_neighbours_are_those_of_the_whole_data_set_under_the_frozen_encoder(training, tiny_clip):
    frozen, source = Encoder.from_pretrained(tiny_clip, device="cpu"), training.data.source
    items = [source.item(index) for index in range(len(source))]
    unsafe_texts, images = (
        frozen.encode_texts([i.unsafe_text for i in items]),
        frozen.encode_images([i.image for i in items]),
    )
    batch = next(training.batches(0, 1))
    for row, index in enumerate(batch.indices.tolist()):
        expected = images[(images @ unsafe_texts[index]).argmax()]
        assert batch.reference.nearest_image[row].tolist() == pytest.approx(expected.tolist(), abs=1e-5)
