"""The learner of merges against the naive algorithm, which counts all neighbours again after every merge."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from training.models.tokenizer import train_tokenizer

END = "</w>"


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def naive_merges(texts: list[str], count: int) -> list[tuple[str, str]]:
    words = Counter((*word[:-1], word[-1] + END) for text in texts for word in text.split())
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                pairs[pair] += times
        if not pairs:
            break
        merges.append(min(pairs, key=lambda pair: (-pairs[pair], pair)))
        words = Counter({merged(word, merges[-1]): times for word, times in words.items()})
    return merges


@given(st.lists(st.text("abc ", min_size=1, max_size=12), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_merges_are_those_of_the_naive_algorithm(texts):
    tokenizer: CLIPTokenizer = train_tokenizer(texts, size=514 + 20, max_length=8)
    expected = naive_merges(texts, 20)
    entries = tokenizer.convert_ids_to_tokens(range(512, len(tokenizer) - 2))
    assert entries == [*dict.fromkeys(left + right for left, right in expected)]
