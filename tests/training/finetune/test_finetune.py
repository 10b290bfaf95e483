"""From a folder of quadruplets to a page's answers, by the commands that docs/training.md gives."""

import json
import shlex
import tomllib

import pytest

import safeclip
from index_builder.cli import main as index
from safeclip.retrieval.gallery import Gallery
from tests.fakes.own_quadruplets import write_own_quadruplets
from training.cli import UNFINISHED, main


@pytest.fixture(scope="module")
def quadruplets(tmp_path_factory):
    return write_own_quadruplets(tmp_path_factory.mktemp("own"), {"train": 8, "validation": 3})  # fewer than a batch


def finetune(base, quadruplets, out, *more: str) -> int:
    command = ["finetune", "--base", str(base), "--quadruplets", str(quadruplets), "--out", str(out)]
    return main([*command, "--batch-size", "4", "--device", "cpu", *more])


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_clip, quadruplets):
    out = tmp_path_factory.mktemp("finetune") / "run"
    assert finetune(tiny_clip, quadruplets, out, "--epochs", "2") == 0
    return out


def test_the_page_answers_with_the_fine_tune(run):
    assert index(["--profile", str(run / "profile.toml"), "--quiet"]) == 0
    found = safeclip.open(run / "profile.toml", device="cpu").retrieval.compare("a dog holding a kite", k=3)
    assert [len(found[seat].hits) for seat in ("original", "safe")] == [3, 3]
    assert found["original"].hits[0].score != found["safe"].hits[0].score


def test_it_is_measured_beside_its_base(run):
    result = json.loads((run / "evaluation.json").read_text())
    assert list(result["sections"]["quadruplets"]["retrieval"]) == ["original", "safe"]
    assert result["sections"]["quadruplets"]["n"] == 3
    report = (run / "evaluation.md").read_text()
    assert "T*→V∪V* safe top-1" in report and "chose the step of the fine-tune" in report


def test_test_quadruplets_are_measured_where_there_are_any(tmp_path, tiny_clip):
    own = write_own_quadruplets(tmp_path / "my own 😀", {"train": 8, "validation": 3, "test": 5})
    assert finetune(tiny_clip, own, tmp_path / "run", "--epochs", "1") == 0
    result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    measured = result["sections"]["quadruplets"]
    assert (measured["split"], measured["n"]) == ("test", 5) and "note" not in result
    again = shlex.split(result["command"])[1:]
    assert main([*again[:-1], str(tmp_path / "again"), "--device", "cpu"]) == 0
    assert json.loads((tmp_path / "again" / "evaluation.json").read_text())["sections"] == result["sections"]


def test_a_folder_of_images_called_test_is_no_split(tmp_path, tiny_clip):
    own = write_own_quadruplets(tmp_path / "own", {"train": 8, "validation": 3})
    (own / "test-images").mkdir()
    assert finetune(tiny_clip, own, tmp_path / "run", "--epochs", "1") == 0
    result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert result["sections"]["quadruplets"]["split"] == "validation"


def test_what_failed_before_its_first_step_may_be_given_again_with_other_choices(tmp_path, tiny_clip, quadruplets):
    failed = finetune(tiny_clip, quadruplets, tmp_path, "--epochs", "1", "--device", "cuda:99")
    assert failed == 1 and (tmp_path / "recipe.toml").is_file()
    assert finetune(tiny_clip, quadruplets, tmp_path, "--epochs", "2") == 0


def test_the_base_may_be_a_folder_of_the_working_directory(tmp_path, tiny_clip, quadruplets, monkeypatch):
    monkeypatch.chdir(tiny_clip.parent)
    assert finetune(tiny_clip.name, quadruplets, tmp_path, "--epochs", "1") == 0
    assert tomllib.loads((tmp_path / "recipe.toml").read_text())["checkpoint"] == str(tiny_clip)


def test_a_base_that_is_nowhere_is_said(tmp_path, quadruplets, capsys):
    assert finetune("/nowhere/clip", quadruplets, tmp_path) == 1
    assert "/nowhere/clip: there is no such CLIP checkpoint" in capsys.readouterr().err


def test_the_gallery_holds_every_image_once_with_its_label(run):
    gallery = Gallery.open(run / "gallery")
    assert sorted(item.unsafe for item in gallery.items) == [False] * 6 + [True] * 6
    unsafe = [item for item in gallery.items if item.unsafe]
    assert all(item.category and not gallery.item(item.twin).unsafe for item in unsafe)


def test_the_same_command_again_changes_nothing(run, tiny_clip, quadruplets):
    before = (run / "adapter" / "adapter_model.safetensors").read_bytes()
    assert finetune(tiny_clip, quadruplets, run, "--epochs", "2") == 0
    assert (run / "adapter" / "adapter_model.safetensors").read_bytes() == before


def test_other_choices_in_the_same_folder_are_an_error(run, tiny_clip, quadruplets, capsys):
    assert finetune(tiny_clip, quadruplets, run, "--epochs", "3") == 1
    assert "holds a run with other choices" in capsys.readouterr().err


def test_other_data_in_the_same_folder_is_an_error(tmp_path, tiny_clip, capsys):
    own, out = write_own_quadruplets(tmp_path / "own", {"train": 8, "validation": 3}), tmp_path / "run"
    assert finetune(tiny_clip, own, out, "--epochs", "1") == 0
    rows = (own / "train.jsonl").read_text().splitlines()
    (own / "train.jsonl").write_text("\n".join([rows[0].replace('"text": "', '"text": "now '), *rows[1:]]) + "\n")
    assert finetune(tiny_clip, own, out, "--epochs", "1") == 1
    assert "holds a run with other choices or other data" in capsys.readouterr().err


def test_a_slice_ends_with_its_own_status(tmp_path, tiny_clip, quadruplets, capsys):
    assert finetune(tiny_clip, quadruplets, tmp_path, "--epochs", "2", "--minutes", "0.000001") == UNFINISHED
    assert not (tmp_path / "profile.toml").exists() and "call again" in capsys.readouterr().err


def test_quadruplets_of_both_tables_are_said(tmp_path, tiny_clip, capsys):
    own = write_own_quadruplets(tmp_path / "own", {"train": 8, "validation": 3})  # numbers 0 to 2 are in both
    assert finetune(tiny_clip, own, tmp_path / "run", "--minutes", "0.000001") == UNFINISHED
    assert "3 of 3 validation quadruplets have the safe image, or both texts, of a" in capsys.readouterr().err


def test_two_tables_to_measure_by_are_said_before_the_training(tmp_path, tiny_clip, capsys):
    own = write_own_quadruplets(tmp_path / "own", {"train": 8, "validation": 3, "test": 2})
    (own / "test.csv").write_text("text\n")
    assert finetune(tiny_clip, own, tmp_path / "run") == 1
    assert "there are test.jsonl and test.csv" in capsys.readouterr().err and not (tmp_path / "run/state.pt").exists()


def test_too_few_quadruplets_are_said(tmp_path, tiny_clip, capsys):
    own = write_own_quadruplets(tmp_path / "own", {"train": 1, "validation": 2})
    assert finetune(tiny_clip, own, tmp_path / "run") == 1
    assert "at least two complete quadruplets, and there are 1" in capsys.readouterr().err


def test_the_papers_recipe_has_its_eight_terms_alone(tmp_path, tiny_clip, quadruplets):
    assert finetune(tiny_clip, quadruplets, tmp_path, "--epochs", "1", "--paper", "--minutes", "0.000001")
    recipe = (tmp_path / "recipe.toml").read_text()
    assert "mixed_gallery" not in recipe and "alpha = 1\n" in recipe
