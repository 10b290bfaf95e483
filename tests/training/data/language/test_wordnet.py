import random

import pytest

from tests.fakes.language import write_wordnet
from training.data.language.sentences import FRAMES, SentenceComposer
from training.data.language.wordnet import WordNet, parse_synset


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory) -> WordNet:
    return WordNet(write_wordnet(tmp_path_factory.mktemp("wordnet")))


def lemma(wordnet: WordNet, text: str):
    return next(each for each in wordnet.lemmas if each.text == text)


def test_a_line_of_the_database_is_a_synset():
    line = (
        "00275082 30 v 03 corrode 1 eat_up 0 rust 1 001 @ 00259743 v 0000 02 + 11 00 + 08 01 "
        '| cause to deteriorate; waste; "The acid corroded the metal"; "it rusted"  \n'
    )
    synset = parse_synset(line, "verb")
    assert (synset.offset, synset.file) == (275082, "verb.change")
    assert synset.lemmas == ("corrode", "eat up", "rust")
    assert synset.hypernyms == (259743,)
    assert synset.frames == {11}  # frame 8 is that of the first lemma alone
    assert synset.gloss == "cause to deteriorate"
    assert synset.examples == ("The acid corroded the metal", "it rusted")


def test_a_lemma_has_the_first_sense_of_the_index_and_its_own_capitals(wordnet):
    assert lemma(wordnet, "dog").sense.file == "noun.animal"
    assert lemma(wordnet, "Paris").sense.file == "noun.location"
    assert lemma(wordnet, "ready").sense.file == "adj.all"  # its marker of syntax is gone
    assert lemma(wordnet, "police officer").sense.gloss == "a member of a police force"


def test_a_lemma_counts_as_tagged_and_as_written(wordnet):
    assert lemma(wordnet, "dog").count == 42 + 1  # "the dog barked"
    assert lemma(wordnet, "cook").count == 3 + 1
    assert lemma(wordnet, "spoon").count == 0


def test_ancestors_are_found(wordnet):
    assert [above.lemmas for above in wordnet.ancestors(lemma(wordnet, "kitchen").sense)] == [("structure",)]


def test_phrases_are_lemmas_first_definitions_and_examples(wordnet):
    assert [*wordnet.phrases()][:5] == ["cook", "chef", "someone who cooks food", "the cook is tired", "ask the chef"]
    assert "a professional" not in set(wordnet.phrases())


def test_sentences_are_the_same_for_the_same_seed(wordnet):
    composer = SentenceComposer(wordnet)
    first = [*composer.sentences(50, seed=1)]
    assert first == [*composer.sentences(50, seed=1)]
    assert first != [*composer.sentences(50, seed=2)]


def test_a_sentence_fills_every_slot_with_words_of_its_kind(wordnet):
    composer = SentenceComposer(wordnet)
    sentences = [composer.compose(random.Random(seed)) for seed in range(400)]
    assert not any("{" in sentence for sentence in sentences)
    beginnings = {frame.split("{")[0] for frame in FRAMES}
    assert all(any(sentence.startswith(beginning) for sentence in sentences) for beginning in beginnings)
    words = {word.strip(",?") for sentence in sentences for word in sentence.split()}
    assert {"carrying", "running", "chef", "soup", "kitchen", "red"} <= words
    assert "Paris" not in words  # a name of its own
    kitchens = [sentence for sentence in sentences if "holding" in sentence and "kitchen" in sentence]
    assert not any("holding a kitchen" in sentence for sentence in kitchens)  # a place is never held
