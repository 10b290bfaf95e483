"""Streaming, stopping and sampling of a batch of answers."""

import threading

import pytest
import torch

from safeclip.captioning.decoding import BatchStreamer, BetweenTokens, DecodedRow, GumbelNoise, sampling


def test_rows_end_at_their_own_end():
    seen = []
    streamer = BatchStreamer(3, {9}, lambda rows: seen.append([list(row.tokens) for row in rows]))
    streamer.put(torch.zeros(3, 5, dtype=torch.int64))  # the prompt
    for tokens in ([1, 2, 9], [3, 9, 0], [4, 0, 0]):
        streamer.put(torch.tensor(tokens))
    streamer.end()
    assert streamer.rows == [DecodedRow([1, 3, 4]), DecodedRow([2], complete=True), DecodedRow([], complete=True)]
    assert seen == [[[1], [2], []], [[1, 3], [2], []], [[1, 3, 4], [2], []]]


def test_a_stop_is_for_every_row():
    event = threading.Event()
    criterion = BetweenTokens(event)
    ids = torch.zeros(2, 3, dtype=torch.int64)
    assert criterion(ids, None).tolist() == [False, False]
    event.set()
    assert criterion(ids, None).tolist() == [True, True]


def test_temperature_zero_changes_nothing():
    assert len(sampling(0, 0.5, 1)) == 0


def draws(logits: torch.Tensor, n: int, **options) -> torch.Tensor:
    """How often each token is the largest after the processors, in n steps."""
    processors = sampling(seed=3, **options)
    ids = torch.zeros(1, 1, dtype=torch.int64)
    picked = torch.stack([processors(ids, logits[None].clone()).argmax(-1)[0] for _ in range(n)])
    return torch.bincount(picked, minlength=len(logits)) / n


def test_the_largest_after_the_noise_is_a_draw_from_the_softmax():
    logits = torch.tensor([1.0, 0.0, -1.0, 2.0])
    for temperature in (0.7, 1.0, 1.9):
        expected = torch.softmax(logits / temperature, 0)
        found = draws(logits, 4000, temperature=temperature, top_p=1.0)
        assert torch.allclose(found, expected, atol=0.03)


def test_the_nucleus_is_all_that_is_drawn_from():
    logits = torch.tensor([3.0, 2.0, -1.0, -2.0])  # 0.72, 0.26, 0.01, 0.005
    found = draws(logits, 2000, temperature=1.0, top_p=0.9)
    assert found[2:].sum() == 0
    assert torch.allclose(found[:2], torch.softmax(logits[:2], 0), atol=0.04)


def test_equal_rows_have_equal_draws():
    scores = torch.randn(1, 50, generator=torch.Generator().manual_seed(0)).expand(3, -1)
    noise = GumbelNoise(7)
    for _ in range(5):
        picked = noise(None, scores).argmax(-1)
        assert picked.tolist() == [picked[0]] * 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_forbidden_tokens_stay_forbidden(dtype):
    scores = torch.tensor([[float("-inf"), 0.0]], dtype=dtype)
    noise = GumbelNoise(0)
    assert all(noise(None, scores).argmax(-1).item() == 1 for _ in range(50))
