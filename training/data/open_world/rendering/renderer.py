"""Paints scenes of the open world: backdrop, sprites with shadows, marks of verbs, all in the light of the place."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ...emoji.rendering.artwork import render_svg
from ..concepts.catalogue import Catalogue, catalogue
from ..scenes.layouts import Layouts, Placement
from ..scenes.relations import Relations, relations
from ..scenes.scene import Entity, Scene
from .places import light_of, place_svg
from .sprites import Sprites

TRAINING_SIZE = 128
LARGEST = 0.70  # side of the largest sprite, in sides of the picture; a big one is scaled up from it
BOXED_STYLE = "noto"  # measures how high a drawing rises, so that a layout does not depend on the style


class SceneRenderer:
    """Paints scenes as RGB pictures of `size` px. Deterministic: the same scene gives the same bytes.

    Sprites, backdrops and shadows are rendered once and kept in memory.
    """

    def __init__(self, sprites: Sprites, verbs: Relations, size: int = TRAINING_SIZE):
        self.size = size
        self._sprites = sprites
        self._layouts = Layouts(verbs, self._extent)
        self._backdrops: dict[tuple[str, int], Image.Image] = {}
        self._shadows: dict[tuple[int, float], Image.Image] = {}
        self._extents: dict[str, tuple[float, float]] = {}

    @classmethod
    def open(cls, folder: Path, size: int = TRAINING_SIZE, known: Catalogue | None = None) -> "SceneRenderer":
        """A renderer with the artwork below `folder`, fetched by npm when it is not there."""
        attributes = (known or catalogue()).attributes
        return cls(Sprites(folder, attributes, round(LARGEST * size)), relations(), size)

    def paint(self, scene: Scene) -> Image.Image:
        """The scene as an RGB picture of (size, size) px."""
        picture = self._backdrop(scene.place.name, scene.variant).copy()
        placements = self._layouts.of(scene)
        for placement in placements:
            if placement.grounded:
                self._shadow(picture, scene, placement)
        for placement in placements:
            self._stand(picture, scene, placement)
        return picture

    def placements(self, scene: Scene) -> tuple[Placement, ...]:
        """Where everything stands, from back to front."""
        return self._layouts.of(scene)

    def _extent(self, entity: Entity) -> tuple[float, float]:
        """Width and height of an entity's drawing, in sides of its sprite."""
        name = entity.concept.name
        if name not in self._extents:
            sprite = self._sprites.sprite(Entity(entity.concept), BOXED_STYLE)
            left, top, right, bottom = sprite.getchannel("A").getbbox() or (0, 0, *sprite.size)
            self._extents[name] = ((right - left) / sprite.width, (bottom - top) / sprite.height)
        return self._extents[name]

    def _backdrop(self, place: str, variant: int) -> Image.Image:
        if (place, variant) not in self._backdrops:
            self._backdrops[place, variant] = render_svg(place_svg(place, variant), self.size).convert("RGB")
        return self._backdrops[place, variant]

    def _stand(self, picture: Image.Image, scene: Scene, at: Placement) -> None:
        side = max(1, round(at.size * self.size))
        if at.mark:
            sprite = self._sprites.emoji(at.mark, scene.style, at.mirrored)
        else:
            sprite = self._sprites.sprite(getattr(scene, at.slot), scene.style, at.mirrored)
        sprite = sprite.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        sprite = _lit(sprite, light_of(scene.place.name).tint)
        corner = (round((at.x - at.size / 2) * self.size), round((at.foot - at.size) * self.size))
        picture.paste(sprite, corner, sprite)

    def _shadow(self, picture: Image.Image, scene: Scene, at: Placement) -> None:
        """A soft ellipse on the ground, reaching away from the light."""
        light = light_of(scene.place.name)
        mask = self._shadow_mask(max(4, round(at.size * self.size)), light.shadow)
        slant = light.slant * at.size * self.size * (1 if scene.layout % 2 else -1) * 0.5
        corner = (round(at.x * self.size - mask.width / 2 + slant), round(at.foot * self.size - mask.height / 2))
        picture.paste((18, 16, 32), corner, mask)

    def _shadow_mask(self, side: int, opacity: float) -> Image.Image:
        if (side, opacity) not in self._shadows:
            width, height = side * 0.84, side * 0.18
            mask = Image.new("L", (round(width + 2 * height), round(3 * height)))
            ImageDraw.Draw(mask).ellipse((height, height, height + width, 2 * height), fill=round(255 * opacity))
            self._shadows[side, opacity] = mask.filter(ImageFilter.GaussianBlur(height * 0.28))
        return self._shadows[side, opacity]


def _lit(sprite: Image.Image, tint: tuple[float, float, float]) -> Image.Image:
    """The sprite with its colours multiplied by the light of the place."""
    if tint == (1.0, 1.0, 1.0):
        return sprite
    pixels = np.asarray(sprite).astype(np.uint16)
    pixels[..., :3] = pixels[..., :3] * np.array([round(256 * channel) for channel in tint], np.uint16) >> 8
    return Image.fromarray(pixels.astype(np.uint8), "RGBA")
