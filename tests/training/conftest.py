"""The artwork of both worlds as stand-ins, rendered once, and a renderer of the old one's."""

import functools
from pathlib import Path

import pytest
import resvg_py

from tests.fakes.artwork import write_artwork, write_sheets
from training.data.emoji.rendering.artwork import Artwork
from training.data.emoji.rendering.renderer import SceneRenderer
from training.data.emoji.world.concepts import world
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.scenes.layouts import SPEED
from training.data.open_world.scenes.relations import relations


@pytest.fixture(scope="session", autouse=True)
def rendered_once():
    """An SVG document of one size is rendered once for all tests, each of which keeps sprites of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resvg_py, "svg_to_bytes", functools.cache(resvg_py.svg_to_bytes))
        yield


@pytest.fixture(scope="session")
def artwork(tmp_path_factory) -> Path:
    emojis = {SPEED, *(concept.emoji for concept in world().concepts if concept.emoji)}
    for concept in catalogue().drawn:
        emojis |= {concept.emoji, concept.badge, concept.hat, concept.mark} - {""}
    for relation in relations().by_name.values():
        emojis |= {relation.mark, relation.victim} - {""}
    folder = write_artwork(tmp_path_factory.mktemp("artwork"), sorted(emojis))
    write_sheets(Artwork(folder, world()))
    return folder


@pytest.fixture(scope="session")
def painter(artwork) -> SceneRenderer:
    return SceneRenderer(Artwork(artwork, world()), size=64)


@pytest.fixture(scope="session")
def open_artwork(artwork) -> Path:
    return artwork
