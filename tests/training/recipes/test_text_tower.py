import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPModel, CLIPTextModelWithProjection, CLIPTokenizer

from safeclip.errors import CheckpointError
from tests.fakes.language import SMALL_CLIP, WordCounter
from training.data.language.corpus import CorpusSpec, Source
from training.data.open_world.sets.texts import free_sentences
from training.engine.job import train
from training.engine.options import RunOptions
from training.models.clip import build_model
from training.models.text_tower import (
    TextTowerSpec,
    build_text_tower,
    copy_text_tower,
    embed_tokens,
    principal_components,
    start_from_teacher,
    token_texts,
)
from training.models.tokenizer import train_tokenizer
from training.recipes.registry import find_recipe, load_recipe
from training.recipes.text_tower import Shares, TextTowerRecipe, TextTowerTraining

RECIPE = TextTowerRecipe(
    recipe="text_tower",
    seed=1,
    model=TextTowerSpec(width=8, layers=1, heads=2, max_length=12, vocabulary_size=600),
    corpus=CorpusSpec(composed=0, captions=0, seed=0),
    shares=Shares(wordnet=0.0, composed=1.0, names=0.5, captions=0.5),
    perturbed=0.2,
    steps=6,
    batch_size=16,
    learning_rate=3e-3,
    warmup_steps=2,
    decay_steps=4,
    weight_decay=0.05,
    cosine_weight=4.0,
    relation_weight=1.0,
    temperature=0.05,
    validate_every=2,
    watched=4,
    held_out=8,
    captions=30,
)
COLORS, THINGS = ("red", "green", "blue", "pink"), ("apple", "boat", "chair", "dog", "lamp")
TEXTS = [f"a {color} {thing} number {i}" for i in range(30) for color in COLORS for thing in THINGS]


SOURCES = (Source.of_texts("composed", TEXTS), Source.of("names", [(text[::-1], text) for text in TEXTS]))


class ToyTraining(TextTowerTraining):
    """The training on toy texts, with a teacher that needs no weights."""

    teacher = WordCounter()

    @classmethod
    def open(cls, recipe, options):
        return cls(recipe, options, SOURCES, cls.teacher)


def toy_options(folder: Path, name: str, minutes: float | None = None) -> RunOptions:
    return RunOptions(folder / name, language=folder / "language", minutes=minutes, workers=0, device="cpu")


def trained(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished toy run."""
    folder = tmp_path_factory.mktemp("text-tower")
    assert train(ToyTraining, RECIPE, toy_options(folder, "run"))
    return folder / "run"


def test_a_run_in_slices_ends_where_a_whole_one_does(run):
    sliced = toy_options(run.parent, "sliced", minutes=1e-9)
    calls, encoded = 1, ToyTraining.teacher.encoded
    while not train(ToyTraining, RECIPE, sliced):
        calls += 1
    assert calls == RECIPE.steps
    tokens = sum(bool(text) for text in token_texts(CLIPTokenizer.from_pretrained(run / "model")))
    measured = len(free_sentences()) + RECIPE.captions
    assert ToyTraining.teacher.encoded == encoded + calls * tokens + measured  # the corpus is encoded once
    one, other = trained(run), trained(sliced.out)
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_other_texts_do_not_resume_a_run(tmp_path, monkeypatch):
    options = toy_options(tmp_path, "run", minutes=1e-9)
    assert not train(ToyTraining, RECIPE, options)
    fewer = ToyTraining(RECIPE, options, SOURCES[:1], ToyTraining.teacher)
    monkeypatch.setattr(ToyTraining, "open", lambda *_: fewer)
    with pytest.raises(CheckpointError):
        train(ToyTraining, RECIPE, options)


def test_training_brings_the_tower_nearer_to_its_teacher(tmp_path):
    recipe = replace(RECIPE, steps=40, batch_size=64, perturbed=0.0, validate_every=40, decay_steps=20)
    assert train(ToyTraining, recipe, replace(toy_options(tmp_path, "run"), report_every=1))
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in log if "loss" in line]
    assert steps[-1]["cosine"] < 0.7 * steps[0]["cosine"]
    assert steps[0]["loss"] == pytest.approx(4 * steps[0]["cosine"] + steps[0]["relation"], rel=1e-5)
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert figures["samples"] == 40 * 64
    assert figures["texts"] == {"composed": len(TEXTS), "names": len(TEXTS)}
    assert figures["free_text"].keys() >= {"tower", "teacher", "possible"} and figures["free_text"]["captions"] == 30
    assert figures["cosine"].keys() == {"composed", "composed_perturbed", "names", "names_perturbed"}


def test_the_saved_tower_is_a_hub_repository_in_half_precision(run):
    folder = run / "model"
    assert {tensor.dtype for tensor in trained(run).values()} == {torch.float16}
    model = CLIPTextModelWithProjection.from_pretrained(folder, dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    texts = ["A RED boat", "a red boat"]
    same = model(**tokenizer(texts, return_tensors="pt", padding=True)).text_embeds
    assert same[0].equal(same[1])  # capitals are lowered
    assert same.shape == (2, WordCounter.width)


def test_a_clip_starts_from_the_saved_tower(run):
    folder = run / "model"
    tower = CLIPTextModelWithProjection.from_pretrained(folder, dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    clip: CLIPModel = build_model(SMALL_CLIP, tokenizer)
    copy_text_tower(folder, clip)
    batch = tokenizer(["a red boat", "a dog"], return_tensors="pt", padding=True)
    torch.testing.assert_close(clip.get_text_features(**batch).pooler_output, tower(**batch).text_embeds)


def test_a_larger_vocabulary_goes_on_from_the_saved_tower(run, tmp_path):
    more = Source.of_texts("captions", ["a purple umbrella", "a walrus at dusk", "two umbrellas"])
    recipe = replace(RECIPE, start=str(run / "model"))
    larger = ToyTraining(recipe, toy_options(tmp_path, "larger"), (*SOURCES, more), ToyTraining.teacher)
    saved = CLIPTextModelWithProjection.from_pretrained(run / "model", dtype=torch.float32)
    known, vocabulary = CLIPTokenizer.from_pretrained(run / "model").get_vocab(), larger.tokenizer.get_vocab()
    trained, own = saved.get_input_embeddings().weight, larger.model.get_input_embeddings().weight
    assert len(known) < len(vocabulary) and own.isfinite().all()
    shared = known.keys() & vocabulary.keys()
    assert all(own[vocabulary[entry]].equal(trained[known[entry]]) for entry in shared)
    assert own[vocabulary["<|endoftext|>"]].equal(trained[known["<|endoftext|>"]])  # the special entries have moved
    assert larger.model.text_projection.weight.equal(saved.text_projection.weight)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(TEXTS, 600, 12)


def test_chunks_without_a_mask_embed_as_transformers_does_with_one(tokenizer):
    torch.manual_seed(0)
    model = build_text_tower(RECIPE.model, tokenizer, WordCounter.width).eval()
    texts = ["a dog", "a red boat number 3"]
    padded = tokenizer(texts, return_tensors="pt", padding=True)
    expected = torch.nn.functional.normalize(model(**padded).text_embeds, dim=-1)
    torch.testing.assert_close(embed_tokens(model, [padded.input_ids]), expected)
    apart = embed_tokens(model, [torch.tensor([tokenizer(text).input_ids]) for text in texts])
    torch.testing.assert_close(apart, expected)


def test_a_token_starts_where_the_teacher_puts_its_text(tokenizer):
    teacher = WordCounter()
    phrases = teacher.encode(TEXTS)
    model = build_text_tower(RECIPE.model, tokenizer, WordCounter.width)
    start_from_teacher(model, tokenizer, teacher, phrases)
    rows = tokenizer.convert_tokens_to_ids(["boat</w>", "red</w>"])
    start = model.get_input_embeddings().weight[rows] @ model.text_projection.weight.T
    mean, components = principal_components(phrases, RECIPE.model.width)
    centred = teacher.encode(["boat", "red"]) - mean
    cosines = torch.cosine_similarity(start, torch.from_numpy(centred @ components.T @ components).float())
    assert cosines.min() > 0.999


def test_principal_components_are_those_of_an_svd():
    data = np.random.default_rng(0).standard_normal((40, 6)) * [5, 4, 3, 1, 1, 1]
    mean, components = principal_components(data, 3)
    _, _, expected = np.linalg.svd(data - data.mean(0))
    np.testing.assert_allclose(np.abs(components @ expected[:3].T), np.eye(3), atol=1e-8)
    np.testing.assert_allclose(mean, data.mean(0))


@pytest.mark.parametrize("name", ["text-tower", "text-tower-2"])
def test_the_recipes_of_the_zoo_fall_to_zero_at_their_end(name):
    training_type, recipe = load_recipe(find_recipe(name))
    assert training_type is TextTowerTraining
    assert recipe.model.width % recipe.model.heads == 0
    assert recipe.warmup_steps + recipe.decay_steps == recipe.steps
