"""Renders the open world's gallery: safe scenes, their unsafe twins and neutral scenes, a third each.

python -m training.zoo.open_gallery --out zoo/open-gallery
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safeclip.hashing import content_id

from ..data.open_world.items import OpenWorld, Pair, Quadruplet
from ..data.open_world.language.captions import Caption
from ..data.open_world.rendering.renderer import SceneRenderer
from ..data.open_world.scenes.scene import Entity, Scene
from . import gallery

SIZE = 128  # px, as the models see them
QUALITY = 34  # of AVIF: 1.2 kB an image, so that the zoo stays below its limit
GALLERY_SEED = 2  # no evaluation and no training draws with it
HELD_OUT = 5  # every fifth unsafe image shows harm that no adapter was tuned on, as a fifth of the unsafe concepts is
TRIPLES = 2700  # of a safe, an unsafe and a neutral image


@dataclass(frozen=True)
class Triple:
    """A quadruplet and a neutral scene: three images of the gallery."""

    quadruplet: Quadruplet
    neutral: Pair


def triples(count: int, seed: int = GALLERY_SEED) -> list[Triple]:
    """Draws `count` triples from the test phases of `seen` and, for every fifth, of `unseen_concepts`."""
    held_out = count // HELD_OUT
    seen, unseen = (OpenWorld(split, "test", seed) for split in ("seen", "unseen_concepts"))
    familiar = iter(seen.distinct_quadruplets(count - held_out))
    strange = iter(unseen.distinct_quadruplets(held_out)) if held_out else iter(())
    quadruplets = [next(strange if index % HELD_OUT == HELD_OUT - 1 else familiar) for index in range(count)]
    return [Triple(*each) for each in zip(quadruplets, seen.distinct_neutral(count), strict=True)]


def rows(renderer: SceneRenderer, drawn: list[Triple]) -> Iterator[dict]:
    """A safe row, its unsafe twin and a neutral row for every triple, in order."""
    for triple in drawn:
        quadruplet, neutral = triple.quadruplet, triple.neutral
        safe = _row(renderer, quadruplet.safe, quadruplet.safe_caption)
        yield safe
        yield _row(renderer, quadruplet.unsafe, quadruplet.unsafe_caption, safe["image_id"], quadruplet.category)
        yield _row(renderer, neutral.scene, neutral.caption)


def _row(renderer: SceneRenderer, scene: Scene, caption: Caption, twin: str = "", category: str = "") -> dict:
    """A row of the gallery."""
    image = gallery.encode(renderer.paint(scene), QUALITY)
    return {
        "image": {"bytes": image, "path": None},
        "image_id": content_id(image),
        "caption": caption.text,
        "caption_id": content_id(caption.text),
        "unsafe": bool(category),
        "category": category,
        "subject": _name(scene.subject),
        "object": _name(scene.object),
        "place": scene.place.name,
        "style": scene.style,
        "twin": twin or content_id(image),
    }


def _name(entity: Entity | None) -> str:
    return entity.concept.name if entity else ""


def card(count: int) -> str:
    """The README of the data set; `count` triples."""
    return f"""---
license: cc-by-4.0
pretty_name: ViSU-Emoji 2 gallery
task_categories: [zero-shot-image-classification, image-to-text]
configs: [{{config_name: default, data_files: [{{split: test, path: "data/test-*.parquet"}}]}}]
---
# ViSU-Emoji 2 gallery

{3 * count} pictures of {SIZE} px with captions: {count} safe scenes, their {count} unsafe twins, which differ in one thing, deed or
context, and {count} neutral scenes, in which nothing is unsafe and nothing takes the place of anything unsafe. All are of the
test phase: no model of the zoo was trained on these combinations. Every fifth unsafe picture shows harm that no adapter was
tuned on. "Unsafe" stands for ViSU's seven categories with nothing that a school could not see.

`image_id` and `caption_id` are content hashes; `twin` is the `image_id` of the safe picture of the pair. `category` is empty for
safe and neutral rows; `object` is empty where someone does something to someone. Made by `python -m
training.zoo.open_gallery` from seed {GALLERY_SEED}.

The scenes are adaptations (recoloured, scaled, composed) of emoji artwork:

{gallery.credits()}
"""


def build(out: Path, artwork: Path, count: int = TRIPLES) -> None:
    """Writes the data set of `count` triples to `out`."""
    gallery.write(out, rows(SceneRenderer.open(artwork, SIZE), triples(count)), card(count))


if __name__ == "__main__":
    gallery.run(__doc__, build, "zoo/open-gallery", "triples", TRIPLES)
