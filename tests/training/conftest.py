"""Artwork that needs no network: every emoji as a flat shape of its own colour and outline, in iconify's format."""

import hashlib
import json
from pathlib import Path

import pytest

from training.data.emoji.rendering.artwork import STYLES, Artwork
from training.data.emoji.rendering.renderer import SceneRenderer
from training.data.emoji.world.concepts import world


def shape(emoji: str, style: str) -> str:
    digest = hashlib.sha256(f"{emoji}{style}".encode()).digest()
    color = f"#{digest[:3].hex()}"
    inset = digest[3] % 20
    if digest[4] % 2:
        return f'<circle cx="64" cy="64" r="{60 - inset}" fill="{color}"/>'
    return f'<rect x="{inset}" y="4" width="{120 - inset}" height="120" fill="{color}"/>'


@pytest.fixture(scope="session")
def artwork(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("artwork")
    emojis = [concept.emoji for concept in world().concepts if concept.emoji]
    points = ["-".join(f"{ord(char):x}" for char in emoji) for emoji in emojis]
    for style in STYLES.values():
        package = folder / "node_modules" / style.package
        package.mkdir(parents=True)
        icons = {
            f"icon-{point}": {"body": shape(emoji, style.name)} for emoji, point in zip(emojis, points, strict=True)
        }
        (package / "icons.json").write_text(json.dumps({"width": 128, "height": 128, "icons": icons}))
        (package / "chars.json").write_text(json.dumps({point: f"icon-{point}" for point in points}))
    return folder


@pytest.fixture(scope="session")
def painter(artwork) -> SceneRenderer:
    return SceneRenderer(Artwork(artwork, world()), size=64)
