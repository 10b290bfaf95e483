"""The comparison of objectives: same budget for every row, resumable, and a page that shows what was measured."""

import json

import pytest

from training.cli import main
from training.comparison.measure import FIGURES
from training.comparison.report import TABLE
from training.comparison.results_page import PAGE
from training.comparison.rows import ROWS, Budget
from training.losses.registry import OBJECTIVES


@pytest.fixture
def command(tmp_path, tiny_clip, artwork) -> list[str]:
    budget = ["--train", "8", "--validation", "8", "--epochs", "1", "--batch-size", "8", "--seeds", "1"]
    where = ["--out", str(tmp_path), "--checkpoint", str(tiny_clip), "--artwork", str(artwork), "--workers", "0"]
    return ["compare", *where, *budget]


def test_rows_are_measured_once_and_given_again_from_their_files(command, tmp_path, capsys):
    rows = ["--rows", "original", "mixed_gallery", "uwm"]
    assert main([*command, *rows]) == 0
    records = json.loads((tmp_path / "objectives.json").read_text())
    assert [record["row"] for record in records] == ["original", "mixed_gallery", "uwm"]
    assert all(set(record["figures"]) == set(FIGURES) for record in records)
    assert (tmp_path / "runs" / "mixed_gallery-1" / "adapter").is_dir() and (tmp_path / "runs" / "uwm-1").is_dir()
    assert not (tmp_path / "runs" / "original-1").exists()  # nothing is trained for it
    (tmp_path / "rows" / "uwm-1.json").unlink()
    kept = tmp_path / "rows" / "mixed_gallery-1.json"
    kept.write_text(
        kept.read_text().replace('"text_to_image": ', '"text_to_image": 1')
    )  # a mark that training would undo
    assert main([*command, *rows]) == 0
    again = json.loads((tmp_path / "objectives.json").read_text())
    assert again[1] != records[1] and again[2] == records[2]
    assert "ours: with the mixed gallery" in capsys.readouterr().out


def test_every_trained_row_has_the_same_budget():
    budget = Budget(train=64, epochs=3, batch_size=16)
    recipes = {name: row.job(budget, 7, "runs/clip/model")[1] for name, row in ROWS.items()}
    trained = {name: recipe for name, recipe in recipes.items() if name != "uwm"}
    assert len({(each.epochs, each.batch_size, each.warmup_steps, each.decay_steps) for each in trained.values()}) == 1
    assert all(each.validate_every == budget.steps == 12 for each in trained.values())
    assert all(each.data.emoji.seed == each.seed == 7 for each in recipes.values())
    assert recipes["mixed_gallery"].objective.token_states is None
    assert recipes["token_states"].objective.token_states is not None


def test_every_objective_that_asks_no_other_model_has_a_row():
    used = {name for row in ROWS.values() for name in row.table(Budget(), 1, "").get("objective", {})}
    assert used == set(OBJECTIVES) - {"answers", "paintings"}  # the closed world has no LLaVA, no Stable Diffusion


def test_the_table_has_mean_and_deviation_of_every_row_between_its_marks():
    records = [
        {"row": row, "seed": seed, "budget": {}, "figures": dict.fromkeys(FIGURES, value)}
        for row, values in (("original", (50.0, 50.0)), ("hysac", (10.0, 14.0)))
        for seed, value in enumerate(values)
    ]
    text = TABLE.page("before\n<!-- objectives -->\nold\n<!-- /objectives -->\nafter", records)
    assert text.startswith("before\n") and text.endswith("\nafter") and "old" not in text
    assert "| original, nothing tuned | 50.0 ± 0.0 |" in text and "| HySAC | 12.0 ± 2.8 |" in text
    assert "48 steps of 32 quadruplets" in text


def test_the_page_shows_what_was_measured():
    records = TABLE.records()
    text = PAGE.read_text(encoding="utf-8")
    assert TABLE.page(text, records) == text, "run python -m training.comparison.report"
    assert {record["row"] for record in records} == {"original", *ROWS}
    assert {record["seed"] for record in records} == {1, 2, 3}
