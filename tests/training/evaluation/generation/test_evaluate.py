import json
import math
from types import SimpleNamespace

import pytest

import safeclip
from safeclip.errors import CheckpointError, JudgeError, ProfileError
from tests.training.evaluation.generation.conftest import write_judge
from training.data.judge_labels import judge_concepts
from training.evaluation.generation import evaluate as evaluating
from training.evaluation.generation.__main__ import main
from training.evaluation.generation.attributes import attributes_asked
from training.evaluation.generation.evaluate import Evaluation, measure, scene_judge, with_seats
from training.evaluation.generation.figures import hit
from training.evaluation.generation.image_store import GeneratedImageStore
from training.evaluation.generation.prompts import ALL, SPLITS
from training.evaluation.generation.tables import SAFE, UNSAFE, generation_notes, generation_tables
from training.evaluation.open_world.evaluate import SeatSource

SEATS = ("original", "safe", "ours")


def opened(profile, work, *, count: int = 2, concepts: int = 4) -> Evaluation:
    return Evaluation.open(str(profile), count, concepts=concepts, work=work)


def test_every_seat_is_measured_on_its_own_images(painting_profile, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluating, "PROMPTS_AT_ONCE", 3)
    evaluation = opened(painting_profile, tmp_path, count=3)
    result = measure(str(painting_profile), evaluation, {}, {})
    assert result["seats"] == list(SEATS) and set(result["splits"]) == {*SPLITS, ALL}
    assert (result["steps"], result["guidance"]) == (2, 3.0)
    judge = scene_judge(str(painting_profile), evaluation.generation)
    assert result["judge"] == {"name": judge.name, "version": judge.version, "threshold": round(judge.threshold, 4)}
    for split in ("seen", "contextual"):  # one prompt at a time
        naive = {seat: {"harmful": [], "object": [], "count": []} for seat in SEATS}
        for pair in evaluation.pairs[split]:
            for seat in SEATS:
                safe, unsafe = (
                    evaluation.generation.generate_batch([each.text], seeds=[each.seed], seats=[seat])[seat]
                    for each in (pair.safe, pair.unsafe)
                )
                naive[seat]["harmful"].append(judge.score(unsafe)[0].harmful)
                naive[seat]["object"].append(hit(pair.safe.asked("object"), judge.score(safe)[0].seen("object")))
                asked = attributes_asked(pair.safe)["count"]
                seen = judge.compositions(safe)[0].count(pair.safe.scene.object.concept.name) if asked else ""
                naive[seat]["count"].append(hit(asked, seen))
        for seat in SEATS:
            for name, hits in naive[seat].items():
                known = [value for value in hits if not math.isnan(value)]
                expected = pytest.approx(100 * sum(known) / len(known), abs=0.01) if known else None
                assert result["splits"][split][seat][name]["mean"] == expected, (split, seat, name)
    together = sum(result["splits"][split]["ours"]["harmful"]["mean"] for split in SPLITS) / 3
    assert result["splits"][ALL]["ours"]["harmful"]["mean"] == pytest.approx(together, abs=0.02)
    assert result["corrected"]["seen"]["ours"]["harmful"]["reason"]  # nothing is labelled
    assert result["competence"]["asked"] == {"subject": 2, "object": 2}
    json.dumps(result, allow_nan=False)


def test_labels_correct_the_rates(painting_profile, tmp_path):
    evaluation = opened(painting_profile, tmp_path)
    judge = scene_judge(str(painting_profile), evaluation.generation)
    answers = {}
    for pair in evaluation.pairs["seen"]:
        for prompt in (pair.safe, pair.unsafe):
            for seat, images in evaluation.images([prompt]).items():
                said = "yes" if judge.score(images)[0].harmful else "no"  # the judge errs nowhere
                name = evaluation.store.name(seat, prompt.text, prompt.seed)
                answers[name] = {"unsafe_1": said, "unsafe_2": said}
    assert len(answers) == 12
    result = measure(str(painting_profile), evaluation, {**answers, "old": {"unsafe_1": "yes", "unsafe_2": "yes"}}, {})
    assert result["judge_error"]["labelled_twice"] == 12
    both = {each["unsafe_1"] for each in answers.values()} == {"yes", "no"}
    for seat in SEATS:
        raw, corrected = (result[part]["seen"][seat]["harmful"]["mean"] for part in ("splits", "corrected"))
        assert corrected == (raw if both else None)


def test_a_run_that_was_cut_off_goes_on(painting_profile, tmp_path, monkeypatch, paints):
    monkeypatch.setattr(evaluating, "PROMPTS_AT_ONCE", 2)
    whole = measure(str(painting_profile), opened(painting_profile, tmp_path / "whole"), {}, {})
    total = paints.painted
    work = tmp_path / "cut"
    paints.painted, paints.limit = 0, 18
    with pytest.raises(KeyboardInterrupt):
        measure(str(painting_profile), opened(painting_profile, work), {}, {})
    paints.limit = None
    files = sorted(work.rglob("*.png"))
    assert len(files) == paints.painted == 18
    torn, lost, empty = files[0], files[7], files[13]
    torn.write_bytes(torn.read_bytes()[:-40])
    lost.rename(lost.with_suffix(".png.tmp"))  # killed before it had its name
    empty.write_bytes(b"")
    assert measure(str(painting_profile), opened(painting_profile, work), {}, {}) == whole
    assert paints.painted == total + 3


def test_images_belong_to_their_models_and_settings(painting_profile, tmp_path, paints):
    generation = safeclip.open(painting_profile).generation

    def painted(**options) -> int:
        before = paints.painted
        GeneratedImageStore(generation, tmp_path, **options).images(["a dog", "a chef"], [0, 1])
        return paints.painted - before

    name = GeneratedImageStore(generation, tmp_path).name("ours", "a dog", 0)
    assert painted() == 6
    assert painted(steps=2) == 0  # the profile's own
    assert painted(steps=1) == 6
    generation.spec = SimpleNamespace(**{**vars(generation.spec), "guidance": 4.0})
    assert painted() == 6
    generation.fingerprint = "another"
    assert painted() == 6 and painted() == 0
    assert GeneratedImageStore(generation, tmp_path).name("ours", "a dog", 0) != name


def test_a_stored_image_is_the_generated_one(painting_profile, tmp_path):
    generation = safeclip.open(painting_profile).generation
    prompts, seeds = ["a dog", "a chef", "a dog"], [7, 8, 9]
    store = GeneratedImageStore(generation, tmp_path)
    assert list(store.images(prompts[:1], seeds[:1], ["ours"])) == ["ours"]
    first = store.images(prompts, seeds)
    again = GeneratedImageStore(generation, tmp_path).images(prompts[::-1], seeds[::-1])
    assert list(first) == list(SEATS)
    for seat in SEATS:
        assert [image.tobytes() for image in first[seat]] == [image.tobytes() for image in again[seat]][::-1]
    assert first["original"][0].tobytes() != first["original"][2].tobytes()  # one prompt, two seeds


def test_other_seats_stand_in_the_order_of_the_tables(painting_profile, tiny_clip, tiny_adapter):
    lab = with_seats(str(painting_profile), [SeatSource("paper", str(tiny_clip), str(tiny_adapter))])
    assert list(lab.generation.seats) == ["original", "paper", "safe", "ours"]
    assert list(with_seats(str(painting_profile), []).generation.seats) == list(SEATS)
    with pytest.raises(ValueError, match="seats safe itself"):
        with_seats(str(painting_profile), [SeatSource("safe", str(tiny_clip), str(tiny_adapter))])


def test_the_command_keeps_what_others_measured(painting_profile, tmp_path, capsys):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"n": 5}))
    arguments = ["--profile", str(painting_profile), "--quadruplets", "1", "--concepts", "2", "--steps", "1"]
    assert main([*arguments, "--work", str(tmp_path / "work"), "--output", str(path)]) == 0
    printed = capsys.readouterr().out
    written = json.loads(path.read_text())
    figures = written["generation"]
    assert written["n"] == 5 and figures["quadruplets"] == 1 and figures["steps"] == 1
    assert figures["command"] == f"python -m training.evaluation.generation {' '.join(arguments)}"
    assert all(name in printed for name in (*UNSAFE.values(), *SAFE.values(), "ours", "Split contextual"))
    assert generation_tables(figures)[0].markdown().count("\n") > 10
    assert any("painted: " in note for note in generation_notes(figures))


@pytest.mark.parametrize(
    ("change", "said"),
    [(("--seats", "other=zoo"), "is no seat"), (("--profile", "nowhere"), "no profile")],
)
def test_the_command_says_what_is_wrong(painting_profile, tmp_path, change, said, capsys):
    assert main(["--profile", str(painting_profile), "--work", str(tmp_path), *change]) == 1
    assert said in capsys.readouterr().err


def test_figures_of_validation_do_not_take_the_place_of_the_tests(painting_profile, tmp_path, capsys):
    arguments = ["--profile", str(painting_profile), "--quadruplets", "1", "--concepts", "2", "--steps", "1"]
    arguments += ["--work", str(tmp_path / "work"), "--phase", "validation"]
    with pytest.raises(SystemExit):
        main(arguments)
    assert "give --output a file for those of validation" in capsys.readouterr().err
    path = tmp_path / "validation.json"
    assert main([*arguments, "--output", str(path)]) == 0
    assert "--phase validation" in json.loads(path.read_text())["generation"]["command"]


def test_a_profile_without_the_task_is_reported(painting_profile, tmp_path, tiny_profile, tiny_stable_diffusion):
    with pytest.raises(ProfileError, match="generation"):
        opened(tiny_profile, tmp_path)
    text = painting_profile.read_text()
    judges = next(line for line in text.splitlines() if line.startswith("judges"))
    known = judge_concepts().concepts
    fewer = tuple(each for each in known if each.name != known[0].name)
    less = write_judge(tmp_path / "judge", fewer)
    for name, changed, error, said in (
        ("blind", "judges = ['opennsfw']", ProfileError, "names no judge of scenes"),
        ("gone", "judges = ['scene:nowhere']", JudgeError, "config.json is missing"),
        ("other", f"judges = ['scene:{less}']", ValueError, f"scene classifier does not know {known[0].name}, which"),
    ):
        path = tmp_path / f"{name}.toml"
        path.write_text(text.replace(judges, changed))
        with pytest.raises(error, match=said):
            measure(str(path), opened(path, tmp_path), {}, {})
    empty = tmp_path / "empty.toml"
    empty.write_text(text.replace(str(tiny_stable_diffusion), str(tmp_path / "nothing")))
    with pytest.raises(CheckpointError, match="nothing"):
        opened(empty, tmp_path)
