"""Exchanging the text encoder of a trained UNet."""

import pytest
import torch

from tests.fakes.tiny_models import make_clip
from training.models.text_map import aligned_states, fold_text_map, linear_map
from training.models.unet import UNetSpec, build_unet, load_text_encoder, text_states, tokenise

TEXTS = [
    "a cat with a kite on the beach",
    "two dogs",
    "a chef holds a red apple in the kitchen",
    "bomb",
    "a cat, a dog",
]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory) -> list:
    return [load_text_encoder(make_clip(tmp_path_factory.mktemp(name), seed=seed)) for seed, name in enumerate("ab")]


def test_states_are_aligned_word_by_word(encoders):
    new, old = aligned_states(encoders[0], encoders[0], TEXTS)
    assert torch.equal(new, old)
    assert len(new) == sum(len(text.split()) + 3 for text in TEXTS), "a start, words, an end, one padding"
    tokenizer = encoders[0][1]
    starts = text_states(encoders[0][0], tokenise(tokenizer, TEXTS[:1]))[0, 0]
    assert torch.allclose(new[0], starts)


def test_a_text_that_does_not_fit_is_left_out(encoders):
    some = aligned_states(*encoders, TEXTS)
    more = aligned_states(*encoders, [*TEXTS, "a cat " * 200])
    assert some[0].shape == more[0].shape


def test_the_map_is_the_best_linear_one():
    torch.manual_seed(0)
    states, matrix = torch.randn(5000, 12), torch.randn(12, 12)
    assert torch.allclose(linear_map(states, states @ matrix), matrix, atol=0.01)


def test_a_unet_reads_new_states_as_it_read_the_old_ones():
    torch.manual_seed(1)
    unet = build_unet(UNetSpec((16, 32), 2, 8), 4, 4, 12).eval()
    latents, times, matrix = torch.randn(2, 4, 4, 4), torch.tensor([3, 700]), torch.randn(12, 12) / 3
    states = torch.randn(2, 6, 12)
    with torch.no_grad():
        before = unet(latents, times, states @ matrix).sample
        fold_text_map(unet, matrix)
        assert torch.allclose(unet(latents, times, states).sample, before, atol=1e-5)
        assert not torch.allclose(unet(latents, times, states @ matrix).sample, before, atol=1e-3)
    assert all(parameter.requires_grad for parameter in unet.parameters())
