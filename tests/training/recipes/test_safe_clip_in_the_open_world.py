from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.fakes.toy_recipes import parsed, toy_options, toy_recipe
from training.data.open_world import packed
from training.engine.job import train
from training.recipes.registry import find_recipe, load_recipe
from training.recipes.safe_clip import SafeClipTraining

OLD = "data.emoji = { train = 16, validation = 8, seed = 3 }"
OPEN = "data.open_world = { train = 16, validation = 8, seed = 3 }"
ADAPTERS = ("open-safe-clip-paper", "open-safe-clip", "open-safe-clip-mixed")


def test_a_run_in_slices_ends_where_a_whole_one_does(tmp_path, tiny_clip, open_artwork):
    text = (
        toy_recipe("safe_clip", tiny_clip)
        .replace("epochs = 3", "epochs = 1")
        .replace("batch_size = 4", "batch_size = 8")
    )
    assert OLD in text
    _, recipe = parsed(tmp_path, text.replace(OLD, OPEN))

    def run(name: str, minutes: float | None = None) -> tuple[Path, int]:
        options = toy_options(tmp_path / name, open_artwork, packed=tmp_path / "packed", minutes=minutes)
        calls = 1
        while not train(SafeClipTraining, recipe, options):
            calls += 1
        return options.out / "adapter" / "adapter_model.safetensors", calls

    (whole, once), (sliced, twice) = run("whole"), run("sliced", minutes=1e-9)
    assert (once, twice) == (1, 2)
    one, other = load_file(whole), load_file(sliced)
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_a_run_with_several_workers_paints_before_they_prepare_batches(tmp_path, tiny_clip, open_artwork, monkeypatch):
    monkeypatch.setattr(packed, "CHUNK", 8)  # so that there is work for both
    _, recipe = parsed(tmp_path, toy_recipe("safe_clip", tiny_clip).replace(OLD, OPEN))
    options = toy_options(tmp_path / "run", open_artwork, packed=tmp_path / "packed", workers=2)
    assert len(SafeClipTraining(recipe, options).data.reference.text) == 16


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_adapters_of_the_zoo_start_from_one_clip_with_whole_blocks(name):
    _, recipe = load_recipe(find_recipe(name))
    assert recipe.checkpoint == "zoo/open-clip" and recipe.data.open_world.seed == 5
    assert recipe.batch_size % 8 == 0  # blocks of siblings stay whole


def test_the_tuned_adapter_and_ours_learn_from_equal_data_but_for_the_words_of_ours():
    """The tuned and the paper's settings have shorter runs of their own, as docs/results.md says."""
    (_, safe), (_, ours) = (load_recipe(find_recipe(name)) for name in ("open-safe-clip", "open-safe-clip-mixed"))
    assert replace(ours.data.open_world, reworded=0.0) == safe.data.open_world
    assert (safe.epochs, safe.batch_size) == (3, ours.batch_size)


def test_the_papers_recipe_is_the_papers():
    _, recipe = load_recipe(find_recipe("open-safe-clip-paper"))
    lora, objective = recipe.lora, recipe.objective.safe_clip
    assert (lora.r, lora.alpha, lora.dropout, recipe.learning_rate, recipe.batch_size) == (16, 1, 0.1, 1e-3, 128)
    assert (recipe.patience, recipe.warmup_steps, recipe.decay_steps, objective.logit_scale) == (5, 0, 0, 100.0)
    weights = (0.25, 0.5, 0.1, 0.2, 0.1, 0.1, 0.25, 0.25)
    assert tuple(vars(objective.weights).values()) == weights
    assert lora.targets == ("k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding")
