import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPModel

from safeclip.encoders import Encoder
from tests.fakes.language import SMALL_CLIP, WordCounter
from training.data.language.corpus import CorpusSpec, Source
from training.data.open_world.batches import SceneBatch
from training.data.open_world.corpus import world_captions
from training.data.open_world.rendering.labels import IGNORED
from training.engine.job import train
from training.engine.options import RunOptions
from training.models.patch_dropout import draw_patches, vision_states
from training.models.text_tower import TextTowerSpec, build_text_tower, save_text_tower
from training.models.tokenizer import train_tokenizer
from training.recipes.open_clip import (
    HEADS,
    LabelHeads,
    LossWeights,
    OpenClipRecipe,
    OpenClipTraining,
    Phase,
    ScenesSpec,
    Shares,
)
from training.recipes.registry import find_recipe, load_recipe

TEXTS = [f"{name} number {i}" for i, name in enumerate(world_captions(0, 0))][:200]
MODEL = replace(SMALL_CLIP, image_size=32)
RECIPE = OpenClipRecipe(
    recipe="open_clip",
    seed=1,
    text_tower="",
    model=MODEL,
    scenes=ScenesSpec(count=12, draws=2, watched=4, searched=6, seed=0),
    labels=Phase(steps=2, batch_size=4, patches=0.5),
    contrastive=Phase(steps=2, batch_size=6, patches=1.0),
    corpus=CorpusSpec(composed=0, captions=0, seed=0),
    shares=Shares(wordnet=0.0, composed=1.0, names=0.0),
    taught=5,
    perturbed=0.2,
    temperature=0.05,
    weights=LossWeights(patch=1.0, label=0.5, teaching=1.0, cosine=4.0, relation=1.0),
    learning_rate=1e-2,
    weight_decay=0.05,
    jitter=0.1,
    validate_every=2,
)


class ToyTraining(OpenClipTraining):
    """The training with a few composed texts, and a teacher that needs no weights."""

    @classmethod
    def open(cls, recipe, options):
        return cls(recipe, options, (Source.of_texts("composed", TEXTS),), WordCounter())


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> OpenClipRecipe:
    folder = tmp_path_factory.mktemp("tower")
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, 600, 12)
    spec = TextTowerSpec(width=8, layers=1, heads=2, max_length=12, vocabulary_size=600)
    save_text_tower(folder, build_text_tower(spec, tokenizer, WordCounter.width), tokenizer)
    return replace(RECIPE, text_tower=str(folder))


@pytest.fixture(scope="module")
def caches(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(scope="module")
def run(recipe, caches, open_artwork) -> Path:
    """A finished toy run of both phases."""
    options = toy_options(caches, open_artwork, "run")
    assert train(ToyTraining, recipe, options)
    return options.out


def toy_options(caches: Path, artwork: Path, name: str, minutes: float | None = None) -> RunOptions:
    return RunOptions(
        caches / name, artwork, minutes, workers=0, report_every=1, device="cpu", language=caches, packed=caches
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_a_run_in_slices_ends_where_a_whole_one_does(run, recipe, caches, open_artwork):
    sliced, calls = toy_options(caches, open_artwork, "sliced", minutes=1e-9), 1
    while not train(ToyTraining, recipe, sliced):
        calls += 1
    assert calls == 4
    one, other = weights(run / "model"), weights(sliced.out / "model")
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_the_text_tower_rests_in_the_first_phase_and_is_distilled_in_the_second(run, recipe, caches, open_artwork):
    first = replace(recipe, contrastive=replace(recipe.contrastive, steps=0))
    options = toy_options(caches, open_artwork, "first")
    assert train(ToyTraining, first, options)
    start, rested, joined = weights(Path(recipe.text_tower)), weights(options.out / "model"), weights(run / "model")
    texts = [name for name in joined if name.startswith("text_model.")]
    assert texts and all(rested[name].equal(start[name]) for name in texts)
    assert not all(joined[name].equal(start[name]) for name in texts)
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    terms = [{name for name in step if name.endswith("_loss")} for step in steps if "loss" in step]
    visual = {"patch_loss", "label_loss", "teaching_loss"}
    assert terms == [visual] * 2 + [visual | {"cosine_loss", "relation_loss", "contrastive_loss"}] * 2
    assert steps[-1].keys() >= {"text_to_image", "image_to_text", "teacher_to_image", "cosine"}


def test_a_run_goes_on_from_the_vision_tower_and_the_heads_of_another(run, recipe, caches, open_artwork):
    later = replace(recipe, vision_tower=str(run / "model"), labels=replace(recipe.labels, steps=0))
    training = ToyTraining.open(later, toy_options(caches, open_artwork, "later"))
    saved = CLIPModel.from_pretrained(run / "model", dtype=torch.float32)
    for name, weight in saved.vision_model.state_dict().items():
        assert training.model.vision_model.state_dict()[name].equal(weight)
    assert training.model.visual_projection.weight.equal(saved.visual_projection.weight)
    assert training.heads.patch.weight.equal(load_file(run / HEADS)["patch.weight"])


def test_images_can_be_drawn_to_the_texts_of_the_tower_that_rests(run, recipe, caches, open_artwork):
    first = replace(recipe, contrastive=replace(recipe.contrastive, steps=0))
    later = replace(first, text_tower=str(run / "model"), vision_tower=str(run / "model"), own_texts=True)
    options = toy_options(caches, open_artwork, "own-texts")
    assert train(ToyTraining, later, options)
    before, after = weights(run / "model"), weights(options.out / "model")
    moved = {name for name in before if not before[name].equal(after[name])}
    assert moved and all(name.startswith(("vision_model.", "visual_projection.", "logit_scale")) for name in moved)
    taught, figures = (json.loads((folder / "metrics.json").read_text()) for folder in (run, options.out))
    assert figures["texts"] == taught["texts"] and figures["cosine"] == taught["cosine"]
    assert figures["watched"]["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert taught["watched"]["cosine"] < 0.99


def test_the_first_layers_can_rest_while_images_are_drawn_to_names(run, recipe, caches, open_artwork):
    first = replace(recipe, contrastive=replace(recipe.contrastive, steps=0), own_texts=True, resting_layers=1)
    later = replace(first, vision_tower=str(run / "model"), weights=replace(recipe.weights, named=1.0))
    options = toy_options(caches, open_artwork, "named")
    assert train(ToyTraining, later, options)
    before, after = weights(run / "model"), weights(options.out / "model")
    moved = {name for name in before if name.startswith("vision_model") and not before[name].equal(after[name])}
    assert moved and not any("embeddings" in name or "layers.0." in name or "pre_layrnorm" in name for name in moved)
    steps = [json.loads(line) for line in (options.out / "metrics.jsonl").read_text().splitlines()]
    named = [step["named_loss"] for step in steps if "named_loss" in step]
    assert len(named) == 2 and all(loss > 0 for loss in named)


def test_the_saved_model_is_an_encoder_with_its_figures(run):
    figures = json.loads((run / "metrics.json").read_text())
    assert figures["samples"] == 2 * 4 + 2 * 6 and figures["watched"]["n"] == 4
    assert figures["free_text"].keys() >= {"tower", "tower_images", "teacher"} and figures["free_text"]["captions"] == 6
    encoder = Encoder.from_pretrained(str(run / "model"), device="cpu")
    assert encoder.encode_texts(["a knife", "a dog"]).shape == (2, WordCounter.width)


def test_vision_states_are_those_of_transformers_and_leave_out_patches(run):
    model = CLIPModel.from_pretrained(run / "model", dtype=torch.float32).eval()
    pixels = torch.rand(2, 3, 32, 32)
    states, pooled = vision_states(model, pixels)
    whole = model.vision_model(pixel_values=pixels)
    torch.testing.assert_close(states, whole.last_hidden_state[:, 1:])
    torch.testing.assert_close(pooled, whole.pooler_output)
    kept = draw_patches(16, 0.25)
    assert len(kept) == 4 and kept.equal(kept.unique()) and draw_patches(16, 1.0) is None
    torch.testing.assert_close(vision_states(model, pixels, torch.arange(16))[1], pooled)
    assert vision_states(model, pixels, kept)[0].shape == (2, 4, 8)


def test_label_losses_equal_the_formula():
    torch.manual_seed(0)
    heads = LabelHeads(5, 7)
    labels = torch.tensor([[1, 2, IGNORED, 6], [IGNORED, 0, IGNORED, 5]])
    patch_labels = torch.tensor([[1, IGNORED, 6, 2], [0, 5, 5, IGNORED]])
    scenes = SceneBatch(torch.empty(2), labels, patch_labels, torch.zeros(2))
    patches, pooled, kept = torch.rand(2, 2, 5), torch.rand(2, 5), torch.tensor([0, 3])
    found = heads.losses(patches, pooled, scenes, kept)
    scores = heads.pooled(pooled).log_softmax(-1).detach().numpy()
    own = [np.mean([scores[row, label] for label in each if label != IGNORED]) for row, each in enumerate(labels)]
    assert found["label"].item() == pytest.approx(-np.mean(own), abs=1e-6)
    seen = heads.patch(patches).log_softmax(-1)
    assert found["patch"].item() == pytest.approx(-(seen[0, 0, 1] + seen[0, 1, 2] + seen[1, 0, 0]).item() / 3, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "text_tower"),
    [("open-vision", "text-tower"), *((f"open-clip{part}", "text-tower-2") for part in ("", "-2", "-3", "-4"))],
)
def test_the_recipes_of_the_zoo_fit_the_text_tower(name, text_tower):
    training_type, recipe = load_recipe(find_recipe(name))
    _, tower = load_recipe(find_recipe(text_tower))
    assert training_type is OpenClipTraining
    spec, sizes = tower.model, recipe.model
    assert (spec.width, spec.layers, spec.heads) == (sizes.text_width, sizes.text_layers, sizes.text_heads)
    assert (spec.max_length, spec.vocabulary_size) == (sizes.max_length, sizes.vocabulary_size)
    assert recipe.warmup_steps + recipe.decay_steps <= recipe.labels.steps + recipe.contrastive.steps
