import json

import numpy as np
import pytest

from tests.fakes.language import WordCounter, write_wordnet
from training.data.language.batches import TaughtTexts
from training.data.language.cldr import EmojiNames, Translation
from training.data.language.corpus import CorpusSpec, Source, is_held_out, read_corpus
from training.data.language.packages import CLDR, WORDNET
from training.data.language.teacher import teacher_embeddings
from training.models.tokenizer import train_tokenizer

NAMES = {
    "en": {"🐕": "dog", "🍲": "pot of food", "🌭": "hot dog"},
    "de": {"🐕": "Hund", "🍲": "Topf mit Essen", "🌭": "Hot Dog"},
    "fr": {"🐕": "chien", "🍲": "plat"},
}


@pytest.fixture
def packages(tmp_path):
    """A folder as if the pinned packages had been fetched into it."""
    write_wordnet(WORDNET.folder(tmp_path) / "package" / "dict")
    for language, names in NAMES.items():
        folder = CLDR.folder(tmp_path) / "package" / "annotations" / language
        folder.mkdir(parents=True)
        rows = {emoji: {"default": ["x"], "tts": [name]} for emoji, name in names.items()}
        rows["‾"] = {"default": ["without a name"]}
        content = {"annotations": {"annotations": rows}}
        (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def test_a_foreign_name_is_paired_with_the_english_one(packages):
    found = EmojiNames.fetch(packages).translations(("de", "fr"))
    assert found[:2] == [Translation("de", "Hund", "dog"), Translation("de", "Topf mit Essen", "pot of food")]
    assert [each.text for each in found if each.language == "fr"] == ["chien", "plat"]
    assert "Hot Dog" not in {each.text for each in found}  # the same in English


def test_the_corpus_has_its_sources(packages):
    spec = CorpusSpec(composed=40, captions=0, seed=1, languages=("de",))
    sources = {source.name: source for source in read_corpus(spec, packages, captions=["a dog", "A dog", ""])}
    assert [*sources] == ["wordnet", "composed", "names", "captions"]
    assert sources["captions"].texts == ("a dog",)
    names = sources["names"]
    assert names.targets[names.target_rows[names.texts.index("Hund")]] == "dog"
    assert "captions" not in {source.name for source in read_corpus(spec, packages)}


def test_a_hundredth_of_the_targets_is_held_out_whatever_their_capitals():
    targets = [f"phrase {i}" for i in range(20_000)]
    held = [target for target in targets if is_held_out(target)]
    assert 150 < len(held) < 250
    assert all(is_held_out(target.upper()) for target in held)
    source = Source.of("names", [(f"Wort {target}", target) for target in targets])
    assert source.held_out.sum() == len(held)


def test_the_fingerprint_tells_texts_and_targets_apart():
    one, other = Source.of("names", [("a", "b")]), Source.of("names", [("b", "a")])
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == Source.of("names", [("a", "b")]).fingerprint


def test_the_teacher_encodes_each_list_once(tmp_path):
    teacher = WordCounter()
    first = teacher_embeddings(teacher, ["a dog", "a cat"], tmp_path)
    again = teacher_embeddings(teacher, ["a dog", "a cat"], tmp_path)
    assert teacher.encoded == 2
    assert first.dtype == np.float16 and np.array_equal(first, again)
    teacher_embeddings(teacher, ["a dog"], tmp_path)
    assert teacher.encoded == 3


@pytest.fixture(scope="module")
def taught() -> TaughtTexts:
    texts = [f"a {color} {thing} {i}" for i in range(20) for color in ("red", "green") for thing in ("apple", "boat")]
    sources = (Source.of_texts("captions", texts), Source.of("names", [(text[::-1], text) for text in texts]))
    embeddings = {source.name: WordCounter().encode(source.targets) for source in sources}
    return TaughtTexts(sources, embeddings, train_tokenizer(texts, 600, 16), seed=3)


def tokens(batch) -> list[list[int]]:
    return [row for chunk in batch.chunks for row in chunk.tolist()]


def test_a_step_gives_the_same_batch_every_time(taught):
    shares = {"captions": 1.0, "names": 1.0, "absent": 5.0}
    first, again, next_step = (taught.training(step, 32, shares, perturbed=0.5) for step in (4, 4, 5))
    assert tokens(first) == tokens(again) != tokens(next_step)
    assert first.targets.equal(again.targets)
    assert first.targets.shape == (32, WordCounter.width)


def test_texts_are_grouped_by_length_and_keep_their_targets(taught):
    batch = taught.training(0, 64, {"captions": 1.0, "names": 1.0}, perturbed=0.0)
    lengths = [chunk.shape[1] for chunk in batch.chunks]
    assert lengths == sorted(lengths) and sum(map(len, batch.chunks)) == 64
    alone = taught.training(0, 64, {"captions": 1.0, "names": 1.0}, perturbed=1.0)
    assert {tuple(row) for row in alone.targets.tolist()} <= {tuple(row) for row in taught_targets(taught)}


def taught_targets(taught: TaughtTexts) -> list[list[float]]:
    return taught.training(1, 4000, {"captions": 1.0}, perturbed=0.0).targets.tolist()
