"""The order in which the zoo is made, with a fake training that leaves the files of a real one."""

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from training.zoo import __main__ as make_zoo
from training.zoo.publishing import TrainingRecord

CLIP = ["text-tower", "text-tower-2", "clip", "open-vision", "open-clip", "open-clip-2", "open-clip-3", "open-clip-4"]
MIXED = ["open-safe-clip-mixed", *(f"open-safe-clip-mixed-{part}" for part in range(2, 10))]
PAINTER = ["vae", "diffusion", "open-diffusion", *(f"open-diffusion-{part}" for part in range(2, 7))]
JUDGE = ["judge", "open-judge", "open-judge-2"]
LLAVA = ["llava", "llava-2", "llava-3"]
ASKING = MIXED[2:]  # ask LLaVA, which comes before them
SAFE = ["open-safe-clip-paper", "open-safe-clip", *MIXED[:2]]
ORDER = [*CLIP, *SAFE, *PAINTER, *JUDGE, *LLAVA, *ASKING]
PARTS = {name for parts in (CLIP, MIXED, PAINTER, JUDGE, LLAVA) for name in parts[:-1]}
FOLDERS = {  # where the name is not the recipe's
    PAINTER[-1]: "stable-diffusion",
    "open-judge-2": "judge",
    "open-clip-4": "open-clip",
    MIXED[-1]: "open-safe-clip-mixed",
    "llava-3": "llava",
}


def steps_of(name: str) -> int:
    """The steps that the fake training of a recipe records."""
    return 10 + ORDER.index(name)


@pytest.fixture
def trained(monkeypatch) -> list:
    """What was trained, as (recipe, options); `unfinished` names runs that need another slice."""

    class Trained(list):
        unfinished = ()

    seen = Trained()

    def train(training_type, recipe, options) -> bool:
        seen.append((recipe, options))
        name = options.out.name
        parts = ("unet", "vae") if name == PAINTER[-1] else ("",)
        for part in parts:
            folder = options.out / training_type.result / part
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.safetensors").write_text(name)
        line = {"step": steps_of(name), "steps_per_second": 1.0}
        (options.out / "metrics.jsonl").write_text(json.dumps(line) + "\n")
        if name in ("open-judge-2", "open-clip-4"):
            (options.out / "metrics.json").write_text('{"test": {}}')
        return name not in seen.unfinished

    monkeypatch.setattr(make_zoo, "train", train)
    return seen


def published_folders(trained: list[str]) -> set[str]:
    return {FOLDERS.get(name, name) for name in trained if name not in PARTS}


def options(runs: Path) -> argparse.Namespace:
    return argparse.Namespace(runs=runs, minutes=None)


def test_everything_is_trained_in_order_and_published(trained, tmp_path):
    runs, zoo = tmp_path / "runs", tmp_path / "zoo"
    assert make_zoo.train_models(options(runs), zoo)
    assert [run.out.name for _, run in trained] == ORDER
    assert {path.name for path in zoo.iterdir()} == published_folders(ORDER)
    for name in ("judge", "open-clip"):
        assert json.loads((zoo / name / "metrics.json").read_text()) == {"test": {}}
    pipeline = zoo / "stable-diffusion"
    files = {str(path.relative_to(pipeline)) for path in pipeline.rglob("*") if path.is_file()}
    weights = {f"{part}/{PAINTER[-1]}.safetensors" for part in ("unet", "vae")}
    records = {f"{folder}/training.json" for folder in ("unet", "vae", *map(_kept, PAINTER[1:-1]))}
    assert files == weights | records
    assert _steps(pipeline / "vae") == steps_of("vae") and _steps(pipeline / "unet") == steps_of(PAINTER[-1])
    for part in PAINTER[1:-1]:
        assert _steps(pipeline / _kept(part)) == steps_of(part)
    for parts in (CLIP, MIXED, JUDGE, LLAVA):
        folder = zoo / FOLDERS[parts[-1]]
        assert _steps(folder) == steps_of(parts[-1])
        for part in parts[:-1]:
            assert _steps(folder / _kept(part)) == steps_of(part)


def _kept(part: str) -> str:
    """Where the record of a part lies below the model that it became part of."""
    return f"training/{part}"


def _steps(folder: Path) -> int:
    return TrainingRecord.read(folder).steps


def test_a_recipe_goes_on_from_what_its_own_runs_made(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_zoo.train_models(options(Path("elsewhere")), tmp_path / "zoo")
    recipes, runs = {run.out.name: recipe for recipe, run in trained}, tmp_path / "elsewhere"
    assert recipes["diffusion"].vae == recipes["open-diffusion"].vae == str(runs / "vae" / "model")
    assert recipes["diffusion"].clip == recipes["open-diffusion"].start_clip == str(runs / "clip" / "model")
    assert recipes["open-diffusion"].start == str(runs / "diffusion" / "model" / "unet")
    for result, *parts in (("adapter", *MIXED), ("model", *JUDGE), ("model", *LLAVA)):
        for before, after in pairwise(parts):
            assert recipes[after].start == str(runs / before / result)
    for before, after in pairwise(PAINTER[2:]):
        assert recipes[after].start == str(runs / before / "model" / "unet")
    assert recipes["text-tower-2"].start == recipes["open-vision"].text_tower == str(runs / "text-tower" / "model")
    assert recipes["open-clip"].text_tower == str(runs / "text-tower-2" / "model")
    assert recipes["open-clip"].vision_tower == str(runs / "open-vision" / "model")
    for before, after in pairwise(CLIP[-4:]):
        assert recipes[after].text_tower == recipes[after].vision_tower == str(runs / before / "model")
    assert recipes["open-vision"].vision_tower == str(runs / "clip" / "model")


def test_a_recipe_reads_what_was_made_before_it(trained, tmp_path):
    make_zoo.train_models(options(tmp_path / "runs"), tmp_path / "zoo")
    made: set[str] = set()
    for recipe, run in trained:
        named = [Path(value) for key in recipe.paths if len(Path(value := getattr(recipe, key)).parts) > 1]
        read = {path.relative_to(tmp_path / "runs").parts[0] if path.is_absolute() else path.parts[1] for path in named}
        assert read <= made, run.out.name
        made |= {run.out.name} | (
            {FOLDERS.get(run.out.name, run.out.name)} - PARTS if run.out.name not in PARTS else set()
        )


@pytest.mark.parametrize("name", ORDER)
def test_an_unfinished_model_is_not_published_and_ends_the_sequence(trained, tmp_path, name):
    trained.unfinished = (name,)
    zoo = tmp_path / "zoo"
    assert not make_zoo.train_models(options(tmp_path / "runs"), zoo)
    assert trained[-1][1].out.name == name
    published = {path.name for path in zoo.iterdir()} if zoo.is_dir() else set()
    assert published == published_folders(ORDER[: ORDER.index(name)])


def test_figures_follow_the_models_and_cards_the_figures(trained, tmp_path, monkeypatch):
    calls = []
    gallery = tmp_path / "zoo" / "open-gallery" / "data"
    gallery.mkdir(parents=True)
    (gallery / "test.parquet").touch()
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    monkeypatch.setattr(make_zoo.subprocess, "run", lambda command, check: calls.append(command[2:]))
    monkeypatch.setattr(make_zoo.cards, "write_all", lambda zoo: calls.append(["cards"]))
    monkeypatch.setattr(sys, "argv", ["zoo", "--runs", str(tmp_path / "runs")])
    assert make_zoo.main() == 0
    assert [call[0] for call in calls] == [
        *(
            "index_builder",
            "training.zoo.concepts",
            "training.evaluation.open_world",
            "training.evaluation.open_world.own_gallery",
            "training.evaluation.captioning",
            "training.evaluation.generation",
            "cards",
        )
    ]
    seats = ["--seats", "paper=zoo/open-clip+zoo/open-safe-clip-paper"]
    painted = ["--quadruplets", "25", "--dtype", "bfloat16", *seats]
    assert calls[5][1:] == ["--profile", "emoji", *painted, "--work", str(tmp_path / "runs" / "evaluate-generation")]
    assert calls[2][1:4] == ["--profile", "emoji", "--seats"] and calls[2][4].startswith("paper=")
    trained.unfinished = ("judge",)
    assert make_zoo.main() == 75
    assert len(calls) == 7
