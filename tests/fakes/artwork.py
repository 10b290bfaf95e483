"""Artwork that needs no network: every emoji as a flat shape of its own colour and outline, in iconify's format."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from training.data.emoji.rendering.artwork import SPRITE_SIZE, STYLES, Artwork


def shape(emoji: str, style: str) -> str:
    digest = hashlib.sha256(f"{emoji}{style}".encode()).digest()
    color = f"#{digest[:3].hex()}"
    inset = digest[3] % 20
    if digest[4] % 2:
        return f'<circle cx="64" cy="64" r="{60 - inset}" fill="{color}"/>'
    return f'<rect x="{inset}" y="4" width="{120 - inset}" height="120" fill="{color}"/>'


def write_sheets(artwork: Artwork) -> None:
    """Writes the cached sheets of sprites, a disc or a square each, as rendering hundreds of documents takes long."""
    row, column = np.mgrid[:SPRITE_SIZE, :SPRITE_SIZE] / (SPRITE_SIZE / 2) - 1
    masks = (np.ones((SPRITE_SIZE, SPRITE_SIZE), bool), row**2 + column**2 <= 1)
    emojis = [concept.emoji for concept in artwork.world.concepts if concept.emoji]
    for style in STYLES:
        sheet = np.zeros((len(emojis), SPRITE_SIZE, SPRITE_SIZE, 4), np.uint8)
        for sprite, emoji in zip(sheet, emojis, strict=True):
            digest = hashlib.sha256(f"{emoji}{style}".encode()).digest()
            sprite[masks[digest[4] % 2]] = (*digest[:3], 255)
        np.save(artwork.sheet_path(style), sheet)


def write_artwork(folder: Path, emojis: Iterable[str]) -> Path:
    """Writes the packages of every style with a shape for each emoji, as npm would install them."""
    drawn = {"-".join(f"{ord(char):x}" for char in emoji): emoji for emoji in emojis}
    for style in STYLES.values():
        package = folder / "node_modules" / style.package
        package.mkdir(parents=True)
        icons = {f"icon-{points}": {"body": shape(emoji, style.name)} for points, emoji in drawn.items()}
        (package / "icons.json").write_text(json.dumps({"width": 128, "height": 128, "icons": icons}))
        (package / "chars.json").write_text(json.dumps({points: f"icon-{points}" for points in drawn}))
    return folder
