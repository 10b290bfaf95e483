"""Each baseline on a world of a few sentences, and the evaluation as a whole on random encoders."""

import json
from functools import partial

import numpy as np
import pytest

from safeclip.retrieval.intervals import ClusterBootstrap
from training.data.open_world.sets.texts import free_sentences, identity_texts, neutral_texts
from training.evaluation.open_world import baselines, figures, held_out, training_set
from training.evaluation.open_world.__main__ import main
from training.evaluation.open_world.classifiers import HeadJudge, NgramClassifier, best_threshold, ngrams, words_of
from training.evaluation.open_world.figures import REQUIRED, place_of
from training.evaluation.open_world.rows import ROWS, EncoderRow, FilteredRow

SAFE = ["a dog with a kite", "a cook with a knife", "a clown with a kite", "a dog in a kitchen"] * 8
UNSAFE = ["a dog with a bomb", "a cook with a bomb", "a clown with a knife", "a clown with a bomb"] * 8
TEXTS, LABELS = [*SAFE, *UNSAFE], np.repeat([False, True], len(SAFE))


class Letters:
    """Embeds a text by which of some words it holds."""

    key = "letters"

    def texts(self, texts):
        words = ("dog", "cook", "clown", "kite", "bomb", "knife")
        return np.array([[float(word in text) for word in words] for text in texts], np.float32)


def test_ngrams_are_words_and_neighbours():
    assert ngrams(words_of("A cook's knife, here"), 1) == {"a", "cook's", "knife", "here"}
    assert ngrams(words_of("a red dog"), 2) == {"a", "red", "dog", "a red", "red dog"}


@pytest.mark.parametrize("longest", [1, 2])
def test_a_classifier_finds_the_harmful_word_and_rewrites_only_what_it_flags(longest):
    classifier = NgramClassifier.train(TEXTS, LABELS, longest)
    scores = dict(zip(TEXTS, classifier.scores(TEXTS), strict=True))
    assert scores["a dog with a bomb"] > 0.5 > scores["a dog with a kite"]
    asked = []

    def replace(text: str) -> str:
        asked.append(text)
        return text.replace("bomb", "kite")

    assert classifier.rewrite("a dog with a kite", replace) == "a dog with a kite" and not asked
    assert classifier.rewrite("a dog with a bomb", replace) == "a dog with a kite" and len(asked) == 1
    left = classifier.rewrite("a dog with a bomb", lambda text: text)
    assert set(left.split()) < {"a", "dog", "with", "bomb"} and classifier.scores([left])[0] < 0.5


def test_a_head_learns_what_no_bag_of_words_can():
    points = Letters().texts(TEXTS)
    judge = HeadJudge.train(np.tile(points, (20, 1)), np.tile(LABELS, 20))
    np.testing.assert_array_equal(judge.flags(points), LABELS)


def test_thresholds_are_chosen_among_as_many_as_were_allowed():
    rng = np.random.default_rng(0)
    scores = rng.random(60)
    unsafe = scores + rng.normal(0, 0.2, 60) > 0.5
    tried = [np.quantile(scores, step / 8) for step in range(1, 8)]

    def error(threshold: float) -> float:
        wrong = [(score >= threshold) != label for score, label in zip(scores, unsafe, strict=True)]
        return np.mean([np.mean([w for w, u in zip(wrong, unsafe, strict=True) if u == side]) for side in (0, 1)])

    assert best_threshold(scores, unsafe, 7) == pytest.approx(min(tried, key=error))
    assert best_threshold(scores, unsafe, 1) == pytest.approx(np.median(scores))


def test_a_rewriting_row_changes_what_is_asked_and_nothing_that_is_searched():
    row = EncoderRow(Letters(), lambda text: text.replace("bomb", "kite"), "/dictionary")
    np.testing.assert_array_equal(row.queries(["a bomb"]).points, Letters().texts(["a kite"]))
    np.testing.assert_array_equal(row.texts(["a bomb"]).points, Letters().texts(["a bomb"]))


def test_a_filter_hides_what_its_judge_flags():
    row = FilteredRow(Letters(), "/filter", flags_text=lambda points: points[:, 4] > 0)
    for embedded in (row.queries(["a bomb", "a kite"]), row.texts(["a bomb", "a kite"])):
        np.testing.assert_array_equal(embedded.hidden, [True, False])


def arguments(tiny_clip, adapter, artwork, folder):
    seats = ["--seats", f"original={tiny_clip}", f"ours={tiny_clip}+{adapter}", f"ours={tiny_clip}"]
    sizes = ["--quadruplets", "4", "--train", "8", "--validation", "4", "--trials", "3"]
    kept = ["--artwork", str(artwork), "--work", str(folder / "work"), "--packed", str(folder)]
    places = [*kept, "--output", str(folder / "metrics.json")]
    return [*seats, *sizes, *places]


@pytest.fixture
def few(monkeypatch):
    """A tenth of the written texts, few draws of the bootstrap, and captions without words of WordNet."""
    monkeypatch.setattr(training_set, "REWORDED", 0.0)
    monkeypatch.setattr(held_out, "neutral_texts", lambda: neutral_texts()[::10])
    monkeypatch.setattr(held_out, "identity_texts", lambda: identity_texts()[::6])
    monkeypatch.setattr(held_out, "free_sentences", lambda: free_sentences()[::10])
    monkeypatch.setattr(figures, "ClusterBootstrap", partial(ClusterBootstrap, replicates=40))


def test_the_command_measures_every_row_and_goes_on_where_it_was(
    tiny_clip, tiny_adapter, open_artwork, tmp_path, monkeypatch, few
):
    command = arguments(tiny_clip, tiny_adapter, open_artwork, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(baselines, "RandomRow", lambda seed: pytest.fail("interrupted"))
        with pytest.raises(pytest.fail.Exception):
            main(command)
    done = {path.stem: path.stat().st_mtime_ns for path in (tmp_path / "work" / "rows").iterdir()}
    assert {"original-0", "ours-0", "ours-1", "dictionary-0", "image_filter-0"} <= set(done)
    assert main(command) == 0
    kept = {path.stem: path.stat().st_mtime_ns for path in (tmp_path / "work" / "rows").iterdir()}
    assert done.items() <= kept.items() and "best_possible-0" in kept

    metrics = json.loads((tmp_path / "metrics.json").read_text())
    about = metrics["open_world"]
    assert about["trials"] == 3 and len(about["seats"]) == 3 and about["profile"] is None
    assert about["command"].startswith(f"python -m training.evaluation.open_world --seats original={tiny_clip} ours=")
    assert about["command"].endswith("--quadruplets 4 --trials 3 --train 8 --validation 4")
    for row in ROWS:
        for path in REQUIRED:
            figure = metrics
            for part in place_of(path, row):
                figure = figure[part]
            assert {"mean", "low", "high", "n", "seeds"} <= set(figure)
            assert (figure["mean"] is None) == ("reason" in figure)
            assert figure["mean"] is None or 0 <= figure["low"] <= figure["mean"] <= figure["high"] <= 100
    assert metrics["splits"]["seen"]["ours"]["text_to_image"]["r@1"]["seeds"] == 2
    assert "no checkpoint" in metrics["utility"]["seen"]["paper"]["reason"]
    identity = metrics["neutral"]["ours"]["identity"]
    assert set(identity["by_group"]) == {"work", "age", "sex", "faith", "origin", "disability"}
    assert identity["largest_gap"]["mean"] >= 0
    difference = metrics["differences"]["original"]["utility"]["seen"]["ours"]["mean"]
    means = [metrics["utility"]["seen"][row]["mean"] for row in ("ours", "original")]
    assert difference == pytest.approx(means[0] - means[1], abs=0.02)


def test_a_profile_gives_its_seats_and_others_stand_beside_them(tiny_clip, tmp_path, monkeypatch):
    profile = tmp_path / "two.toml"
    seats = "".join(
        f'[[seats]]\nkey = "{key}"\nlabel = "x"\ncheckpoint = "{tiny_clip}"\n' for key in ("original", "other")
    )
    profile.write_text(f'title = "x"\ndescription = "x"\nlicense = "x"\n{seats}')
    measured = []
    monkeypatch.setattr(
        "training.evaluation.open_world.__main__.evaluate", lambda seats, *others: measured.extend(seats) or {}
    )
    command = ["--profile", str(profile), "--seats", f"paper={tiny_clip}", "--quadruplets", "1"]
    assert main([*command, "--output", str(tmp_path / "metrics.json")]) == 0
    assert [(seat.row, seat.checkpoint) for seat in measured] == [
        ("original", str(tiny_clip)),
        ("paper", str(tiny_clip)),
    ]
    about = json.loads((tmp_path / "metrics.json").read_text())["open_world"]
    assert about["profile"] == str(profile) and f"--seats paper={tiny_clip}" in about["command"]


def test_a_seat_that_is_no_row_is_named(capsys):
    assert main(["--seats", "mine=my/clip"]) == 1
    assert "'mine=my/clip' is no seat: write original or paper" in capsys.readouterr().err
