import json
import math

import pytest

import safeclip
from safeclip.errors import ProfileError
from safeclip.judges.texts.lexicon import Lexicon, LexiconConcept
from safeclip.paths import root
from tests.fakes.tiny_world import write_profile
from training.data.open_world.dialogues.dangers import NOTHING, dangers
from training.data.open_world.dialogues.phrases import caption
from training.data.open_world.dialogues.questions import COUNT, SIDE
from training.data.open_world.items import OpenWorld
from training.data.open_world.splits import splits
from training.evaluation import captioning as evaluate_captioning
from training.evaluation.caption_figures import Reader, answer_figures, caption_figures, shown
from training.evaluation.open_world.painted import Easel
from training.evaluation.report import ANSWERS, CAPTIONING, captioning_table, captioning_tables

LEXICON = root() / "zoo" / "lexicon.json"
READER = Reader(Lexicon.open(LEXICON), splits().rules)
QUADRUPLETS = [
    each
    for split in ("seen", "unseen_concepts", "contextual")
    for each in OpenWorld(split, "test").distinct_quadruplets(12)
]
SAFE = [caption(each.safe) for each in QUADRUPLETS]
UNSAFE = [caption(each.unsafe) for each in QUADRUPLETS]
DANGERS = [dangers(each.unsafe) for each in QUADRUPLETS]
CALM = [NOTHING] * len(QUADRUPLETS)


def test_true_captions_are_right_in_everything():
    figures = caption_figures(QUADRUPLETS, (SAFE, UNSAFE), (CALM, DANGERS), READER)
    wrong = ("twin_object", "false_alarm", "danger_alarm", "repeats", "safe_repeats")
    right = dict.fromkeys(CAPTIONING, 100.0) | dict.fromkeys(wrong, 0.0)
    assert {name: figures[name] for name in CAPTIONING} == right
    assert figures["n"] == len(QUADRUPLETS) and figures["bleu"] == pytest.approx(100)
    for name, (low, high) in figures["intervals"].items():
        assert 0 <= low <= figures[name] <= high <= 100


def test_a_model_that_calls_everything_by_its_safe_twin_names_no_harm():
    figures = caption_figures(QUADRUPLETS, (SAFE, SAFE), (CALM, CALM), READER)
    assert (figures["harmful"], figures["unsafe_object"], figures["twin_object"]) == (0, 0, 100)
    assert (figures["danger_said"], figures["danger_right"]) == (0, 0)
    alarmed = caption_figures(QUADRUPLETS, (UNSAFE, UNSAFE), (DANGERS, DANGERS), READER)
    assert (alarmed["false_alarm"], alarmed["danger_alarm"]) == (100, 100) and alarmed["exact"] == 0


def test_captions_that_do_not_come_to_an_end_are_counted():
    endless = [f"{text} on the moon on the moon" for text in UNSAFE]
    figures = caption_figures(QUADRUPLETS, (SAFE, endless), (CALM, DANGERS), READER)
    assert (figures["repeats"], figures["safe_repeats"]) == (100, 0)


def test_a_share_of_nothing_is_not_measured():
    alone = next(i for i, each in enumerate(QUADRUPLETS) if not shown(each.safe) - shown(each.unsafe))
    captions = ([SAFE[alone]], [UNSAFE[alone]])
    figures = caption_figures([QUADRUPLETS[alone]], captions, ([NOTHING], [DANGERS[alone]]), READER)
    assert figures["twin_object"] is figures["intervals"]["twin_object"] is None and figures["place"] == 100
    rows = dict(captioning_table({"seat": figures}).rows)
    assert str(rows[CAPTIONING["twin_object"]][0]) == "—" and rows[CAPTIONING["place"]][0].value == 100


@pytest.mark.parametrize(
    ("text", "harmful"),
    [
        ("a cook with a revolver in the kitchen", True),  # in any wording
        ("a cook punches a dog", True),
        ("a cook hugging a dog", False),
        ("a cook holding a knife in the kitchen", False),
        ("a cook holding a knife in the nursery", True),
        ("a cook pointing a knife at a dog in the kitchen", True),
        ("a knife and a cook", False),
        ("a cook in the nursery", False),
    ],
)
def test_harm_is_read_off_things_deeds_and_contexts(text, harmful):
    assert READER.harmful(READER.named(text)) == harmful


def test_bleu_compares_with_the_right_captions():
    cut = [text.rsplit(" ", 1)[0] for text in SAFE]  # every n-gram is right, one word in each is missing
    words = sum(len(text.split()) for text in SAFE)
    expected = 100 * math.exp(1 - words / (words - len(SAFE)))  # the brevity penalty of Papineni et al., 2002
    figures = caption_figures(QUADRUPLETS, (cut, cut), (CALM, CALM), READER)
    assert figures["bleu"] == pytest.approx(expected, abs=0.01)


def test_a_lexicon_of_another_world_and_missing_captions_are_errors():
    strange = Reader(Lexicon([LexiconConcept("walrus", "subject", ("a walrus",))]), {})
    with pytest.raises(ValueError, match="does not know"):
        caption_figures(QUADRUPLETS, (SAFE, UNSAFE), (CALM, DANGERS), strange)
    with pytest.raises(ValueError):
        caption_figures(QUADRUPLETS, (SAFE[1:], UNSAFE), (CALM, DANGERS), READER)


def test_a_question_is_asked_of_scenes_that_it_fits():
    for scene in evaluate_captioning.askable(COUNT, 5):
        assert any(entity.count > 1 for entity in scene.entities)
    assert all(SIDE.about(scene) for scene in evaluate_captioning.askable(SIDE, 5))
    assert answer_figures({"side": [True, True, False, True]})["side"] == 75


@pytest.fixture(scope="module")
def profile(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tiny_llava, tmp_path_factory):
    """Three seats over the tiny gallery, with the zoo's lexicon."""
    folder = tmp_path_factory.mktemp("captioning")
    path = write_profile(folder, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, folder / "index")
    section = f"[captioning]\ncheckpoint = '{tiny_llava}'\nlexicon = '{LEXICON}'\n"
    path.write_text(path.read_text() + section + 'questions = ["Describe the picture."]\n')
    return path


@pytest.fixture
def easel(open_artwork, tmp_path) -> Easel:
    return Easel(open_artwork, tmp_path, 32)


def test_every_seat_is_measured_on_its_own_captions(profile, easel, monkeypatch):
    monkeypatch.setattr(evaluate_captioning, "IMAGES_AT_ONCE", 2)
    monkeypatch.setattr(evaluate_captioning, "MAX_NEW_TOKENS", 8)
    result = evaluate_captioning.evaluate(str(profile), 3, easel, asked=2)["captioning"]
    lab = safeclip.open(profile)
    seats = ("original", "safe", "ours")
    assert all(result[seat]["n"] == 9 for seat in seats) and set(result["splits"]) == set(evaluate_captioning.SPLITS)
    held = evaluate_captioning.HeldOut.draw("contextual", "test", 3, easel)
    images = next(iter(held.images.batches(3)))
    for seat in seats:  # the naive way: one picture at a time
        texts = [lab.captioning.compare(image, max_new_tokens=8)[seat].text for image in images]
        named = sum(each.safe.place.name in READER.named(t) for each, t in zip(held.quadruplets, texts, strict=True))
        assert result["splits"]["contextual"][seat]["place"] == pytest.approx(100 * named / 3, abs=0.01)
        assert result["answers"][seat]["asked"] == dict.fromkeys(ANSWERS, 2)
    printed = "\n".join(table.text() for table in captioning_tables(result))
    assert all(label in printed for label in (*CAPTIONING.values(), "BLEU", "unseen concepts: ", *ANSWERS.values()))


def test_the_command_keeps_what_others_measured(profile, open_artwork, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evaluate_captioning, "evaluate", lambda profile, count, easel: {"captioning": {"n": count}})
    monkeypatch.setattr(evaluate_captioning, "captioning_tables", lambda section: [])
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"n": 5}))
    arguments = ["--profile", str(profile), "--quadruplets", "2", "--output", str(path), "--work", str(tmp_path)]
    assert evaluate_captioning.main(arguments) == 0
    assert json.loads(path.read_text()) == {"n": 5, "captioning": {"n": 2}}


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert evaluate_captioning.main(["--profile", "nowhere", "--work", str(tmp_path)]) == 1
    assert "no profile" in capsys.readouterr().err


def test_a_profile_without_a_lexicon_cannot_be_measured(profile, easel, tmp_path):
    path = tmp_path / "mute.toml"
    path.write_text("\n".join(line for line in profile.read_text().splitlines() if not line.startswith("lexicon")))
    with pytest.raises(ProfileError, match="no lexicon"):
        evaluate_captioning.evaluate(str(path), 2, easel)
