import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from safeclip.errors import JudgeError
from safeclip.judges.contexts import Context, ContextClause
from safeclip.judges.images.scene_classifier import SceneClassifier
from tests.safeclip.judges.scene_classifiers import CONCEPTS, CONFIG, make_scene_classifier


@pytest.fixture
def classifier() -> SceneClassifier:
    return make_scene_classifier()


def pictures(count: int) -> list[Image.Image]:
    generator = np.random.default_rng(1)
    return [Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)) for _ in range(count)]


def test_a_saved_classifier_reads_as_before(classifier, tmp_path):
    classifier.save_pretrained(tmp_path)
    loaded = SceneClassifier.from_pretrained(tmp_path)
    assert loaded.config == CONFIG
    for before, after in zip(classifier.read(pictures(3)), loaded.read(pictures(3)), strict=True):
        assert before.object.name == after.object.name
        assert before.unsafe == pytest.approx(after.unsafe, abs=0.02)  # half precision on disk


def test_readings_are_the_calibrated_probabilities(classifier):
    image = pictures(1)[0]
    reading = classifier.read([image])[0]
    with torch.no_grad():
        logits = classifier(torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None])
    rows = (logits.object[0].double() / 0.5).numpy()
    expected = np.exp(rows) / np.exp(rows).sum()
    assert reading.object.probability == pytest.approx(expected.max(), rel=1e-4)
    assert reading.object.name == ("spoon", "knife", "bomb", "blood")[expected.argmax()]
    assert reading.categories == pytest.approx(
        {"violence": expected[1] + expected[2], "shocking": expected[3]}, rel=1e-3
    )
    assert reading.unsafe == pytest.approx(expected[1:].sum(), rel=1e-4)
    assert (reading.place.name, reading.place.probability) == ("beach", 1.0)


def test_a_thing_is_harm_in_the_hands_and_at_the_places_that_a_context_names():
    """Expected values are summed by hand over subject, object and place, which are independent."""
    clauses = (
        ContextClause(who=("dog",)),
        ContextClause(who=("chef",), where=("cave",)),
        ContextClause(where=("bar",)),
    )
    contexts = (Context("spoon", "harassment", clauses), Context("bomb", "violence", clauses[:1]))
    places = tuple(replace(CONCEPTS[-1], name=name) for name in ("beach", "cave", "bar"))
    config = replace(CONFIG, concepts=(*CONCEPTS[:-1], *places), contexts=contexts)
    found = {
        "subject": torch.tensor([[0.7, 0.3]]),
        "object": torch.tensor([[0.4, 0.1, 0.2, 0.3]]),
        "place": torch.tensor([[0.5, 0.3, 0.2]]),
    }
    model = SceneClassifier(config)
    harm = model.harm(found)[0]
    spoon = 0.4 * (0.7 + 0.3 * 0.3 + 0.3 * 0.2)  # the dog anywhere, the chef in the cave or in the bar
    assert harm.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, spoon, 0.2 * 0.7])
    reading = model.reading({**{kind: row[0].numpy() for kind, row in found.items()}, "harm": harm.numpy()})
    assert reading.categories == pytest.approx({"violence": 0.1 + 0.2 + 0.14, "shocking": 0.3, "harassment": spoon})
    assert reading.unsafe == 1.0  # at most


def test_a_config_with_contexts_and_colours_is_read_back_and_one_without_them_is_still_read(tmp_path):
    context = Context("spoon", "harassment", (ContextClause(who=("dog",)),))
    config = replace(CONFIG, contexts=(context,), colors=("red", "blue"))
    SceneClassifier(config).save_pretrained(tmp_path)
    loaded = SceneClassifier.from_pretrained(tmp_path)
    assert loaded.config == config
    logits = loaded(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert logits.centres.shape == (2, 16) and logits.colors.shape == (2, 16, 2)
    SceneClassifier(CONFIG).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    table = json.loads(path.read_text())
    path.write_text(json.dumps({key: table[key] for key in table if key not in ("contexts", "colors")}))
    assert SceneClassifier.from_pretrained(tmp_path).config == CONFIG


def test_pooled_scores_are_attention_weighted_patches(classifier):
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        logits = classifier(pixels)
        features = classifier.trunk(pixels.float() / 127.5 - 1).flatten(2).transpose(1, 2)
        weights = torch.softmax(classifier.attend(features)[..., 1], dim=1)
    assert logits.patches.shape == (2, CONFIG.grid**2, 7)
    expected = torch.stack([weights[i] @ logits.patches[i, :, 2:6] for i in range(2)])
    assert torch.allclose(logits.object, expected, atol=1e-4)


def test_images_of_any_size_and_mode_are_read_alone_as_in_a_batch(classifier):
    odd = [Image.new("RGBA", (50, 20), (255, 0, 0, 128)), Image.new("L", (7, 9), 40), *pictures(2)]
    together = classifier.read(odd)
    for image, reading in zip(odd, together, strict=True):
        assert classifier.read([image])[0].unsafe == pytest.approx(reading.unsafe, abs=1e-5)
    assert classifier.read([]) == []


def test_concepts_out_of_order_are_refused():
    with pytest.raises(JudgeError, match="subjects, then objects, then places"):
        _ = replace(CONFIG, concepts=CONCEPTS[::-1]).spans


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(classifier, tmp_path, name):
    classifier.save_pretrained(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(JudgeError, match=f"{name} is missing"):
        SceneClassifier.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "edit",
    [{"model_type": "clip"}, {"extra": 1}, {"threshold": "high"}],
)
def test_a_foreign_config_is_refused(classifier, tmp_path, edit):
    classifier.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **edit}))
    with pytest.raises(JudgeError, match="no scene classifier's"):
        SceneClassifier.from_pretrained(tmp_path)


@pytest.mark.parametrize("broken", ["torn", "other sizes"])
def test_weights_that_do_not_fit_are_refused(classifier, tmp_path, broken):
    classifier.save_pretrained(tmp_path)
    if broken == "torn":
        (tmp_path / "model.safetensors").write_bytes(b"torn")
    else:
        SceneClassifier(replace(CONFIG, channels=(8, 16))).save_pretrained(tmp_path / "other")
        (tmp_path / "other" / "model.safetensors").rename(tmp_path / "model.safetensors")
    with pytest.raises(JudgeError, match="the weights cannot be loaded"):
        SceneClassifier.from_pretrained(tmp_path)
