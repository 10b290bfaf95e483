"""Which quadruplets a recipe trains on: exactly one table of `[data]` says so."""

from dataclasses import dataclass
from pathlib import Path

from safeclip.errors import ProfileError

from .quadruplets import QuadrupletSource


@dataclass(frozen=True)
class EmojiSpec:
    """So many quadruplets of ViSU-Emoji's training and validation splits."""

    train: int
    validation: int
    seed: int


@dataclass(frozen=True)
class ViSUSpec:
    """Where the real ViSU lies: the folder of its JSON files, COCO's images, and unsafe images by incremental_id."""

    texts: str
    safe_images: str
    unsafe_images: str


@dataclass(frozen=True)
class DataSpec:
    emoji: EmojiSpec | None = None
    visu: ViSUSpec | None = None


def open_source(spec: DataSpec, split: str, artwork: Path) -> QuadrupletSource:
    """The quadruplets of a split, "train" or "validation". Raises ProfileError unless exactly one table is there."""
    if (spec.emoji is None) == (spec.visu is None):
        raise ProfileError("the recipe's [data] needs exactly one of the tables [data.emoji] and [data.visu]")
    if spec.emoji:
        from .emoji.world.quadruplets import EmojiQuadruplets

        return EmojiQuadruplets(artwork, split, spec.emoji.seed, getattr(spec.emoji, split))
    from .visu import ViSU

    texts = Path(spec.visu.texts) / f"ViSU-Text_{split}.json"
    return ViSU(texts, Path(spec.visu.safe_images), Path(spec.visu.unsafe_images))
