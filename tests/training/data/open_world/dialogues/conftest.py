"""A tokenizer of every word of the dialogues, and the lexicon of the zoo."""

import pytest
from transformers import PreTrainedTokenizerFast

from safeclip.judges.texts.lexicon import Lexicon
from safeclip.paths import root
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.dialogues.vocabulary import all_words
from training.data.open_world.scenes.relations import relations
from training.models.tokenizer import build_language_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_language_tokenizer(all_words(catalogue(), relations()), size=2400, max_length=512)


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    return Lexicon.open(root() / "zoo" / "lexicon.json")
