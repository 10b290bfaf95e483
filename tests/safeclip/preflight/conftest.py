"""A profile whose two seats are on the hub, and a hub that serves them."""

import dataclasses

import pytest

from safeclip.profiles import Seat


@pytest.fixture
def profile(tiny_lab):
    """Two seats of the hub over the tiny gallery, with an index."""
    seats = (
        Seat("original", "CLIP", "openai/clip-tiny", dtype="float16", memory_gb=1.5),
        Seat("safe", "Safe-CLIP", "aimagelab/tiny", processor="openai/clip-tiny", dtype="float16", memory_gb=1.5),
    )
    return dataclasses.replace(tiny_lab.profile, seats=seats)


@pytest.fixture
def served(fake_hub, tiny_clip):
    fake_hub.repositories |= {"openai/clip-tiny": tiny_clip, "aimagelab/tiny": tiny_clip}
    return fake_hub
