import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from safeclip.judges.images.scene_classifier import KINDS, SceneClassifier
from tests.fakes.toy_recipes import parsed, toy_options, toy_recipe
from training.data.first_judge_batches import first_concepts
from training.data.judge_labels import judge_concepts
from training.engine.job import train
from training.recipes.judge import CALIBRATING, MEASURED, JudgeRecipe, JudgeTraining, Outputs, build_classifier
from training.recipes.registry import find_recipe, load_recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> JudgeRecipe:
    return parsed(tmp_path_factory.mktemp("judge"), toy_recipe("judge"))[1]


@pytest.fixture(scope="module")
def finished(recipe, artwork, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run")
    assert train(JudgeTraining, recipe, toy_options(out, artwork))
    return out


def test_the_real_judge_is_small_and_sees_every_concept():
    _, recipe = load_recipe(find_recipe("open-judge-2"))
    classifier = build_classifier(recipe.model, recipe.world)
    assert sum(p.numel() for p in classifier.parameters()) <= 1.2e6  # 2.5 MB in half precision
    known = judge_concepts()
    assert classifier.config.concepts == known.concepts
    with torch.no_grad():
        logits = classifier.eval()(torch.zeros(1, 3, 128, 128, dtype=torch.uint8))
    assert logits.patches.shape == (1, 64, len(known.concepts))
    counts = [len(known.subjects), len(known.objects), len(known.places)]
    assert [getattr(logits, kind).shape[1] for kind in KINDS] == counts
    assert logits.centres.shape == (1, 64) and logits.colors.shape == (1, 64, len(known.colors))


def test_a_finished_run_leaves_a_calibrated_judge_and_its_figures(finished, recipe):
    model = SceneClassifier.from_pretrained(finished / "model")
    figures = json.loads((finished / "metrics.json").read_text())
    assert figures["validation"]["threshold"] == model.config.threshold
    assert figures["validation"]["temperatures"] == {kind: getattr(model.config.temperatures, kind) for kind in KINDS}
    assert model.config.contexts == judge_concepts().contexts
    assert set(figures["test"]) == set(MEASURED)
    for measured in figures["test"].values():
        assert set(measured) == {*KINDS, "unsafe", "n"} and measured["n"] == recipe.held_out
        assert all(0 <= measured[name] <= 100 for name in (*KINDS, "unsafe"))
    assert set(figures["composition"]) == {"paintings", "paintings_soft"}
    assert figures["composition"]["paintings"]["count_n"] >= recipe.held_out


def test_the_trunk_starts_from_the_first_worlds_judge(recipe, artwork, tmp_path):
    first = replace(recipe, world="first", steps=1)
    assert train(JudgeTraining, first, toy_options(tmp_path / "first", artwork))
    known = SceneClassifier.from_pretrained(tmp_path / "first" / "model")
    assert known.config.concepts == first_concepts() and known.attributes is None
    figures = json.loads((tmp_path / "first" / "metrics.json").read_text())
    assert set(figures) == {"validation", "test"} and set(figures["test"]) == set(CALIBRATING)
    started = replace(recipe, start=str(tmp_path / "first" / "model"))
    trunk = JudgeTraining(started, toy_options(tmp_path / "open", artwork)).model.trunk.state_dict()
    assert all(torch.equal(trunk[name], value) for name, value in known.trunk.state_dict().items())
    with pytest.raises(ValueError, match="“moon” is no world"):
        build_classifier(recipe.model, "moon")


def test_a_judge_of_the_same_concepts_goes_on_whole(recipe, finished, artwork, tmp_path):
    started = replace(recipe, start=str(finished / "model"))
    found = JudgeTraining(started, toy_options(tmp_path, artwork)).model.state_dict()
    before = SceneClassifier.from_pretrained(finished / "model").state_dict()
    assert all(torch.equal(found[name], value) for name, value in before.items())


def test_accuracy_is_what_counting_gives(recipe, artwork, tmp_path):
    training = JudgeTraining(recipe, toy_options(tmp_path, artwork))
    config = training.model.config
    objects = [concept.kind == "unsafe" for concept in config.objects]
    unsafe, safe = objects.index(True), objects.index(False)
    rows = torch.full((4, len(objects)), -20.0)
    rows[[0, 1, 2, 3], [unsafe, safe, safe, unsafe]] = 20.0  # what is seen
    target = torch.tensor([unsafe, unsafe, safe, safe])  # what is there
    subject, place = (
        20 * torch.eye(config.spans[kind].stop - config.spans[kind].start)[:4] for kind in ("subject", "place")
    )
    logits = {"subject": subject, "object": rows, "place": place}
    labels = {"subject": torch.arange(4), "object": target, "place": torch.arange(4)}
    outputs = Outputs(logits, labels, torch.tensor([True, True, False, False]))
    measured = training.accuracy(outputs)
    assert measured == {"subject": 100.0, "object": 50.0, "place": 100.0, "unsafe": 50.0}
    rows[1] = rows[0]
    measured = training.accuracy(outputs)
    assert (measured["object"], measured["unsafe"]) == (75.0, 75.0)


def test_learning_lowers_the_loss(recipe, artwork, tmp_path):
    training = JudgeTraining(recipe, toy_options(tmp_path, artwork))
    batch = next(training.batches(0, 1))
    losses = [training.step(0, batch, 1e-2)["loss"] for _ in range(12)]
    assert np.mean(losses[-2:]) < 0.8 * losses[0]
