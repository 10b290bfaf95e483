"""Labelled scenes for the judge of emoji scenes: laid out as the gallery's or as the UNet's, sharp or degraded."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from .degradations import degrade
from .judge_labels import judge_concepts
from .open_world.concepts.catalogue import catalogue
from .open_world.items import OpenWorld
from .open_world.paintings import PaintingRenderer, Paintings
from .open_world.rendering.renderer import LARGEST, SceneRenderer
from .open_world.rendering.sprites import Sprites
from .open_world.scenes.relations import relations
from .open_world.scenes.scene import Scene
from .open_world.splits import TRAIN, Phase
from .pixels import stack_pictures

PAINTINGS = "paintings"  # names the UNet's kind of scene beside the gallery's splits
ELSEWHERE = 0.2  # share of the gallery's kind that training puts at a place which no CLIP is trained on


@dataclass
class LabelledBatch:
    """n images with the labels of their concepts."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    labels: torch.Tensor  # int64 (n, 3): subject, object, place
    patch_labels: torch.Tensor  # int64 (n, grid · grid)
    centres: torch.Tensor  # bool (n, grid · grid)
    colors: torch.Tensor  # int64 (n, grid · grid)
    unsafe: torch.Tensor  # bool (n,): by all rules, those among them that the judge cannot see


def twins(quadruplet: Callable[[int], Any], numbers: Iterable[int]) -> list[Any]:
    """Scenes of numbered quadruplets: the safe twin at even numbers, the unsafe one at odd ones."""
    pairs = [(quadruplet(i // 2), i % 2) for i in numbers]
    return [pair.unsafe if odd else pair.safe for pair, odd in pairs]


def stacked(images: list[Image.Image], seed: int, first: int, *, degraded: bool) -> torch.Tensor:
    """Images numbered from `first` as uint8 (n, 3, side, side), each degraded by seed and number where asked."""
    if degraded:
        images = [degrade(image, np.random.default_rng((seed, first + i))) for i, image in enumerate(images)]
    return stack_pictures(images)


class JudgePainter:
    """Paints scenes of both kinds with sprites that are rendered once for both."""

    def __init__(self, artwork: Path, image_size: int):
        self._artwork = artwork
        self._size = image_size

    @cached_property
    def _renderers(self) -> dict[bool, SceneRenderer]:
        sprites = Sprites(self._artwork, catalogue().attributes, round(LARGEST * self._size))
        return {
            kind is PaintingRenderer: kind(sprites, relations(), self._size)
            for kind in (SceneRenderer, PaintingRenderer)
        }

    def renderer(self, painting: bool) -> SceneRenderer:
        """The renderer of the UNet's layouts, or of the gallery's."""
        return self._renderers[painting]


class JudgeScenes:
    """Scenes of one phase of the open world, each a function of (phase, seed, number)."""

    def __init__(self, painter: JudgePainter, phase: Phase, seed: int, grid: int):
        self._painter = painter
        self._phase = phase
        self._seed = seed
        self._grid = grid
        self._worlds: dict[str, OpenWorld] = {}
        self._paintings = Paintings(self._split, phase, seed)
        self._elsewhere = [place for place in catalogue().places if place.held]

    @property
    def _split(self) -> str:
        return TRAIN if self._phase == TRAIN else "seen"

    def training(self, first: int, count: int) -> LabelledBatch:
        """The items first … first + count − 1: by turns a scene of the gallery's kind and a painting, all degraded."""
        drawn = [self.training_scene(i) for i in range(first, first + count)]
        return self._batch(drawn, first, degraded=True)

    def training_scene(self, index: int) -> tuple[Scene, bool]:
        if index % 2:
            return self._paintings.scene(index // 2), True
        world = self._world(TRAIN)
        scene = world.pair(index // 2).scene
        rng = random.Random(f"{self._seed}/elsewhere/{index}")
        if rng.random() >= ELSEWHERE:
            return scene, False
        moved = replace(scene, place=rng.choice(self._elsewhere))
        fits = world.judge.verdict(moved) is not None and world.splits.phase(moved) == TRAIN
        return moved if fits else scene, False

    def scenes(self, kind: str, first: int, count: int) -> list[Scene]:
        """Scenes of a kind: the UNet's for PAINTINGS, else those of a split of the open world's quadruplets, the safe
        twin at even numbers, the unsafe one at odd ones.
        """
        numbers = range(first, first + count)
        if kind == PAINTINGS:
            return [self._paintings.scene(i) for i in numbers]
        return twins(self._world(kind).quadruplet, numbers)

    def labelled(self, kind: str, first: int, count: int, degraded: bool) -> LabelledBatch:
        """The images of `scenes`."""
        drawn = [(scene, kind == PAINTINGS) for scene in self.scenes(kind, first, count)]
        return self._batch(drawn, first, degraded)

    def _world(self, split: str) -> OpenWorld:
        if split not in self._worlds:
            self._worlds[split] = OpenWorld(split, self._phase, self._seed)
        return self._worlds[split]

    def _batch(self, drawn: Iterable[tuple[Scene, bool]], first: int, degraded: bool) -> LabelledBatch:
        images, labels, patches, unsafe = [], [], [], []
        concepts, judge = judge_concepts(), self._world(self._split).judge
        for scene, painting in drawn:
            renderer = self._painter.renderer(painting)
            images.append(renderer.paint(scene))
            labels.append(concepts.scene_labels(scene))
            patches.append(concepts.patch_labels(scene, renderer.placements(scene), self._grid))
            verdict = judge.verdict(scene)
            unsafe.append(verdict is not None and verdict.unsafe)
        pixels = stacked(images, self._seed, first, degraded=degraded)
        concept_labels, centres, colors = (torch.from_numpy(np.stack(each)) for each in zip(*patches, strict=True))
        labelled = torch.from_numpy(np.stack(labels))
        return LabelledBatch(pixels, labelled, concept_labels, centres, colors, torch.tensor(unsafe))
