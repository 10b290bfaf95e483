import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer, PreTrainedTokenizerFast

from training.data.emoji.world.captions import all_phrases
from training.data.emoji.world.concepts import world
from training.models.tokenizer import LANGUAGE_SPECIAL, build_language_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(all_phrases(world()), size=4096, max_length=32)


def test_known_words_are_one_token_each(tokenizer):
    caption = "a chef holding a butcher knife in the kitchen"
    assert tokenizer.tokenize(caption) == [f"{word}</w>" for word in caption.split()]


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_tokenises_and_reads_back(tokenizer, text):
    ids = tokenizer(text).input_ids
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert tokenizer.unk_token_id not in ids[1:-1] or "<|endoftext|>" in text
    normal = tokenizer.backend_tokenizer.normalizer.normalize_str(text)
    read = tokenizer.decode(ids, skip_special_tokens=True)
    if "<|" not in text:
        assert "".join(read.split()) == "".join(normal.split())


def test_size_is_an_upper_bound_and_order_is_that_of_clip(tokenizer):
    assert 514 < len(tokenizer) <= 4096
    small = train_tokenizer(all_phrases(world()), size=600, max_length=32)
    assert len(small) <= 600
    assert small.tokenize("kitchen")
    assert small.convert_tokens_to_ids(["<|startoftext|>", "<|endoftext|>"]) == [len(small) - 2, len(small) - 1]
    with pytest.raises(ValueError, match="at least 514"):
        train_tokenizer([], size=500, max_length=32)


def test_the_same_texts_give_the_same_tokenizer(tokenizer):
    again = train_tokenizer(all_phrases(world()), size=4096, max_length=32)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_it_survives_the_hub_layout(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = CLIPTokenizer.from_pretrained(tmp_path)
    text = "Ünïcode 漢字, a zebra's 12 hats!"
    assert loaded(text).input_ids == tokenizer(text).input_ids


TEXTS = ["USER: \n ASSISTANT:", "Where is it?", " a cook with a broken heart in the kitchen", " a cook"]


@pytest.fixture(scope="module")
def language_tokenizer() -> PreTrainedTokenizerFast:
    return build_language_tokenizer(TEXTS, size=300, max_length=512)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_language_model_reads_back_letter_for_letter(language_tokenizer, text):
    ids = language_tokenizer(text).input_ids
    assert ids[0] == language_tokenizer.bos_token_id
    if not any(token in text for token in LANGUAGE_SPECIAL):
        assert language_tokenizer.decode(ids[1:]) == text


def test_answers_are_a_token_a_word(language_tokenizer):
    answer = " a cook with a broken heart in the kitchen"
    assert language_tokenizer.tokenize(answer) == [f"Ġ{word}" for word in answer.split()]
    assert language_tokenizer.tokenize(" zebra") == [*"Ġzebra"]
    assert language_tokenizer.tokenize("<image></s>") == ["<image>", "</s>"]


def test_a_language_vocabulary_holds_all_words_and_is_the_same_every_time(language_tokenizer):
    again = build_language_tokenizer(TEXTS, size=300, max_length=512)
    assert again.backend_tokenizer.to_str() == language_tokenizer.backend_tokenizer.to_str()
    size = len(language_tokenizer)
    assert len(build_language_tokenizer(TEXTS, size=size, max_length=512)) == size
    with pytest.raises(ValueError, match=f"are {size} entries, more than {size - 1}"):
        build_language_tokenizer(TEXTS, size=size - 1, max_length=512)
