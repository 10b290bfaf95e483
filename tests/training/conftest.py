"""The old world's artwork as a stand-in, and a renderer of it."""

from pathlib import Path

import pytest

from tests.fakes.artwork import write_artwork, write_sheets
from training.data.emoji.rendering.artwork import Artwork
from training.data.emoji.rendering.renderer import SceneRenderer
from training.data.emoji.world.concepts import world


@pytest.fixture(scope="session")
def artwork(tmp_path_factory) -> Path:
    emojis = [concept.emoji for concept in world().concepts if concept.emoji]
    folder = write_artwork(tmp_path_factory.mktemp("artwork"), emojis)
    write_sheets(Artwork(folder, world()))
    return folder


@pytest.fixture(scope="session")
def painter(artwork) -> SceneRenderer:
    return SceneRenderer(Artwork(artwork, world()), size=64)
