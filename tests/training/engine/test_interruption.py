"""Every training ends with the same files whether it was interrupted or not."""

from pathlib import Path

import pytest

from tests.fakes.toy_recipes import finish, kill_at_a_random_step, parsed, toy_options, toy_recipe, write
from training.engine.job import train, train_to_the_end
from training.models.vae import VaeSpec, build_vae, save_vae
from training.recipes import diffusion

NAMES = ["clip", "safe_clip", "llava", "vae", "diffusion", "judge"]


@pytest.fixture(scope="module")
def tiny_vae(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vae") / "model"
    save_vae(folder, build_vae(VaeSpec(64, (8, 8, 8, 8), 4, 4)), scaling_factor=0.7)
    return folder


def results(out: Path) -> dict[str, bytes]:
    """The files of a run's model or adapter, and of its contact sheets."""
    files = [path for kind in ("model", "adapter", "sheets") for path in (out / kind).rglob("*") if path.is_file()]
    found = {str(path.relative_to(out)): path.read_bytes() for path in files if path.name != "README.md"}
    assert any(name.endswith(".safetensors") for name in found)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_run_in_slices_of_one_step_equals_a_run_in_one_piece(
    name, tmp_path, artwork, tiny_clip, tiny_vae, monkeypatch
):
    monkeypatch.setattr(diffusion, "SHEET_STEPS", 2)
    training_type, recipe = parsed(tmp_path, toy_recipe(name, tiny_clip, tiny_vae))
    whole, sliced = toy_options(tmp_path / "whole", artwork), toy_options(tmp_path / "slices", artwork, minutes=1e-9)
    assert train(training_type, recipe, whole)
    slices = 1
    while not train(training_type, recipe, sliced):
        slices += 1
        assert slices < 20
    assert slices >= 7
    assert results(sliced.out) == results(whole.out)
    sheets = [path.name for path in sorted(whole.out.glob("sheets/*.png"))]
    assert sheets == (["000003.png", "000006.png", "000007.png"] if name in ("vae", "diffusion") else [])


def test_what_needs_the_result_ends_with_a_slice_and_has_it_once_the_run_is_complete(
    tmp_path, artwork, tiny_clip, tiny_vae
):
    training_type, recipe = parsed(tmp_path, toy_recipe("vae", tiny_clip, tiny_vae))
    with pytest.raises(KeyboardInterrupt):
        train_to_the_end(training_type, recipe, toy_options(tmp_path / "run", artwork, minutes=1e-9))
    result = train_to_the_end(training_type, recipe, toy_options(tmp_path / "run", artwork))
    assert result == tmp_path / "run" / "model" and (result / "config.json").is_file()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "safe_clip" else pytest.mark.full) for name in NAMES]
)
def test_a_killed_run_ends_like_an_unharmed_one(name, tmp_path, artwork, tiny_clip, tiny_vae):
    recipe = write(tmp_path / f"{name}.toml", toy_recipe(name, tiny_clip, tiny_vae))
    finish(recipe, tmp_path / "whole", artwork)
    killed_after = kill_at_a_random_step(recipe, tmp_path / "killed", artwork)
    finish(recipe, tmp_path / "killed", artwork)
    assert results(tmp_path / "killed") == results(tmp_path / "whole"), f"killed after {killed_after} log lines"
