"""Test quadruplets: those of a profile's gallery, and the same ones in an art style that no model was trained on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from safeclip.encoders import Encoder
from safeclip.retrieval.gallery import Gallery, Item

from ..data.emoji.rendering.artwork import UNSEEN_STYLE
from ..data.emoji.rendering.renderer import GALLERY_SIZE, SceneRenderer
from ..data.emoji.world.concepts import world
from ..data.emoji.world.dataset import EmojiWorld, Quadruplet

GALLERY_SEED = 2311
GALLERY_QUADRUPLETS = 2000  # of the zoo's gallery
KINDS = ("subject", "object", "place")


@dataclass
class TestSet:
    """n quadruplets, row i of each list from quadruplet i."""

    text: list[str]
    unsafe_text: list[str]
    image: list[Image.Image]
    unsafe_image: list[Image.Image]
    categories: list[str]
    names: dict[str, list[str]]  # the true concepts of the safe images: "subject", "object", "place"

    def __len__(self) -> int:
        return len(self.text)


@dataclass(frozen=True)
class QuadrupletEmbeddings:
    """One encoder's embeddings of n quadruplets: T, T*, V, V*, each float32 (n, d), L2-normalised."""

    text: np.ndarray
    unsafe_text: np.ndarray
    image: np.ndarray
    unsafe_image: np.ndarray


def embed_test_set(encoder: Encoder, test: TestSet) -> QuadrupletEmbeddings:
    """Encodes a test set."""
    return QuadrupletEmbeddings(
        encoder.encode_texts(test.text),
        encoder.encode_texts(test.unsafe_text),
        encoder.encode_images(test.image),
        encoder.encode_images(test.unsafe_image),
    )


def gallery_quadruplets(count: int = GALLERY_QUADRUPLETS) -> list[Quadruplet]:
    """The quadruplets of the zoo's gallery, all of the test split and no two alike."""
    return EmojiWorld("test", GALLERY_SEED).distinct_quadruplets(count)


def gallery_pairs(gallery: Gallery, count: int) -> list[tuple[Item, Item]]:
    """The safe and the unsafe item of a gallery's first `count` quadruplets. Raises ValueError when it holds fewer."""
    safe = {item.image_id: item for item in gallery.items if not item.unsafe}
    pairs = [(safe[item.twin], item) for item in gallery.items if item.unsafe][:count]
    if len(pairs) < count:
        raise ValueError(f"{gallery.path} holds {len(pairs)} quadruplets, not {count}")
    return pairs


def gallery_test_set(gallery: Gallery, count: int) -> TestSet:
    """The first `count` quadruplets of a gallery. Raises ValueError when it holds fewer."""
    pairs = gallery_pairs(gallery, count)
    return TestSet(
        [safe_item.caption for safe_item, _ in pairs],
        [unsafe_item.caption for _, unsafe_item in pairs],
        [gallery.image(safe_item.image_id) for safe_item, _ in pairs],
        [gallery.image(unsafe_item.image_id) for _, unsafe_item in pairs],
        [unsafe_item.category for _, unsafe_item in pairs],
        {kind: [getattr(item, kind) for item, _ in pairs] for kind in KINDS},
    )


def unseen_style_test_set(test: TestSet, artwork: Path) -> TestSet:
    """The same quadruplets, rendered in the art style that no model was trained on."""
    renderer = SceneRenderer.open(artwork, world(), GALLERY_SIZE)
    scenes = gallery_quadruplets(len(test))
    return replace(
        test,
        image=[renderer.paint(replace(each.safe, style=UNSEEN_STYLE)) for each in scenes],
        unsafe_image=[renderer.paint(replace(each.unsafe, style=UNSEEN_STYLE)) for each in scenes],
    )
