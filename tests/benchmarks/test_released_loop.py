"""The released loop, as it is measured against: its reference drifts as released, and stays where it is a copy."""

from pathlib import Path

import pytest
import torch

from benchmarks.released_loop.loop import ReleasedLoop

TEXTS = {"safe": ["a dog on the beach", "a chef with a spoon"], "unsafe": ["a dog with a bomb", "a chef with a knife"]}


def losses(checkpoint: Path, *, copies: bool) -> list[float]:
    """The losses of two steps on one batch, of a rate at which weights change visibly."""
    generator = torch.Generator().manual_seed(0)
    pixels = {half: torch.rand(2, 3, 32, 32, generator=generator) for half in TEXTS}
    loop = ReleasedLoop(checkpoint, "cpu", copies=copies, learning_rate=0.1)
    return [loop.step(TEXTS, pixels) for _ in range(2)]


def test_a_reference_that_is_no_copy_drifts(tiny_clip):
    copied, released = losses(tiny_clip, copies=True), losses(tiny_clip, copies=False)
    assert copied[0] == pytest.approx(released[0], rel=1e-6)  # a new adapter changes nothing
    assert copied[1] != pytest.approx(released[1], rel=1e-3)  # after one step, the same of both


def test_embeddings_are_normalised_and_without_dropout(tiny_clip):
    loop = ReleasedLoop(tiny_clip, "cpu", copies=True)
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    first, again = (loop.embed(TEXTS["safe"], pixels) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one.norm(dim=-1), torch.ones(2))
