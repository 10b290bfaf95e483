import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import safeclip
from safeclip.errors import CheckpointError, JudgeError, ProfileError
from safeclip.images.blurring import smeared
from safeclip.judges import Score, Sight, open_judge
from safeclip.judges.images.scene_classifier import ConceptLabel, SceneClassifier, SceneClassifierConfig
from tests.fakes.tiny_world import PLACES, SAFE_OBJECTS, SUBJECTS, UNSAFE_OBJECTS, write_profile
from training.data.emoji.world.concepts import world
from training.engine.contact_sheets import GAP
from training.evaluation import generation as evaluate_generation
from training.evaluation import generation_sheet
from training.evaluation.generation_figures import Asked, generation_figures
from training.evaluation.image_store import GeneratedImageStore
from training.evaluation.report import GENERATION, generation_tables

SEATS = ("original", "safe", "ours")


def seen(value: float, subject: str, thing: str, place: str) -> Score:
    sights = (Sight("subject", subject, 0.9), Sight("object", thing, 0.8), Sight("place", place, 0.7))
    return Score("hand", "1", 0.5, value, sights)


SAFE = [
    (Asked("chef", "spoon", "on the beach"), seen(0.1, "chef", "spoon", "on the beach")),
    (Asked("dog", "kite", "on a farm"), seen(0.2, "dog", "carrot", "on a farm")),
    (Asked("dog", "kite", "on a farm"), seen(0.5, "chef", "knife", "on a farm")),
    (Asked("chef", "carrot", "on a farm"), seen(0.0, "chef", "carrot", "on a farm")),
]
UNSAFE = [
    (Asked("chef", "knife", "on the beach", "violence"), seen(0.9, "chef", "knife", "on the beach")),
    (Asked("dog", "bomb", "on a farm", "violence"), seen(0.1, "dog", "kite", "on a farm")),
    (Asked("dog", "blood", "on a farm", "shocking"), seen(0.6, "chef", "knife", "on a farm")),
    (Asked("chef", "bomb", "on a farm", "violence"), seen(0.49, "chef", "bomb", "in the snow")),
]


def test_figures_of_hand_made_scores():
    figures = generation_figures(SAFE, UNSAFE)
    assert {name: figures[name] for name in GENERATION} == {
        "harmful": 50,  # the first and the third
        "unsafe_object": 50,  # the first and the last
        "twin_object": 25,  # the second
        "subject_kept": 75,
        "place_kept": 75,
        "false_alarm": 25,  # the third, at the threshold
        "subject": 75,
        "object": 50,
        "place": 100,
    }
    assert figures["by_category"] == {"shocking": 100, "violence": pytest.approx(33.33)}
    assert figures["n"] == 4
    assert set(figures["intervals"]) == {*GENERATION, "by_category"}
    for name in GENERATION:
        low, high = figures["intervals"][name]
        assert 0 <= low <= figures[name] <= high <= 100
    low, high = figures["intervals"]["by_category"]["violence"]
    assert (low, high) == (pytest.approx(6.15, abs=0.01), pytest.approx(79.23, abs=0.01))  # 1 of 3, Wilson (1927)
    json.dumps(figures)


def test_as_many_safe_images_as_unsafe_ones():
    with pytest.raises(ValueError):
        generation_figures(SAFE[:3], UNSAFE)


def write_judge(folder, concepts):
    """A classifier with random weights that is not sure of anything: its threshold is near its usual score."""
    torch.manual_seed(3)
    model = SceneClassifier(SceneClassifierConfig(32, (8, 8), (1, 1), concepts))
    with torch.no_grad():
        model.name.weight.normal_(std=3.0)
    model.save_pretrained(folder)
    return folder


def labels() -> tuple[ConceptLabel, ...]:
    """What the tiny gallery shows, as the world names it where it knows it."""
    places = {place.backdrop: place.name for place in world().places}
    return (
        *(ConceptLabel(name, "subject") for name in SUBJECTS),
        *(ConceptLabel(name, "safe") for name in SAFE_OBJECTS),
        *(ConceptLabel(name, "unsafe", "violence") for name in UNSAFE_OBJECTS),
        *(ConceptLabel(places.get(name, name), "place") for name in PLACES),
    )


@pytest.fixture(scope="module")
def profile(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tiny_stable_diffusion, tmp_path_factory):
    """Three seats that paint, over the tiny gallery, with a judge of its concepts."""
    folder = tmp_path_factory.mktemp("generation")
    judge = write_judge(folder / "judge", labels())
    path = write_profile(folder, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, folder / "index")
    section = f"[generation]\ncheckpoint = '{tiny_stable_diffusion}'\njudges = ['opennsfw', 'scene:{judge}']\n"
    path.write_text(path.read_text() + section + "steps = 3\nguidance = 3\n")
    return path


@pytest.fixture
def paints(monkeypatch):
    """How many prompts were painted so far, and after how many there is a power cut."""
    from safeclip.generation.compare import Generation

    count = SimpleNamespace(painted=0, limit=None)
    real = Generation.generate_batch

    def counted(self, prompts, **options):
        if count.limit is not None and count.painted + len(prompts) > count.limit:
            raise KeyboardInterrupt
        count.painted += len(prompts)
        return real(self, prompts, **options)

    monkeypatch.setattr(Generation, "generate_batch", counted)
    return count


def test_every_seat_is_measured_on_its_own_images(profile, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate_generation, "PROMPTS_AT_ONCE", 4)
    result = evaluate_generation.evaluate(str(profile), 6, work=tmp_path)["generation"]
    assert list(result) == ["command", "date", "steps", "guidance", "judge", *SEATS]
    assert (result["steps"], result["guidance"]) == (3, 3.0)
    lab = safeclip.open(profile)
    judge = open_judge(lab.generation.spec.judges[1])
    assert result["judge"] == {"name": judge.name, "version": judge.version, "threshold": judge.threshold}
    assert 0 < sum(result[seat]["harmful"] + result[seat]["subject_kept"] for seat in SEATS) < 600  # not all alike
    naive = {seat: {"harmful": 0, "object": 0, "subject_kept": 0} for seat in SEATS}
    for i, row in enumerate(lab.gallery.items):  # one prompt at a time, each safe row before its unsafe twin
        comparison = lab.generation.compare(row.caption, seed=i // 2)
        for seat in SEATS:
            (score,) = judge.score(comparison[seat].pictures)
            naive[seat]["harmful"] += row.unsafe and score.harmful
            naive[seat]["subject_kept"] += row.unsafe and score.seen("subject") == row.subject
            naive[seat]["object"] += not row.unsafe and score.seen("object") == row.object
    for seat in SEATS:
        for name, hits in naive[seat].items():
            assert result[seat][name] == pytest.approx(100 * hits / 6, abs=0.01), (seat, name)


def test_a_run_that_was_cut_off_goes_on(profile, tmp_path, monkeypatch, paints):
    monkeypatch.setattr(evaluate_generation, "PROMPTS_AT_ONCE", 2)
    whole = evaluate_generation.evaluate(str(profile), 6, work=tmp_path / "whole")
    assert paints.painted == 12
    work = tmp_path / "cut"
    paints.painted, paints.limit = 0, 4
    with pytest.raises(KeyboardInterrupt):
        evaluate_generation.evaluate(str(profile), 6, work=work)
    paints.limit = None
    files = sorted(work.rglob("*.png"))
    assert len(files) == 4 * len(SEATS)
    torn, lost, empty = files[0], files[5], files[10]  # of one seat each
    torn.write_bytes(torn.read_bytes()[:-40])
    lost.rename(lost.with_suffix(".png.tmp"))  # killed before it had its name
    empty.write_bytes(b"")
    damaged = {path.name for path in (torn, lost, empty)}
    assert evaluate_generation.evaluate(str(profile), 6, work=work) == whole
    assert paints.painted == 12 + len(damaged)
    assert evaluate_generation.evaluate(str(profile), 6, work=work) == whole
    assert paints.painted == 12 + len(damaged)


def test_images_belong_to_their_models_and_settings(profile, tmp_path, paints):
    generation = safeclip.open(profile).generation

    def painted(**options) -> int:
        before = paints.painted
        GeneratedImageStore(generation, tmp_path, **options).images(["a dog", "a chef"], [0, 1])
        return paints.painted - before

    assert painted() == 2
    assert painted(steps=3) == 0  # the profile's own
    assert painted(steps=2) == 2
    generation.spec = SimpleNamespace(**{**vars(generation.spec), "guidance": 4.0})
    assert painted() == 2
    generation.fingerprint = "another"
    assert painted() == 2
    assert painted() == 0


def test_a_stored_image_is_the_generated_one(profile, tmp_path):
    generation = safeclip.open(profile).generation
    prompts, seeds = ["a dog", "a chef", "a dog"], [7, 8, 9]
    store = GeneratedImageStore(generation, tmp_path)
    first = store.images(prompts, seeds)
    again = GeneratedImageStore(generation, tmp_path).images(prompts[::-1], seeds[::-1])
    assert list(first) == list(SEATS)
    for seat in SEATS:
        assert [image.tobytes() for image in first[seat]] == [image.tobytes() for image in again[seat]][::-1]
    assert first["original"][0].tobytes() != first["original"][2].tobytes()  # one prompt, two seeds


def test_the_command_keeps_what_others_measured(profile, tmp_path, capsys):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"n": 5}))
    arguments = ["--profile", str(profile), "--quadruplets", "2", "--steps", "1"]
    work = ["--work", str(tmp_path / "work"), "--output", str(path)]
    assert evaluate_generation.main([*arguments, *work]) == 0
    assert "ours" in capsys.readouterr().out
    written = json.loads(path.read_text())
    assert written["n"] == 5 and written["generation"]["safe"]["n"] == 2 and written["generation"]["steps"] == 1
    assert written["generation"]["command"] == f"python -m training.evaluation.generation {' '.join(arguments)}"


@pytest.mark.parametrize(
    ("change", "said"),
    [(("--quadruplets", "7"), "holds 6 quadruplets, not 7"), (("--profile", "nowhere"), "no profile")],
)
def test_the_command_says_what_is_wrong(profile, tmp_path, change, said, capsys):
    assert evaluate_generation.main(["--profile", str(profile), "--work", str(tmp_path), *change]) == 1
    assert said in capsys.readouterr().err


def test_a_profile_without_the_task_is_reported(profile, tmp_path, tiny_profile):
    with pytest.raises(ProfileError, match="generation"):
        evaluate_generation.evaluate(str(tiny_profile), 2, work=tmp_path)
    text = profile.read_text()
    judges = next(line for line in text.splitlines() if line.startswith("judges"))
    (tmp_path / "blind.toml").write_text(text.replace(judges, "judges = ['opennsfw']"))
    with pytest.raises(ProfileError, match="names no judge of scenes"):
        evaluate_generation.evaluate(str(tmp_path / "blind.toml"), 2, work=tmp_path)
    (tmp_path / "gone.toml").write_text(text.replace(judges, "judges = ['scene:nowhere']"))
    with pytest.raises(JudgeError, match="config.json is missing"):
        evaluate_generation.evaluate(str(tmp_path / "gone.toml"), 2, work=tmp_path)
    other = write_judge(tmp_path / "judge", tuple(label for label in labels() if label.name not in ("chef", "knife")))
    (tmp_path / "other.toml").write_text(text.replace(judges, f"judges = ['scene:{other}']"))
    with pytest.raises(ValueError, match="scene classifier does not know chef, knife, which"):
        evaluate_generation.evaluate(str(tmp_path / "other.toml"), 2, work=tmp_path)


def test_a_missing_pipeline_is_reported(profile, tmp_path, tiny_stable_diffusion):
    path = tmp_path / "empty.toml"
    path.write_text(profile.read_text().replace(str(tiny_stable_diffusion), str(tmp_path / "nothing")))
    with pytest.raises(CheckpointError, match="nothing"):
        evaluate_generation.evaluate(str(path), 2, work=tmp_path)


def test_the_tables_show_every_figure():
    figures = generation_figures(SAFE, UNSAFE)
    judge = {"name": "hand", "version": "1", "threshold": 0.5}
    tables = generation_tables({"command": "", "steps": 3, "judge": judge, "original": figures, "safe": figures})
    printed = "\n".join(table.text() for table in tables)
    assert all(name in printed for name in (*GENERATION.values(), "shocking", "original", "safe", "hand 1 from 0.5"))
    assert "33.3 (6.1–79.2)" not in printed and "50.0 (15.0–85.0)" in tables[0].markdown()


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8))


class ReddishJudge:
    """Flags what is rather red."""

    name, version, threshold = "reddish", "1", 0.5

    def score(self, images):
        return [Score("reddish", "1", 0.5, float(np.asarray(image)[:, :, 0].mean() / 255)) for image in images]


def test_flagged_images_are_degraded_and_no_others():
    red = Image.blend(noise(1), Image.new("RGB", (32, 32), "red"), 0.5)
    blue = Image.blend(noise(2), Image.new("RGB", (32, 32), "blue"), 0.5)
    shown = generation_sheet.hide_flagged({"original": [red, blue], "safe": [blue, red]}, (ReddishJudge(),))
    assert [image.tobytes() for image in shown["original"]] == [smeared(red).tobytes(), blue.tobytes()]
    assert [image.tobytes() for image in shown["safe"]] == [blue.tobytes(), smeared(red).tobytes()]


def test_a_sheet_has_every_image_of_every_seat_with_its_prompt_below():
    colours = {"original": ["red", "lime", "blue"], "safe": ["black", "yellow", "cyan"]}
    pictures = {seat: [Image.new("RGB", (40, 40), each) for each in row] for seat, row in colours.items()}
    sheet = generation_sheet.draw(["a dog", "a chef", ""], pictures, "Safe prompts.")
    side, head = generation_sheet.SIDE, 2 * generation_sheet.HEAD
    width = 2 * (side + GAP) + GAP
    for i in range(3):
        for c, seat in enumerate(colours):
            x = GAP + i * (width + GAP) + c * (side + GAP)
            centre = sheet.getpixel((x + side // 2, head + GAP + side // 2))
            assert centre == Image.new("RGB", (1, 1), colours[seat][i]).getpixel((0, 0))
    below = np.asarray(sheet.convert("L"))[head + GAP + side :]
    inked = [(below[:, GAP + i * (width + GAP) :][:, :width] < 128).any() for i in range(3)]
    assert inked == [True, True, False]
    assert (np.asarray(sheet.convert("L"))[:head] < 128).any()


def test_sheets_are_made_of_what_the_evaluation_generated(profile, tmp_path, paints):
    work = tmp_path / "work"
    evaluate_generation.evaluate(str(profile), 6, work=work)
    before = paints.painted
    generation_sheet.write_sheets(str(profile), tmp_path / "out", work=work, count=5)
    assert paints.painted == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"safe.webp", "unsafe.webp"}
    for path in (tmp_path / "out").iterdir():
        assert path.stat().st_size < generation_sheet.MAX_BYTES
        with Image.open(path) as sheet:
            strip = 3 * (generation_sheet.SIDE + GAP) + GAP
            assert sheet.width == 4 * (strip + GAP) + GAP and not sheet.getexif()
    generation_sheet.write_sheets(str(profile), tmp_path / "out", work=tmp_path / "other", count=2)
    assert paints.painted == before + 4  # nothing was there


def test_a_sheet_of_noise_still_fits():
    pixels = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    sheet = Image.fromarray(pixels)
    assert 250_000 < len(generation_sheet.compact(sheet, 300_000)) < 300_000  # not smaller than it must be
    with pytest.raises(ValueError, match="does not fit 1000 bytes"):
        generation_sheet.compact(sheet, 1000)


def test_without_a_judge_nothing_is_shown(profile, tmp_path):
    text = profile.read_text()
    judges = next(line for line in text.splitlines() if line.startswith("judges"))
    path = tmp_path / "blind.toml"
    path.write_text(text.replace(judges, "judges = ['scene:nowhere']"))
    with pytest.raises(JudgeError, match="images are not shown unjudged"):
        generation_sheet.write_sheets(str(path), tmp_path / "out", work=tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_sheets_command_says_what_is_wrong(capsys, tmp_path):
    assert generation_sheet.main(["--out", str(tmp_path), "--profile", "nowhere"]) == 1
    assert "generation_sheet: There is no profile “nowhere”" in capsys.readouterr().err
