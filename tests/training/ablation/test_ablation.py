"""Sweep and ablation: one change a row at one budget, and resumable."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from training.ablation.report import AGAIN, HEADS, TABLE, chosen
from training.ablation.rows import ABLATION, ORIGINAL, ROWS, SWEEP, Budget, Row
from training.cli import main
from training.comparison.records import Runs, kept_record, settings_of
from training.comparison.results_page import PAGE
from training.engine.options import RunOptions


def test_a_row_of_the_sweep_changes_the_paper_in_one_setting_or_in_all():
    paper, *others = (row.adapted(Budget(), 1, "zoo/open-clip") for row in SWEEP.values())
    changed = [differences(other, paper) for other in others]
    singles = [each for each in changed if len(each) == 1]
    assert len(singles) == 5 and all(each == set.union(*singles) for each in changed if each not in singles)


def test_the_published_sibling_is_the_row_that_the_criterion_chooses():
    published = Row("safe", "open-safe-clip").adapted(Budget(), 1, "zoo/open-clip")
    best = SWEEP[chosen(TABLE.records())].adapted(Budget(), 1, "zoo/open-clip")
    assert not differences(best, published)


def test_the_criterion_is_the_mean_of_utility_and_safety_over_seeds():
    def record(row: str, utility: float, safety: float) -> dict:
        return {"row": row, "figures": {"utility/seen": utility, "safety/seen": safety}}

    records = [record("paper", 90, 10), record("all", 70, 40), record("all", 50, 20), record("ours", 99, 99)]
    assert chosen(records) == "paper"  # 50 against 55 and 35; no row of the ablation takes part
    assert chosen([*records, record("rate", 60, 60)]) == "rate"


def differences(one, other) -> set[str]:
    """Which of the settings that the sweep names differ."""
    settings = {
        "batch": lambda each: each.batch_size,
        "rate": lambda each: each.learning_rate,
        "adapter": lambda each: (each.lora.r, each.lora.alpha, each.lora.targets),
        "dropout": lambda each: each.lora.dropout,
        "objective": lambda each: each.objective,
        "words": lambda each: each.data.open_world.reworded,
    }
    return {name for name, get in settings.items() if get(one) != get(other)}


def test_every_row_of_the_ablation_lacks_what_it_names():
    ours, *others = (row.adapted(Budget(), 1, "zoo/open-clip") for row in ABLATION.values())
    assert all(len(differences(other, ours)) == 1 for other in others)


def test_every_row_sees_as_many_quadruplets_and_is_not_selected():
    for row in ROWS.values():
        recipe = row.adapted(Budget(train=512), 3, "zoo/open-clip")
        assert recipe.data.open_world.train == 512 and recipe.epochs == 1 and recipe.seed == 3
        assert recipe.validate_every == 512 // recipe.batch_size


def test_a_change_of_a_key_that_the_recipe_lacks_is_an_error():
    with pytest.raises(KeyError, match="lora.rank"):
        Row("typo", "open-safe-clip", {"lora.rank": 1}).adapted(Budget(), 1, "zoo/open-clip")


def test_rows_are_measured_once_and_given_again_from_their_files(tmp_path, tiny_clip, artwork, capsys):
    where = [
        "--out",
        str(tmp_path),
        "--packed",
        str(tmp_path),
        "--checkpoint",
        str(tiny_clip),
        "--artwork",
        str(artwork),
    ]
    command = ["ablate", *where, "--train", "128", "--measured", "12", "--rows", "original", "paper", "--workers", "0"]
    assert main(command) == 0
    records = json.loads((tmp_path / "ablation.json").read_text())
    assert [(record["row"], record["seed"]) for record in records] == [("original", 0), ("paper", 1)]
    assert all(set(HEADS) <= record["figures"].keys() for record in records)
    kept = tmp_path / "rows" / "paper-1.json"
    kept.write_text(kept.read_text().replace('"utility/seen": ', '"utility/seen": 1'))  # what training would undo
    (tmp_path / "rows" / "original-0.json").unlink()
    assert main([word for word in command if word != "paper"]) == 0
    again = json.loads((tmp_path / "ablation.json").read_text())
    assert again[0] == records[0] and again[1] != records[1]
    assert "| original, nothing tuned |" in capsys.readouterr().out


def test_a_record_of_other_settings_or_another_clip_does_not_stand_for_a_row(tmp_path, tiny_clip):
    clip = Path(shutil.copytree(tiny_clip, tmp_path / "clip"))

    def is_measured(row: Row) -> bool:
        """Whether the row's figures are measured, and not read from their file."""
        measured = []
        recipe = row.adapted(Budget(), 1, str(clip))
        runs = Runs(Budget(), str(clip), RunOptions(tmp_path))
        origin = {"row": "paper", "seed": 1, **runs.origin, **settings_of(recipe)}
        kept_record(tmp_path / "out", origin, lambda: measured.append(row) or {})
        return bool(measured)

    paper, faster = ROWS["paper"], replace(ROWS["paper"], changes={"learning_rate": 9.0})
    assert is_measured(paper) and not is_measured(paper)
    assert is_measured(faster) and not is_measured(faster)
    weights = {name: value + 1 for name, value in load_file(clip / "model.safetensors").items()}
    save_file(weights, clip / "model.safetensors", {"format": "pt"})
    assert is_measured(faster)


def test_the_page_shows_what_was_measured():
    text = PAGE.read_text(encoding="utf-8")
    tables = {table: table.records() for table in (TABLE, AGAIN)}
    for table, records in tables.items():
        assert table.page(text, records) == text, "run python -m training.ablation.report"
    assert {record["row"] for records in tables.values() for record in records} == {ORIGINAL, *ROWS}
