import json

import pytest

from safeclip.errors import ProfileError
from training.report import CAPTIONING
from training.zoo import cards
from training.zoo.catalogue import CARDS
from training.zoo.publishing import TrainingRecord, hardware, publish, record_of

SEATS = ("original", "safe", "ours")
RECORD = TrainingRecord(steps=12, minutes=7.4, hardware="2 CPU cores")
SHARES = {name: 10.0 + i for i, name in enumerate(CAPTIONING)}
METRICS = {
    "n": 9,
    "command": "python -m training.evaluate",
    "date": "2026-01-02",
    "retrieval": {
        seat: {
            direction: {"r@1": column + 0.25}
            for direction in (
                "text_to_image",
                "image_to_text",
                "unsafe_text_to_all_images",
                "unsafe_image_to_all_texts",
            )
        }
        for column, seat in enumerate(SEATS, start=41)
    },
    "text_tower_alone": {
        seat: {"unsafe_text_to_all_images": {"r@1": column + 0.5, "safe_top1": column + 0.75}}
        for column, seat in enumerate(SEATS, start=61)
    },
    "zero_shot": {seat: {"subject": 50.0} for seat in SEATS},
}
CAPTIONS = {
    "command": "python -m training.evaluate_captioning",
    "date": "2026-01-03",
    "question": "Describe the picture.",
    **{seat: {**SHARES, "bleu": 33.3, "n": 8, "intervals": {name: [1.0, 99.0] for name in SHARES}} for seat in SEATS},
}


def card(folder: str):
    return next(card for card in CARDS if card.folder == folder)


def test_a_retrieval_card_shows_its_seat_beside_the_original():
    text = cards.render(card("safe-clip"), METRICS, RECORD)
    assert "| | original | safe |" in text and "ours" not in text.split("## Results")[1].split("## Recipe")[0]
    assert "| T→V R@1 | 41.2 | 42.2 |" in text
    assert "| T*→V∪V* safe top-1, its text tower alone over the original's index | 61.8 | 62.8 |" in text
    assert "2 CPU cores, bfloat16 autocast, 7 minutes for 12 steps" in text
    assert "base_model: ../clip" in text and "pipeline_tag: zero-shot-image-classification" in text


def test_the_original_stands_alone():
    text = cards.render(card("clip"), METRICS, RECORD)
    assert "| | original |\n" in text and "base_model" not in text


def test_a_captioning_card_shows_every_seat_with_intervals():
    text = cards.render(card("llava"), {**METRICS, "captioning": CAPTIONS}, RECORD)
    assert "| | original | safe | ours |" in text
    for name, share in SHARES.items():
        assert f"| {CAPTIONING[name]} | {share:.1f} (1.0–99.0) |" in text
    assert "8 safe and 8 unsafe test pictures" in text
    assert "pipeline_tag: image-text-to-text" in text


def test_what_is_not_measured_is_said():
    assert "Not measured yet." in cards.render(card("llava"), METRICS, RECORD)


def test_every_card_has_a_recipe_of_its_name():
    for each in CARDS:
        text = cards.render(each, METRICS, RECORD)
        assert "Seed" in text and "## Limits" in text


def test_the_cards_of_what_the_zoo_holds_and_the_readme_are_written(tmp_path):
    zoo = tmp_path / "zoo"
    (zoo / "llava").mkdir(parents=True)
    RECORD.write(zoo / "llava")
    (zoo / "metrics.json").write_text(json.dumps({**METRICS, "captioning": CAPTIONS}))
    (tmp_path / "README.md").write_text("before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n")
    cards.write_all(zoo)
    assert "7 minutes for 12 steps" in (zoo / "llava" / "README.md").read_text()
    assert not (zoo / "clip").exists()
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("before\n") and readme.endswith("after\n") and "old" not in readme
    assert "| T→V R@1 | 41.2 | 42.2 | 43.2 |" in readme and "| BLEU | 33.3 | 33.3 | 33.3 |" in readme


def test_without_a_record_there_is_no_card(tmp_path):
    with pytest.raises(ValueError, match="Publish the model again"):
        TrainingRecord.read(tmp_path)
    (tmp_path / "training.json").write_text('{"steps": 1, "minutes": 2, "hardware": "x", "weather": "fine"}')
    with pytest.raises(ProfileError, match="weather"):
        TrainingRecord.read(tmp_path)


def test_publishing_replaces_all_but_the_card_and_records_the_training(tmp_path):
    run, trained, published = (tmp_path / name for name in ("run", "run/model", "zoo"))
    trained.mkdir(parents=True)
    published.mkdir()
    (trained / "weights").write_text("new")
    (trained / "README.md").write_text("template")
    (published / "README.md").write_text("card")
    (published / "stale").write_text("old")
    log = [
        {"step": 10, "loss": 1.0, "steps_per_second": 0.5},  # 20 s
        {"step": 10, "validation_loss": 1.0},
        {"step": 20, "loss": 1.0, "steps_per_second": 0.1},  # 100 s
        {"step": 20, "loss": 1.0, "steps_per_second": 9.0},  # again, after a crash: counted once
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    publish(trained, published, run)
    assert {path.name for path in published.iterdir()} == {"README.md", "weights", "training.json"}
    assert (published / "README.md").read_text() == "card"
    assert TrainingRecord.read(published) == record_of(run) == TrainingRecord(20, 2.0, hardware())


def test_a_record_reads_back(tmp_path):
    RECORD.write(tmp_path)
    assert TrainingRecord.read(tmp_path) == RECORD
