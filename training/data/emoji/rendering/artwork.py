"""Emoji artwork: fetched from npm at build time, rendered by resvg, cached as arrays.

The iconify packages keep each art style as one JSON file of SVG bodies, and a second that maps code points to names.
"""

import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from safeclip.hashing import content_id

from ...source_texts import source_texts
from ..world.concepts import Concept, World


@dataclass(frozen=True)
class Style:
    """An art style: the npm package that holds it, and what its licence asks for."""

    name: str
    package: str
    version: str
    license: str
    credit: str


STYLES = {
    style.name: style
    for style in (
        Style("noto", "@iconify-json/noto", "1.2.9", "Apache-2.0", "Noto Emoji, Google"),
        Style("fluent", "@iconify-json/fluent-emoji-flat", "1.2.6", "MIT", "Fluent Emoji, Microsoft"),
        Style("twemoji", "@iconify-json/twemoji", "1.2.5", "CC-BY-4.0", "Twemoji, Twitter and contributors"),
        Style("openmoji", "@iconify-json/openmoji", "1.2.29", "CC-BY-SA-4.0", "OpenMoji, HfG Schwäbisch Gmünd"),
    )
}
TRAINING_STYLES = ("noto", "fluent", "twemoji")
UNSEEN_STYLE = "openmoji"  # share-alike, so it never trains anything: it only measures transfer

SPRITE_SIZE = 256  # px; larger than any sprite in a 384 px scene


def fetch(folder: Path) -> None:
    """Install the pinned artwork packages below `folder` with npm. Raises RuntimeError saying what to install."""
    if all(_installed(folder, style) for style in STYLES.values()):
        return
    if shutil.which("npm") is None:
        raise RuntimeError("the artwork comes from the npm registry: install Node.js with npm, then try again")
    folder.mkdir(parents=True, exist_ok=True)
    packages = [f"{style.package}@{style.version}" for style in STYLES.values()]
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), *packages]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"npm could not fetch the artwork ({' '.join(packages)}): {done.stderr.strip()}")


def _package_folder(folder: Path, style: Style) -> Path:
    return folder / "node_modules" / style.package


def _installed(folder: Path, style: Style) -> bool:
    package = _package_folder(folder, style) / "package.json"
    return package.is_file() and json.loads(package.read_text(encoding="utf-8"))["version"] == style.version


class IconSet:
    """One art style as SVG documents, looked up by emoji."""

    def __init__(self, folder: Path, style: Style):
        package = _package_folder(folder, style)
        self.style = style
        self._icons = json.loads((package / "icons.json").read_text(encoding="utf-8"))
        self._names = json.loads((package / "chars.json").read_text(encoding="utf-8"))

    def svg(self, emoji: str) -> str:
        """The SVG document of an emoji. Raises KeyError when the style does not draw it."""
        name = self._name(emoji)
        alias = self._icons.get("aliases", {}).get(name, {})
        icon = self._icons["icons"][alias.get("parent", name)]
        width = icon.get("width", self._icons.get("width", 16))
        height = icon.get("height", self._icons.get("height", 16))
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{icon["body"]}</svg>'

    def _name(self, emoji: str) -> str:
        points = "-".join(f"{ord(char):x}" for char in emoji)
        for candidate in (points, points.replace("-fe0f", "")):
            if candidate in self._names:
                return self._names[candidate]
        raise KeyError(f"{self.style.package} has no drawing of {emoji} ({points})")


def render_svg(svg: str, size: int) -> Image.Image:
    """Render a square SVG document to an RGBA picture of `size` × `size` px."""
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def trim(sprite: Image.Image, size: int) -> Image.Image:
    """Cut the transparent margin and centre the drawing on a square, so that sizes mean the same in every style."""
    box = sprite.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox()
    drawing = sprite.crop(box)
    scale = size / max(drawing.size)
    drawing = drawing.resize([max(1, round(side * scale)) for side in drawing.size], Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (size, size))
    square.paste(drawing, ((size - drawing.width) // 2, size - drawing.height))  # feet on the lower edge
    return square


class Artwork:
    """Sprites of every concept in every style, rendered once and kept below `folder`.

    `sprite(concept, style)` gives an RGBA picture of SPRITE_SIZE px whose drawing touches the lower edge.
    """

    def __init__(self, folder: Path, world: World):
        self.folder = Path(folder)
        self.world = world
        self._drawn = [concept for concept in world.concepts if concept.emoji]
        self._rows = {concept.label: row for row, concept in enumerate(self._drawn)}
        self._sheets: dict[str, np.ndarray] = {}

    @cached_property
    def _cache_key(self) -> str:
        emoji = "".join(concept.emoji for concept in self._drawn)
        return content_id(emoji + source_texts(Path(__file__)))  # which names the artwork's versions

    def sheet_path(self, style: str) -> Path:
        """The file that keeps the sprites of a style."""
        return self.folder / f"sprites-{style}-{self._cache_key}.npy"

    def sheet(self, style: str) -> np.ndarray:
        """All sprites of a style, uint8 (concepts, SPRITE_SIZE, SPRITE_SIZE, 4), memory-mapped from the cache."""
        if style not in self._sheets:
            path = self.sheet_path(style)
            if not path.is_file():
                self._render_sheet(style, path)
            self._sheets[style] = np.load(path, mmap_mode="r")
        return self._sheets[style]

    def _render_sheet(self, style: str, path: Path) -> None:
        fetch(self.folder)
        icons = IconSet(self.folder, STYLES[style])
        sprites = [trim(render_svg(icons.svg(concept.emoji), 2 * SPRITE_SIZE), SPRITE_SIZE) for concept in self._drawn]
        partial = path.with_suffix(f".{os.getpid()}.npy")  # several workers may draw it at once
        np.save(partial, np.stack([np.asarray(sprite) for sprite in sprites]))
        partial.replace(path)

    def sprite(self, concept: Concept, style: str) -> Image.Image:
        return Image.fromarray(self.sheet(style)[self._rows[concept.label]], "RGBA")
