"""Sprites of entities: emoji or drawing, what is laid over it, the tone of skin, the colour that a caption names."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...emoji.rendering.artwork import STYLES, IconSet, fetch, render_svg, trim
from ..concepts.catalogue import Attributes
from ..concepts.concept import Concept, Sex
from ..scenes.scene import Entity
from .drawings import drawing_svg
from .flags import flag_svg

_TONES = ("", "🏻", "🏼", "🏽", "🏾", "🏿")
_SIGNS = {"man": "♂️", "woman": "♀️"}
_ADULTS = {"🧑": {"man": "👨", "woman": "👩"}, "🧒": {"man": "👦", "woman": "👧"}, "🧓": {"man": "👴", "woman": "👵"}}
_PLACES = {"middle": (0.5, 0.56), "low right": (0.76, 0.76), "high right": (0.78, 0.24), "high middle": (0.5, 0.26)}
_MARK, _HAT, _EMBLEM = 0.56, 0.74, 0.42  # sides of what is laid over a sprite, in sides of the sprite
_EMBLEM_AT = (0.78, 0.78)
_HUE_WIDTH = 0.11  # of a full turn: how far a pixel's hue may be from the leading one to change with it


def person_emoji(emoji: str, sex: Sex, tone: int) -> str:
    """The emoji's sequence for a man or a woman, and for a tone of skin."""
    base, rest = emoji[0], emoji[1:].removeprefix("\ufe0f")
    if sex:
        if base in _ADULTS:
            base = _ADULTS[base][sex]
        else:
            rest = f"\u200d{_SIGNS[sex]}{rest}"
    return base + _TONES[tone] + rest if tone else (base + rest if sex else emoji)


@dataclass(frozen=True)
class _Layer:
    """A document over a base sprite: its centre, its scale and that of a disc behind it, in sides of the base."""

    svg: str
    centre: tuple[float, float]
    scale: float
    disc: float = 0.0


class Sprites:
    """RGBA sprites of `size` px whose drawing touches the lower edge, rendered once each and kept in memory."""

    def __init__(self, folder: Path, attributes: Attributes, size: int):
        self.size = size
        self._folder = Path(folder)
        self._attributes = attributes
        self._icons: dict[str, IconSet] = {}
        self._kept: dict[tuple, Image.Image] = {}

    def sprite(self, entity: Entity, style: str, mirrored: bool = False) -> Image.Image:
        """One copy of the entity in a style. What is laid over a mirrored one is not mirrored itself: flags and signs
        stay legible, on the other side.
        """
        concept = entity.concept
        layered = bool(concept.mark or concept.badge or concept.hat or concept.flag)
        key = (concept.name, entity.sex, entity.tone, entity.color, style, mirrored and layered)
        if key not in self._kept:
            sprite = self._composed(concept, entity.sex, entity.tone, style, mirrored and layered)
            self._kept[key] = self._recolored(sprite, entity.color) if entity.color else sprite
        sprite = self._kept[key]
        return sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored and not layered else sprite

    def emoji(self, emoji: str, style: str, mirrored: bool = False) -> Image.Image:
        """A bare emoji, as marks of verbs use it."""
        key = (emoji, style)
        if key not in self._kept:
            self._kept[key] = trim(render_svg(self._svg(emoji, style), 2 * self.size), self.size)
        sprite = self._kept[key]
        return sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else sprite

    def _svg(self, emoji: str, style: str) -> str:
        if style not in self._icons:
            fetch(self._folder)
            self._icons[style] = IconSet(self._folder, STYLES[style])
        return self._icons[style].svg(emoji)

    def _base(self, concept: Concept, sex: Sex, tone: int, style: str) -> str:
        """The SVG document without what is laid over it; without tone or sex where the style draws none."""
        if concept.draw:
            return drawing_svg(concept.draw, style)
        for emoji in (person_emoji(concept.emoji, sex, tone), person_emoji(concept.emoji, sex, 0)):
            try:
                return self._svg(emoji, style)
            except KeyError:
                continue
        return self._svg(concept.emoji, style)

    def _composed(self, concept: Concept, sex: Sex, tone: int, style: str, mirrored: bool) -> Image.Image:
        side = 2 * self.size
        base = trim(render_svg(self._base(concept, sex, tone, style), side), side)
        layers = self._layers(concept, style)
        if not layers:
            return base.resize((self.size, self.size), Image.Resampling.LANCZOS)
        if mirrored:
            base = base.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        canvas = Image.new("RGBA", (2 * side, 2 * side))
        canvas.paste(base, (side // 2, side // 2))
        for layer in layers:
            x, y = layer.centre
            self._lay(canvas, layer, (1 - x if mirrored else x, y))
        return trim(canvas, self.size)

    def _layers(self, concept: Concept, style: str) -> list[_Layer]:
        """What lies over the concept's emoji, from back to front."""
        layers = []
        if concept.hat:
            layers.append(_Layer(self._svg(concept.hat, style), (0.5, 0.06), _HAT))
        if concept.flag:
            layers.append(_Layer(flag_svg(concept.flag), _EMBLEM_AT, 1.25 * _EMBLEM))
        if concept.badge:
            layers.append(_Layer(self._svg(concept.badge, style), _EMBLEM_AT, 0.86 * _EMBLEM, disc=1.24 * _EMBLEM))
        if concept.mark:
            layers.append(_Layer(self._svg(concept.mark, style), _PLACES[concept.at], _MARK))
        return layers

    @staticmethod
    def _lay(canvas: Image.Image, layer: _Layer, centre: tuple[float, float]) -> None:
        """Lays a layer over a base sprite, which fills the middle half of the canvas."""
        side = canvas.width // 2
        x, y = (side / 2 + part * side for part in centre)
        if layer.disc:
            radius = layer.disc * side / 2
            box = (x - radius, y - radius, x + radius, y + radius)
            ImageDraw.Draw(canvas).ellipse(box, fill="#ffffff", outline="#4a4f57", width=max(1, side // 50))
        over = trim(render_svg(layer.svg, side), round(layer.scale * side))
        drawing = over.crop(over.getchannel("A").getbbox())
        canvas.alpha_composite(drawing, (round(x - drawing.width / 2), round(y - drawing.height / 2)))

    def _recolored(self, sprite: Image.Image, color: str) -> Image.Image:
        wanted = self._attributes.colors[color]
        return recolor(sprite, wanted.get("hue", 0), wanted.get("saturation"), wanted.get("lightness", 0.0))


def recolor(sprite: Image.Image, hue: float, saturation: float | None = None, lightness: float = 0.0) -> Image.Image:
    """The sprite with its leading hue turned to `hue` degrees, and all pixels of about that hue with it.

    `saturation` replaces the saturation of those pixels, `lightness` is added to theirs; both in [0, 1].
    """
    pixels = np.asarray(sprite).astype(np.float32) / 255
    hsl = _to_hls(pixels[..., :3])
    strength = hsl[..., 2] * pixels[..., 3] * (np.abs(hsl[..., 1] - 0.5) < 0.44)
    bins = np.bincount((hsl[..., 0] * 36).astype(int).ravel() % 36, weights=strength.ravel(), minlength=36)
    leading = (bins.argmax() + 0.5) / 36
    away = (hsl[..., 0] - leading + 0.5) % 1 - 0.5
    changed = (np.abs(away) < _HUE_WIDTH) & (hsl[..., 2] > 0.12)
    hsl[..., 0] = np.where(changed, (hue / 360 + away * 0.35) % 1, hsl[..., 0])
    hsl[..., 1] = np.where(changed, np.clip(hsl[..., 1] + lightness, 0, 0.95), hsl[..., 1])
    if saturation is not None:
        hsl[..., 2] = np.where(changed, saturation, hsl[..., 2])
    painted = np.concatenate([_to_rgb(hsl), pixels[..., 3:]], axis=-1)
    return Image.fromarray((painted * 255).round().astype(np.uint8), "RGBA")


def _to_hls(rgb: np.ndarray) -> np.ndarray:
    """float (…, 3) red, green, blue → hue, lightness, saturation, all in [0, 1]; as colorsys.rgb_to_hls."""
    high, low = rgb.max(-1), rgb.min(-1)
    light, span = (high + low) / 2, high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        saturation = np.where(light <= 0.5, span / (high + low), span / (2 - high - low))
        red, green, blue = ((high - rgb[..., i]) / span for i in range(3))
    hue = np.where(rgb[..., 0] == high, blue - green, np.where(rgb[..., 1] == high, 2 + red - blue, 4 + green - red))
    grey = span < 1e-6
    return np.stack([np.where(grey, 0, hue / 6 % 1), light, np.where(grey, 0, saturation)], axis=-1)


def _to_rgb(hls: np.ndarray) -> np.ndarray:
    """The inverse of `_to_hls`."""
    hue, light, saturation = hls[..., 0], hls[..., 1], hls[..., 2]
    high = np.where(light <= 0.5, light * (1 + saturation), light + saturation - light * saturation)
    low = 2 * light - high

    def channel(shifted: np.ndarray) -> np.ndarray:
        h = shifted % 1
        rising, falling = low + (high - low) * h * 6, low + (high - low) * (2 / 3 - h) * 6
        return np.where(h < 1 / 6, rising, np.where(h < 0.5, high, np.where(h < 2 / 3, falling, low)))

    return np.clip(np.stack([channel(hue + 1 / 3), channel(hue), channel(hue - 1 / 3)], axis=-1), 0, 1)
