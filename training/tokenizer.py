"""A byte-level BPE tokenizer in CLIP's format, learnt from captions. Any text tokenises: every byte is an entry."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

SPECIAL = ("<|startoftext|>", "<|endoftext|>")
END = "</w>"  # marks the last piece of a word


def train_tokenizer(texts: Iterable[str], size: int, max_length: int) -> CLIPTokenizer:
    """Learn merges from `texts` until the vocabulary holds `size` entries, or nothing is left to merge.

    Entries are ordered as OpenAI's: 256 bytes, the same 256 at the end of a word, merges, start and end of text.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = [*alphabet, *(symbol + END for symbol in alphabet)]
    if size < len(base) + len(SPECIAL):
        raise ValueError(f"a byte-level vocabulary needs at least {len(base) + len(SPECIAL)} entries, not {size}")
    merges = _learn_merges(texts, size - len(base) - len(SPECIAL))
    entries = [*base, *(left + right for left, right in merges), *SPECIAL]
    vocabulary = {entry: i for i, entry in enumerate(dict.fromkeys(entries))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=max_length)


def _learn_merges(texts: Iterable[str], count: int) -> list[tuple[str, str]]:
    """Byte-pair encoding (Sennrich et al., 2016): merge the most frequent neighbours, again and again.

    The tokenizers library has a faster learner, but breaks ties by the order of a hash table: its entries differ from
    one process to the next, and a run could not be resumed.
    """
    cut = CLIPTokenizer().backend_tokenizer
    words: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        pieces = cut.pre_tokenizer.pre_tokenize_str(cut.normalizer.normalize_str(text))
        words.update((*word[:-1], word[-1] + END) for word, _ in pieces)
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        neighbours: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                neighbours[pair] += times
        if not neighbours:
            break
        best = min(neighbours, key=lambda pair: (-neighbours[pair], pair))
        merges.append(best)
        words = Counter({_merge(word, best): times for word, times in words.items()})
    return merges


def _merge(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return tuple(merged)
