"""The command that trains: which recipe it finds, what it returns, what it says."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from safeclip.errors import CheckpointError, ProfileError
from tests.fakes.toy_recipes import parsed, toy_options, toy_recipe, write
from training.cli import UNFINISHED, main
from training.engine.job import train
from training.recipes.registry import FOLDER, RECIPES, find_recipe, load_recipe


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_package_load_by_their_names(path):
    training_type, recipe = load_recipe(find_recipe(path.stem))
    assert isinstance(recipe, training_type.recipe_type)
    assert find_recipe(path.name) == find_recipe(path) == path


def test_every_registered_training_has_a_recipe():
    assert {load_recipe(path)[1].recipe for path in FOLDER.glob("*.toml")} == set(RECIPES)


def test_a_file_of_the_callers_goes_before_one_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = write(tmp_path / "judge.toml", toy_recipe("judge"))
    assert find_recipe("judge.toml").resolve() == own
    assert find_recipe("judge") == FOLDER / "judge.toml"
    with pytest.raises(ProfileError, match="there is no such recipe"):
        find_recipe("judge.lr3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1", "the key “recipe” is None.*clip, diffusion"),
        ('recipe = "clap"', "'clap'.*clip, diffusion"),
        ("seed = ", "not a valid TOML file"),
        ('recipe = "judge"\nseed = 1', "is missing"),
        (toy_recipe("judge").replace("watched", "watchd"), "unknown key “watchd”.*watched"),
        (toy_recipe("safe_clip", "c").replace("epochs = 3", "epochs = 0"), "“epochs” is 0; it must be at least 1"),
        (toy_recipe("safe_clip", "c").replace("validate_every = 3", "validate_every = 0"), "“validate_every” is 0"),
        (toy_recipe("safe_clip", "c").replace("seed = 2", "seed = -2"), "“seed” is -2; it must be at least 0"),
        (toy_recipe("safe_clip", "c").replace("seed = 2", f"seed = {2**62}"), "it must be at most 4294967295"),
        (toy_recipe("safe_clip", "c").replace("seed = 2", "seed = 2\nrows_at_once = -1"), "“rows_at_once” is -1"),
        (toy_recipe("safe_clip", "c").replace("decay_steps = 4", "decay_steps = -4"), "“decay_steps” is -4"),
        (toy_recipe("safe_clip", "c").replace("r = 2", "r = 2, alpha = 0"), "“lora.alpha” is 0; it must be at least 1"),
        (toy_recipe("safe_clip", "c").replace("r = 2", "r = 2, dropout = -0.5"), "“lora.dropout” is -0.5; it must be"),
        (toy_recipe("judge").replace("learning_rate = ", "learning_rate = -"), "“learning_rate” is -"),
        (
            toy_recipe("safe_clip", "c").replace("seed = 2", 'seed = 2\nselect = "r"'),
            "'r'; use one of: loss, recall_sum",
        ),
    ],
)
def test_errors_of_a_recipe_are_reported(tmp_path, text, said):
    with pytest.raises(ProfileError, match=said):
        parsed(tmp_path, text)


def test_a_missing_recipe_names_those_that_there_are(tmp_path, capsys):
    assert main(["nowhere.toml", "--out", str(tmp_path)]) == 1
    assert "safeclip-train: nowhere.toml: there is no such recipe" in (said := capsys.readouterr().err)
    assert "safe-clip-mixed" in said


@pytest.mark.parametrize(
    "flags", [["--report-every", "0"], ["--workers", "-1"], ["--minutes", "0"], ["--minutes", "soon"]]
)
def test_a_number_that_no_run_can_have_is_an_error(tmp_path, flags, capsys):
    with pytest.raises(SystemExit):
        main(["judge", "--out", str(tmp_path), *flags])
    assert f"argument {flags[0]}: '{flags[1]}' is no" in capsys.readouterr().err


def test_a_run_in_slices_through_the_command(tmp_path, artwork, capsys):
    recipe = write(tmp_path / "judge.toml", toy_recipe("judge"))
    out = tmp_path / "run"
    command = [str(recipe), "--out", str(out), "--artwork", str(artwork), "--workers", "0", "--device", "cpu"]
    assert main([*command, "--minutes", "1e-9"]) == UNFINISHED
    assert "call again" in capsys.readouterr().err and not (out / "model").exists()
    assert main(command) == 0
    assert (out / "model").is_dir()
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps[-1]["step"] == 7
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    capsys.readouterr()
    assert main(command) == 0  # nothing is left to do
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert capsys.readouterr().err == f"{out}: this run is complete; its result is in {out / 'model'}.\n"


def test_a_complete_run_whose_result_is_gone_saves_it_again(tmp_path, artwork):
    command = [str(write(tmp_path / "judge.toml", toy_recipe("judge"))), "--out", str(tmp_path / "run")]
    command += ["--artwork", str(artwork), "--workers", "0", "--device", "cpu"]
    assert main(command) == 0
    weights = (tmp_path / "run" / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run" / "model")
    assert main(command) == 0
    assert (tmp_path / "run" / "model" / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("content", ["[1]", "{"])
def test_a_damaged_record_of_a_complete_run_is_called_so(content, tmp_path, capsys):
    (tmp_path / "saved.json").write_text(content)
    recipe = write(tmp_path / "judge.toml", toy_recipe("judge"))
    assert main([str(recipe), "--out", str(tmp_path)]) == 1
    assert f"{tmp_path / 'saved.json'}: this file is damaged. Remove it" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["text", "siglip2"])
def test_a_kind_of_encoder_that_no_recipe_tunes_is_answered_by_those_that_it_does(kind, tmp_path):
    with pytest.raises(ProfileError, match=f"the key “kind” is '{kind}'; use one of: clip, siglip"):
        parsed(tmp_path, f'kind = "{kind}"\n' + toy_recipe("safe_clip", "my/clip"))


@pytest.mark.parametrize("minutes", [None, 1e-9])
def test_a_folder_is_not_resumed_with_another_recipe(tmp_path, artwork, minutes):
    training_type, recipe = parsed(tmp_path, toy_recipe("judge"))
    options = toy_options(tmp_path / "run", artwork, minutes=minutes)
    train(training_type, recipe, options)
    _, other = parsed(tmp_path, toy_recipe("judge").replace("seed = 3", "seed = 4"))
    with pytest.raises(CheckpointError, match="another recipe; changed: seed.*--out"):
        train(training_type, other, options)


def test_a_complete_run_does_not_stand_for_one_of_another_model(tmp_path, tiny_clip, artwork):
    clip = Path(shutil.copytree(tiny_clip, tmp_path / "clip"))
    training_type, recipe = parsed(tmp_path, toy_recipe("safe_clip", clip))
    options = toy_options(tmp_path / "run", artwork)
    assert train(training_type, recipe, options) and train(training_type, recipe, options)
    weights = {name: value + 1 for name, value in load_file(clip / "model.safetensors").items()}
    save_file(weights, clip / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="began with another model of checkpoint.*--out"):
        train(training_type, recipe, options)
    shutil.rmtree(clip)
    assert train(training_type, recipe, options)  # what it started from is needed no more
