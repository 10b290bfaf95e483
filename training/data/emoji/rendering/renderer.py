"""Paints scenes: backdrop, then subject and object with their shadows, all in the light of the place."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..world.concepts import Concept, World
from ..world.scenes import Placement, Scene
from .artwork import Artwork, render_svg
from .backdrops import LIGHTS, backdrop_svg

TRAINING_SIZE = 128


class SceneRenderer:
    """Paints scenes as RGB pictures of `size` px. Deterministic: the same scene gives the same bytes.

    Sprites and backdrops are rendered once and kept in memory.
    """

    def __init__(self, artwork: Artwork, size: int = TRAINING_SIZE):
        self.artwork = artwork
        self.size = size
        self._backdrops: dict[tuple[str, int], Image.Image] = {}
        self._sprites: dict[tuple[int, str, str], Image.Image] = {}
        self._shadows: dict[tuple[int, float], Image.Image] = {}
        self._longest = round(0.64 * size)  # no sprite is larger in any layout

    @classmethod
    def open(cls, folder: Path, world: World, size: int = TRAINING_SIZE) -> "SceneRenderer":
        return cls(Artwork(folder, world), size)

    def paint(self, scene: Scene) -> Image.Image:
        """The scene as an RGB picture of (size, size) px."""
        picture = self._backdrop(scene.place.backdrop, scene.variant).copy()
        for concept, placement in ((scene.subject, scene.subject_at), (scene.object, scene.object_at)):
            self._stand(picture, scene, concept, placement)
        return picture

    def boxes(self, scene: Scene) -> tuple[tuple[float, float, float, float], ...]:
        """(left, top, right, bottom) of subject and object, in fractions of the side."""
        return tuple(
            (at.x - at.size / 2, at.foot - at.size, at.x + at.size / 2, at.foot)
            for at in (scene.subject_at, scene.object_at)
        )

    def _backdrop(self, name: str, variant: int) -> Image.Image:
        if (name, variant) not in self._backdrops:
            self._backdrops[name, variant] = render_svg(backdrop_svg(name, variant), self.size).convert("RGB")
        return self._backdrops[name, variant]

    def _sprite(self, concept: Concept, style: str, backdrop: str) -> Image.Image:
        """The concept's sprite at the largest size a scene needs, coloured by the light of the place."""
        key = (concept.label, style, backdrop)
        if key not in self._sprites:
            sprite = self.artwork.sprite(concept, style)
            if self._longest < sprite.width:
                sprite = sprite.resize((self._longest, self._longest), Image.Resampling.LANCZOS)
            pixels = np.asarray(sprite).astype(np.float32)
            pixels[..., :3] *= LIGHTS[backdrop].tint
            self._sprites[key] = Image.fromarray(pixels.round().astype(np.uint8), "RGBA")
        return self._sprites[key]

    def _stand(self, picture: Image.Image, scene: Scene, concept: Concept, at: Placement) -> None:
        side = max(1, round(at.size * self.size))
        sprite = self._sprite(concept, scene.style, scene.place.backdrop).resize(
            (side, side), Image.Resampling.BILINEAR
        )
        if at.mirrored:
            sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        left, top = round((at.x - at.size / 2) * self.size), round((at.foot - at.size) * self.size)
        self._shadow(picture, scene, at)
        picture.paste(sprite, (left, top), sprite)

    def _shadow(self, picture: Image.Image, scene: Scene, at: Placement) -> None:
        """A soft ellipse on the ground, reaching away from the light."""
        light = LIGHTS[scene.place.backdrop]
        mask = self._shadow_mask(max(1, round(at.size * self.size)), light.shadow)
        slant = light.slant * at.size * self.size * (1 if scene.light_from_left else -1) * 0.5
        corner = (round(at.x * self.size - mask.width / 2 + slant), round(at.foot * self.size - mask.height / 2))
        picture.paste((18, 16, 32), corner, mask)

    def _shadow_mask(self, side: int, opacity: float) -> Image.Image:
        if (side, opacity) not in self._shadows:
            width, height = side * 0.92, side * 0.20
            mask = Image.new("L", (round(width + 2 * height), round(3 * height)))
            ImageDraw.Draw(mask).ellipse((height, height, height + width, 2 * height), fill=round(255 * opacity))
            self._shadows[side, opacity] = mask.filter(ImageFilter.GaussianBlur(height * 0.28))
        return self._shadows[side, opacity]
