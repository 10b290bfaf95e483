import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.language.perturbations import keywords, misspell, perturb, reorder, strip_accents

WORDS = st.lists(st.text("abcdefghij'é", min_size=1, max_size=9), min_size=1, max_size=9)


@given(WORDS, st.integers(0, 1000))
def test_any_text_survives_and_the_seed_decides(words, seed):
    text = " ".join(words)
    changed = perturb(text, random.Random(seed))
    assert changed.strip()
    assert changed == perturb(text, random.Random(seed))


@given(WORDS, st.integers(0, 1000))
def test_another_order_keeps_the_words(words, seed):
    text = " ".join(words)
    assert Counter(reorder(text, random.Random(seed)).split()) == Counter(text.split())


def edits(word: str, other: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        last = row
        row = [i]
        for j, wanted in enumerate(other, 1):
            row.append(min(row[-1] + 1, last[j] + 1, last[j - 1] + (letter != wanted)))
    return row[-1]


@pytest.mark.parametrize("seed", range(30))
def test_a_misspelling_is_small_and_leaves_short_words_and_first_letters(seed):
    text = "a chef cut the big onion in half"
    changed = misspell(text, random.Random(seed))
    pairs = [*zip(text.split(), changed.split(), strict=True)]
    wrong = [(word, slip) for word, slip in pairs if word != slip]
    assert 1 <= len(wrong) <= 2
    assert all(len(word) >= 4 and word[0] == slip[0] and edits(word, slip) <= 2 for word, slip in wrong)


def test_the_last_phrase_comes_first():
    assert reorder("a chef in the kitchen", random.Random(0)) == "in the kitchen a chef"
    assert reorder("a dog and a cat", random.Random(0)) == "a cat and a dog"


def test_keywords_keep_what_carries_meaning():
    found = {keywords("a chef in the kitchen", random.Random(seed)) for seed in range(20)}
    assert found == {"chef kitchen", "kitchen chef"}
    assert keywords("to be", random.Random(0)) == "to be"


def test_accents_go():
    assert strip_accents("un löwe, à côté", random.Random(1)).rstrip("!?.") == "un lowe a cote"
