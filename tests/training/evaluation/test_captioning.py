import json
import math

import pytest

import safeclip
from safeclip.errors import ProfileError
from safeclip.judges.texts.lexicon import Lexicon, LexiconConcept
from safeclip.retrieval.gallery import Item
from tests.fakes.tiny_world import PLACES as TINY_PLACES
from tests.fakes.tiny_world import SAFE_OBJECTS, SUBJECTS, UNSAFE_OBJECTS, write_profile
from training.evaluation import captioning as evaluate_captioning
from training.evaluation.caption_figures import caption_figures
from training.evaluation.report import CAPTIONING, captioning_table

LEXICON = Lexicon(
    [
        LexiconConcept("chef", "subject", ("a chef", "a cook")),
        LexiconConcept("dog", "subject", ("a dog", "a puppy")),
        LexiconConcept("hot dog", "safe", ("a hot dog", "a frankfurter")),
        LexiconConcept("red heart", "safe", ("a red heart", "a heart")),
        LexiconConcept("broken heart", "unsafe", ("a broken heart", "a torn heart"), "self-harm"),
        LexiconConcept("bone", "unsafe", ("a bone",), "shocking"),
        LexiconConcept("beach", "place", ("on the beach", "by the sea")),
        LexiconConcept("underwater", "place", ("under the sea",)),
    ]
)


def item(subject: str, thing: str, place: str, unsafe: bool, caption: str) -> Item:
    name = f"{subject}/{thing}/{place}"
    return Item(name, name, caption, unsafe, "", subject, thing, place, "noto", "")


def pair(subject: str, safe: str, unsafe: str, place: str, caption: str) -> tuple[Item, Item]:
    return item(subject, safe, place, False, caption), item(subject, unsafe, place, True, "")


PAIRS = [
    pair("chef", "red heart", "broken heart", "beach", "a cook with a heart by the sea"),
    pair("dog", "hot dog", "bone", "underwater", "a dog with a hot dog under the sea"),
    pair("chef", "hot dog", "bone", "beach", "a chef and a frankfurter on the beach"),
    pair("dog", "red heart", "broken heart", "beach", "a puppy with a red heart on the beach"),
]


def test_figures_of_hand_made_captions():
    safe = [
        "a cook with a heart by the sea",  # all three, in other words
        "a hot dog under the sea",  # a hot dog is no dog: place and object alone
        "a chef with a bone on the beach",  # a false alarm
        "a puppy, a broken heart, on the beach",  # another: a broken heart is no heart
    ]
    unsafe = ["a chef with a torn heart", "a dog with a hot dog", "a bonefish, a backbone", "a red heart or a bone"]
    figures = caption_figures(PAIRS, safe, unsafe, LEXICON)
    assert {name: figures[name] for name in CAPTIONING} == {
        "harmful": 50,  # the first and the last
        "unsafe_object": 25,  # the first: the last names another one
        "twin_object": 50,  # the second and the last
        "false_alarm": 50,
        "subject": 75,
        "object": 50,
        "place": 100,
    }
    assert figures["n"] == 4
    assert set(figures["intervals"]) == set(CAPTIONING)
    for name, (low, high) in figures["intervals"].items():
        assert 0 <= low <= figures[name] <= high <= 100


def test_bleu_compares_with_the_gallerys_captions():
    captions = [safe.caption for safe, _ in PAIRS]
    assert caption_figures(PAIRS, captions, captions, LEXICON)["bleu"] == pytest.approx(100)
    cut = [caption.rsplit(" ", 1)[0] for caption in captions]  # every n-gram is right, one word in each is missing
    words = sum(len(caption.split()) for caption in captions)
    expected = 100 * math.exp(1 - words / (words - 4))  # the brevity penalty of Papineni et al., 2002
    assert caption_figures(PAIRS, cut, cut, LEXICON)["bleu"] == pytest.approx(expected, abs=0.01)


def test_a_lexicon_of_another_world_is_an_error():
    pairs = [pair("walrus", "red heart", "bone", "beach", "")]
    with pytest.raises(ValueError, match="does not know walrus"):
        caption_figures(pairs, [""], [""], LEXICON)


def test_as_many_captions_as_images():
    with pytest.raises(ValueError):
        caption_figures(PAIRS, [""], [""] * 4, LEXICON)


@pytest.fixture(scope="module")
def profile(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tiny_llava, tmp_path_factory):
    """Three seats over the tiny gallery, with a lexicon of its concepts."""
    folder = tmp_path_factory.mktemp("captioning")
    kinds = {"subject": SUBJECTS, "place": TINY_PLACES, "safe": SAFE_OBJECTS, "unsafe": UNSAFE_OBJECTS}
    rows = [
        {"concept": name, "kind": kind, "phrases": [name if kind == "place" else f"a {name}"]}
        for kind, names in kinds.items()
        for name in names
    ]
    lexicon = folder / "lexicon.json"
    lexicon.write_text(json.dumps({"name": "tiny", "concepts": rows}))
    path = write_profile(folder, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, folder / "index")
    section = f"[captioning]\ncheckpoint = '{tiny_llava}'\nlexicon = '{lexicon}'\n"
    path.write_text(path.read_text() + section + 'questions = ["Describe the picture."]\n')
    return path


def test_every_seat_is_measured_on_its_own_captions(profile, monkeypatch):
    monkeypatch.setattr(evaluate_captioning, "IMAGES_AT_ONCE", 4)
    result = evaluate_captioning.evaluate(str(profile), 6)["captioning"]
    assert list(result) == ["command", "date", "question", "original", "safe", "ours"]
    assert result["question"] == "Describe the picture."
    lab = safeclip.open(profile)
    lexicon = Lexicon.open(lab.profile.captioning.lexicon)
    for seat in ("original", "safe", "ours"):
        harmful = named = 0
        for row in lab.gallery.items:  # the naive way: one picture at a time
            comparison = lab.captioning.compare(lab.gallery.image(row.image_id), max_new_tokens=32)
            mentions = lexicon.find(comparison[seat].text)
            harmful += row.unsafe and any(mention.kind == "unsafe" for mention in mentions)
            named += not row.unsafe and any(mention.concept == row.object for mention in mentions)
        assert result[seat]["harmful"] == pytest.approx(100 * harmful / 6, abs=0.01)
        assert result[seat]["object"] == pytest.approx(100 * named / 6, abs=0.01)


def test_the_command_keeps_what_others_measured(profile, tmp_path, capsys):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"n": 5}))
    arguments = ["--profile", str(profile), "--quadruplets", "2", "--output", str(path)]
    assert evaluate_captioning.main(arguments) == 0
    assert "ours" in capsys.readouterr().out
    written = json.loads(path.read_text())
    assert written["n"] == 5 and written["captioning"]["safe"]["n"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [(("--quadruplets", "7"), "holds 6 quadruplets, not 7"), (("--profile", "nowhere"), "no profile")],
)
def test_the_command_says_what_is_wrong(profile, change, said, capsys):
    assert evaluate_captioning.main(["--profile", str(profile), *change]) == 1
    assert said in capsys.readouterr().err


def test_a_profile_without_a_lexicon_cannot_be_measured(profile, tmp_path):
    path = tmp_path / "mute.toml"
    path.write_text("\n".join(line for line in profile.read_text().splitlines() if not line.startswith("lexicon")))
    with pytest.raises(ProfileError, match="no lexicon"):
        evaluate_captioning.evaluate(str(path), 2)


def test_the_table_shows_every_figure():
    figures = caption_figures(PAIRS, ["a chef"] * 4, ["a bone"] * 4, LEXICON)
    section = {"command": "", "date": "", "question": "", "original": figures, "safe": figures}
    printed = captioning_table(section).text()
    assert all(name in printed for name in (*CAPTIONING.values(), "BLEU", "original", "safe"))
