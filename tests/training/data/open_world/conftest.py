"""The open world's artwork as a stand-in, and a renderer of it."""

from pathlib import Path

import pytest

from tests.fakes.artwork import write_artwork
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.rendering.renderer import SceneRenderer
from training.data.open_world.scenes.layouts import SPEED
from training.data.open_world.scenes.relations import relations


@pytest.fixture(scope="session")
def open_artwork(tmp_path_factory) -> Path:
    emojis = {SPEED}
    for concept in catalogue().drawn:
        emojis |= {concept.emoji, concept.badge, concept.hat, concept.mark} - {""}
    for relation in relations().by_name.values():
        emojis |= {relation.mark, relation.victim} - {""}
    return write_artwork(tmp_path_factory.mktemp("open-artwork"), sorted(emojis))


@pytest.fixture(scope="session")
def open_painter(open_artwork) -> SceneRenderer:
    return SceneRenderer.open(open_artwork, size=64)
