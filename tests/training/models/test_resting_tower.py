import numpy as np
import pytest
import torch

from tests.fakes.language import WordCounter
from training.models.text_tower import RestingTower, TextTowerSpec, build_text_tower, encode_texts, save_text_tower
from training.models.tokenizer import train_tokenizer

TEXTS = ["a dog", "a very small cat in the large kitchen", "two birds", "a dog beside a cat"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folders of two towers of different weights."""
    tokenizer = train_tokenizer(TEXTS, 530, 12)
    spec = TextTowerSpec(width=8, layers=1, heads=2, max_length=12, vocabulary_size=530)
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        save_text_tower(folder, build_text_tower(spec, tokenizer, WordCounter.width), tokenizer)
    return folders


def test_its_embeddings_are_the_towers_in_the_order_of_the_texts(saved):
    resting = RestingTower(saved[0])
    tower, tokenizer = resting.tower, resting.tokenizer
    whole = encode_texts(tower, tokenizer, TEXTS)
    assert resting.encode(TEXTS).shape == (4, resting.width)
    np.testing.assert_allclose(resting.encode(TEXTS), whole, atol=0.03)  # bfloat16 keeps eight bits
    np.testing.assert_allclose(resting.encode(TEXTS[::-1]), whole[::-1], atol=0.03)


def test_towers_of_other_weights_have_other_fingerprints(saved):
    one, other = map(RestingTower, saved)
    assert one.fingerprint != other.fingerprint and one.fingerprint == RestingTower(saved[0]).fingerprint
