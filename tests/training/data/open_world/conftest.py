"""A renderer of the open world's stand-in artwork."""

from pathlib import Path

import pytest

from training.data.open_world.rendering.renderer import SceneRenderer


@pytest.fixture(scope="session")
def open_painter(open_artwork: Path) -> SceneRenderer:
    return SceneRenderer.open(open_artwork, size=64)
