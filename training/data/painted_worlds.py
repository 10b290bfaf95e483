"""The worlds that a painter learns, by name: numbered scenes with captions, and what paints them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from .emoji.paintings import Paintings as FirstPaintings
from .emoji.rendering.renderer import SceneRenderer as FirstRenderer
from .open_world import packed
from .open_world.paintings import PaintingRenderer, Paintings, painted_concepts
from .open_world.splits import TRAIN
from .source_texts import source_texts

FIRST, OPEN, CHOSEN = "first", "open", "chosen"  # chosen: what the shipped painter learns of the open world
WORLDS = (FIRST, OPEN, CHOSEN)
SEEN, VALIDATION = "seen", "validation"


_HERE = Path(__file__).parent
_FIRST_SOURCES = (_HERE / "emoji",)
_OPEN_SOURCES = (*packed.SOURCES, *(_HERE / "open_world" / name for name in ("paintings.py", "sets/painter.toml")))


class CaptionedScene(Protocol):
    """A scene of either world, and several captions of it."""

    @property
    def scene(self) -> Any: ...
    @property
    def captions(self) -> tuple[str, ...]: ...


class CaptionedScenes(Protocol):
    """Numbered scenes: the one of an index is always the same."""

    def painting(self, index: int, captions: int = 1) -> CaptionedScene: ...


def captioned_scenes(world: str, split: str, seed: int) -> CaptionedScenes:
    """The scenes of a world's "train" or "validation" split. Raises ValueError for a world that is not known."""
    if world == FIRST:
        return FirstPaintings(split, seed)
    if world in (OPEN, CHOSEN):
        names = painted_concepts() if world == CHOSEN else None
        phase = (TRAIN, TRAIN) if split == TRAIN else (SEEN, VALIDATION)
        return Paintings(*phase, seed, names=names)
    raise ValueError(f"“{world}” is no world that can be painted: choose from {', '.join(WORLDS)}")


def world_sources(world: str) -> str:
    """The text of the tables and the code that decide what a world's scenes are, how they are worded and painted."""
    return source_texts(*(_FIRST_SOURCES if world == FIRST else _OPEN_SOURCES))


def scene_painter(world: str, artwork: Path, size: int) -> Callable[[Any], Image.Image]:
    """Paints the scenes of a world as RGB images of (size, size) px."""
    if world == FIRST:
        return FirstRenderer.open(artwork, FirstPaintings(TRAIN, 0).world, size).paint
    return PaintingRenderer.open(artwork, size).paint
