"""Autoencoder, painter and judge end with the same files whether or not their training was interrupted."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.toy_picture_recipes import DIFFUSION, JUDGE, VAE
from tests.fakes.toy_recipes import finish, kill_at_a_random_step, write
from training.engine.cli import RunOptions
from training.engine.recipe import read_recipe
from training.models.vae import VaeSpec, build_vae, save_vae
from training.recipes import diffusion, judge, vae


@pytest.fixture(scope="module")
def tiny_vae(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vae") / "model"
    save_vae(folder, build_vae(VaeSpec(64, (8, 8, 8, 8), 4, 4)), scaling_factor=0.7)
    return folder


RECIPES = {
    "vae": (vae, vae.VaeRecipe, VAE),
    "diffusion": (diffusion, diffusion.DiffusionRecipe, DIFFUSION),
    "judge": (judge, judge.JudgeRecipe, JUDGE),
}


def recipe_file(name: str, folder: Path, tiny_clip: Path, tiny_vae: Path) -> Path:
    text = RECIPES[name][2]
    return write(folder / f"{name}.toml", text.format(clip=tiny_clip, vae=tiny_vae) if name == "diffusion" else text)


def contents(folder: Path) -> dict[str, bytes]:
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert any(name.endswith(".safetensors") for name in found)
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_in_slices_of_one_step_equals_a_run_in_one_piece(name, tmp_path, artwork, tiny_clip, tiny_vae):
    module, recipe_class, _ = RECIPES[name]
    recipe = read_recipe(recipe_class, recipe_file(name, tmp_path, tiny_clip, tiny_vae))
    whole = RunOptions(Path(), tmp_path / "whole", artwork, minutes=None, workers=0, report_every=5)
    assert module.train(recipe, whole)
    sliced = replace(whole, out=tmp_path / "slices", minutes=1e-9)
    slices = 1
    while not module.train(recipe, sliced):
        slices += 1
        assert slices < 20
    assert slices >= recipe.steps
    assert contents(tmp_path / "slices" / "model") == contents(tmp_path / "whole" / "model")
    sheets = [sorted(p.name for p in (tmp_path / run).glob("sheets/*.png")) for run in ("whole", "slices")]
    assert sheets[0] == sheets[1] == ([] if name == "judge" else ["000003.png", "000006.png", "000007.png"])


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_killed_run_ends_like_an_unharmed_one(name, tmp_path, artwork, tiny_clip, tiny_vae):
    recipe, module = recipe_file(name, tmp_path, tiny_clip, tiny_vae), f"training.recipes.{name}"
    finish(module, recipe, tmp_path / "whole", artwork)
    killed_after = kill_at_a_random_step(module, recipe, tmp_path / "killed", artwork)
    finish(module, recipe, tmp_path / "killed", artwork)
    same = contents(tmp_path / "killed" / "model") == contents(tmp_path / "whole" / "model")
    assert same, f"killed after {killed_after} log lines"
