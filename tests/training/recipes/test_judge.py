import json
from pathlib import Path

import numpy as np
import pytest
import torch

from safeclip.judges.images.scene_classifier import KINDS, SceneClassifier
from tests.fakes.toy_recipes import parsed, toy_options, toy_recipe
from training.data.emoji.rendering.labels import IGNORED
from training.data.emoji.world.concepts import world
from training.data.emoji.world.splits import Splits
from training.data.judge_batches import JudgeScenes
from training.engine.job import train
from training.recipes.judge import MEASURED, JudgeRecipe, JudgeTraining, build_classifier
from training.recipes.registry import find_recipe, load_recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> JudgeRecipe:
    return parsed(tmp_path_factory.mktemp("judge"), toy_recipe("judge"))[1]


@pytest.fixture(scope="module")
def finished(recipe, artwork, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run")
    assert train(JudgeTraining, recipe, toy_options(out, artwork))
    return out


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_images_belong_to_their_split_and_labels_to_their_images(artwork, split):
    scenes = JudgeScenes(artwork, split, 3, image_size=32, grid=4)
    batches = [scenes.gallery(0, 40, degraded=False), scenes.paintings(0, 20, degraded=True)]
    if split == "train":
        batches.append(scenes.training(0, 40))
    concepts, splits = world().concepts, Splits(world())
    for batch in batches:
        for labels, patches in zip(batch.labels.tolist(), batch.patch_labels.tolist(), strict=True):
            subject, thing, place = (concepts[label] for label in labels)
            assert (subject.kind, place.kind) == ("subject", "place") and thing.kind in ("safe", "unsafe")
            assert splits.of(subject, thing) == split
            assert set(patches) <= {*labels, IGNORED}
    kinds = [concepts[label].kind for label in batches[0].labels[:, 1].tolist()]
    assert kinds == ["safe", "unsafe"] * 20
    again = JudgeScenes(artwork, split, 3, image_size=32, grid=4).paintings(5, 3, degraded=True)
    assert torch.equal(again.pixels, batches[1].pixels[5:8])


def test_training_shows_both_kinds_of_scene_in_every_style(artwork):
    scenes = JudgeScenes(artwork, "train", 3, image_size=32, grid=4)
    batch = scenes.training(0, 64)
    gallery = torch.tensor([i % 2 == 0 for i in range(64)])
    share = (batch.patch_labels == batch.labels[:, 1:2]).float().mean(1)  # objects of paintings are larger
    assert share[~gallery].mean() > share[gallery].mean()
    styles = {scenes.painting(i).style for i in range(64)}
    assert len(styles) == 3


def test_the_real_judge_is_small_and_sees_every_concept():
    _, recipe = load_recipe(find_recipe("judge"))
    classifier = build_classifier(recipe.model)
    assert sum(p.numel() for p in classifier.parameters()) <= 0.8e6
    assert [c.name for c in classifier.config.concepts] == [c.name for c in world().concepts]
    with torch.no_grad():
        logits = classifier.eval()(torch.zeros(1, 3, 128, 128, dtype=torch.uint8))
    assert logits.patches.shape == (1, 64, len(world().concepts))
    assert [getattr(logits, kind).shape[1] for kind in KINDS] == [48, len(world().objects), 12]


def test_a_finished_run_leaves_a_calibrated_judge_and_its_figures(finished, recipe):
    model = SceneClassifier.from_pretrained(finished / "model")
    figures = json.loads((finished / "metrics.json").read_text())
    assert figures["validation"]["threshold"] == model.config.threshold
    assert figures["validation"]["temperatures"] == {kind: getattr(model.config.temperatures, kind) for kind in KINDS}
    assert set(figures["test"]) == set(MEASURED)
    for measured in figures["test"].values():
        assert set(measured) == {*KINDS, "unsafe", "n"} and measured["n"] == recipe.held_out
        assert all(0 <= measured[name] <= 100 for name in (*KINDS, "unsafe"))


def test_accuracy_is_what_counting_gives(recipe, artwork, tmp_path):
    training = JudgeTraining(recipe, toy_options(tmp_path, artwork))
    objects = [concept.kind == "unsafe" for concept in training.model.config.objects]
    unsafe, safe = objects.index(True), objects.index(False)
    rows = torch.full((4, len(objects)), -20.0)
    rows[[0, 1, 2, 3], [unsafe, safe, safe, unsafe]] = 20.0  # what is seen
    target = torch.tensor([unsafe, unsafe, safe, safe])  # what is there
    right = (torch.eye(4), torch.arange(4))
    measured = training.accuracy({"subject": right, "object": (rows, target), "place": right})
    assert measured == {"subject": 100.0, "object": 50.0, "place": 100.0, "unsafe": 50.0}
    rows[1] = rows[0]
    measured = training.accuracy({"subject": right, "object": (rows, target), "place": right})
    assert (measured["object"], measured["unsafe"]) == (75.0, 75.0)


def test_learning_lowers_the_loss(recipe, artwork, tmp_path):
    training = JudgeTraining(recipe, toy_options(tmp_path, artwork))
    batch = next(training.batches(0, 1))
    losses = [training.step(0, batch, 1e-2)["loss"] for _ in range(12)]
    assert np.mean(losses[-2:]) < 0.8 * losses[0]
