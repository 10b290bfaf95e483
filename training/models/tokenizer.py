"""Byte-level tokenizers of a world's phrases: CLIP's learns merges, a language model's has the words whole.

Any text tokenises: every byte is an entry.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import CLIPTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPECIAL = ("<|startoftext|>", "<|endoftext|>")
END = "</w>"  # marks the last piece of a word
BEGIN_TEXT, END_TEXT, PADDING, IMAGE = LANGUAGE_SPECIAL = ("<s>", "</s>", "<pad>", "<image>")


def special_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """The ids of the special tokens, by the names that the configurations of transformers give them."""
    return {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def train_tokenizer(texts: Iterable[str], size: int, max_length: int) -> CLIPTokenizer:
    """Learn merges from `texts` until the vocabulary holds `size` entries, or nothing is left to merge.

    Entries are ordered as OpenAI's: 256 bytes, the same 256 at the end of a word, merges, start and end of text.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = [*alphabet, *(symbol + END for symbol in alphabet)]
    cut = CLIPTokenizer().backend_tokenizer
    words: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        pieces = cut.pre_tokenizer.pre_tokenize_str(cut.normalizer.normalize_str(text))
        words.update((*word[:-1], word[-1] + END) for word, _ in pieces)
    vocabulary, merges = _learn(words, base, SPECIAL, size)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=max_length)


def build_language_tokenizer(texts: Iterable[str], size: int, max_length: int) -> PreTrainedTokenizerFast:
    """A tokenizer in the manner of LLaVA's: `<s>` before a text, a placeholder for images, spaces kept.

    Each word of the texts is an entry, with the space before it where it has one; other words are spelt in bytes.
    Entries are 256 bytes, words, the most frequent first, then LANGUAGE_SPECIAL. A text reads back letter for letter.
    Batches are padded on the left, as generation needs them. Raises ValueError when the words fill more than `size`.
    """
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = Counter(word for text in texts for word, _ in cut.pre_tokenize_str(text))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ordered = sorted(words, key=lambda word: (-words[word], word))
    vocabulary = {entry: i for i, entry in enumerate(dict.fromkeys([*alphabet, *ordered, *LANGUAGE_SPECIAL]))}
    if len(vocabulary) > size:
        raise ValueError(f"the bytes, the words and the special tokens are {len(vocabulary)} entries, more than {size}")
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer = cut
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in LANGUAGE_SPECIAL])
    begin = (BEGIN_TEXT, vocabulary[BEGIN_TEXT])
    backend.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN_TEXT} $A", pair=f"{BEGIN_TEXT} $A $B", special_tokens=[begin]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=BEGIN_TEXT,
        eos_token=END_TEXT,
        pad_token=PADDING,
        extra_special_tokens={"image_token": IMAGE},
        padding_side="left",
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )


def _learn(
    words: Counter[tuple[str, ...]], base: list[str], special: tuple[str, ...], size: int
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Entry → id, and the merges, for a vocabulary of at most `size` entries."""
    if size < len(base) + len(special):
        raise ValueError(f"a byte-level vocabulary needs at least {len(base) + len(special)} entries, not {size}")
    merges = _learn_merges(words, size - len(base) - len(special))
    entries = [*base, *(left + right for left, right in merges), *special]
    return {entry: i for i, entry in enumerate(dict.fromkeys(entries))}, merges


def _learn_merges(words: Counter[tuple[str, ...]], count: int) -> list[tuple[str, str]]:
    """Byte-pair encoding (Sennrich et al., 2016): merge the most frequent neighbours, again and again.

    The tokenizers library has a faster learner, but breaks ties by the order of a hash table: its entries differ from
    one process to the next, and a run could not be resumed. Here equal counts fall to the alphabetically first pair.
    A merge touches only the words that hold its pair; outdated entries of the heap are skipped when they surface.
    """
    pieces, times = [*words], [*words.values()]
    counts: Counter[tuple[str, str]] = Counter()
    holders: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for index, word in enumerate(pieces):
        for pair in pairwise(word):
            counts[pair] += times[index]
            holders[pair].add(index)
    heap = [(-number, pair) for pair, number in counts.items()]
    heapify(heap)
    merges: list[tuple[str, str]] = []
    while heap and len(merges) < count:
        number, best = heappop(heap)
        if counts[best] != -number:
            continue
        merges.append(best)
        changed = set()
        for index in holders.pop(best):
            before, after = pieces[index], _merge(pieces[index], best)
            pieces[index] = after
            for pair in pairwise(before):
                counts[pair] -= times[index]
                changed.add(pair)
            for pair in pairwise(after):
                counts[pair] += times[index]
                holders[pair].add(index)
                changed.add(pair)
        for pair in changed:
            if counts[pair]:
                heappush(heap, (-counts[pair], pair))
    return merges


def _merge(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return tuple(merged)
