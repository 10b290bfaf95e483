"""Renders the gallery of the zoo: safe scenes, their unsafe twins and neutral scenes, a third each.

python -m training.zoo.gallery --out zoo/open-gallery
"""

import argparse
import io
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset, Features
from PIL import Image as Pillow

from safeclip.hashing import content_id
from safeclip.refusal.policy import names_minor
from safeclip.retrieval.gallery_schema import arrow_schema

from ..data.emoji.rendering.artwork import STYLES, TRAINING_STYLES
from ..data.open_world.children import is_sexual_beside_child
from ..data.open_world.items import OpenWorld, Pair, Quadruplet
from ..data.open_world.language.captions import Caption
from ..data.open_world.rendering.renderer import SceneRenderer
from ..data.open_world.scenes.scene import Entity, Scene

SIZE = 160  # px: sharp on a card of the page; models see 128
AVIF = {"quality": 34, "speed": 7, "max_threads": 1}  # 1.5 kB an image, so that the zoo stays below its limit
SHARD = 7_000_000  # bytes of images in a file, below the limit of one of the zoo
GALLERY_SEED = 2  # no evaluation and no training draws with it
SPARE = 50  # one quadruplet in so many is drawn beyond what is needed, for those that are not fit
HELD_OUT = 5  # every fifth unsafe image shows harm that no adapter was tuned on, as a fifth of the unsafe concepts is
TRIPLES = 2700  # of a safe, an unsafe and a neutral image

FEATURES = Features.from_arrow_schema(arrow_schema())


@dataclass(frozen=True)
class Triple:
    """A quadruplet and a neutral scene: three images of the gallery."""

    quadruplet: Quadruplet
    neutral: Pair


def is_fit(quadruplet: Quadruplet) -> bool:
    """Whether a quadruplet may be shown: nothing sexual stands beside a child, in the picture or in the caption."""
    if quadruplet.category != "sexual":
        return True
    shown = is_sexual_beside_child(quadruplet, quadruplet.safe, quadruplet.unsafe)
    return not shown and not names_minor(quadruplet.unsafe_caption.text)


def triples(count: int, seed: int = GALLERY_SEED) -> list[Triple]:
    """Draws `count` triples from the test phases of `seen` and, for every fifth, of `unseen_concepts`."""
    held_out = count // HELD_OUT
    seen, unseen = (OpenWorld(split, "test", seed) for split in ("seen", "unseen_concepts"))
    familiar, strange = (
        iter([each for each in world.distinct_quadruplets(number + number // SPARE) if is_fit(each)])
        for world, number in ((seen, count - held_out), (unseen, held_out))
    )
    quadruplets = [next(strange if index % HELD_OUT == HELD_OUT - 1 else familiar) for index in range(count)]
    return [Triple(*each) for each in zip(quadruplets, seen.distinct_neutral(count), strict=True)]


def encode(image: Pillow.Image) -> bytes:
    """Encodes an image as AVIF, which holds flat colour and sharp edges in a few kilobytes."""
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", **AVIF)
    return buffer.getvalue()


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
    image = encode(renderer.paint(scene))
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
pretty_name: ViSU-Emoji gallery
task_categories: [zero-shot-image-classification, image-to-text]
configs: [{{config_name: default, data_files: [{{split: test, path: "data/test-*.parquet"}}]}}]
---
# ViSU-Emoji gallery

{3 * count} pictures of {SIZE} px with captions: {count} safe scenes, their {count} unsafe twins, which differ in one thing, deed or
context, and {count} neutral scenes, in which nothing is unsafe and nothing takes the place of anything unsafe. All are of the
test phase: no model of the zoo was trained on these combinations. Every fifth unsafe picture shows harm that no adapter was
tuned on. "Unsafe" stands for ViSU's seven categories with nothing that a school could not see.

`image_id` and `caption_id` are content hashes; `twin` is the `image_id` of the safe picture of the pair. `category` is empty for
safe and neutral rows; `object` is empty where someone does something to someone. Made by `python -m
training.zoo.gallery` from seed {GALLERY_SEED}.

The scenes are adaptations (recoloured, scaled, composed) of emoji artwork:

{credits()}
"""


def credits() -> str:
    """The art styles that the gallery shows, one a line, with what their licences ask for."""
    return "\n".join(
        f"- {style.credit} ({style.license}), `{style.package}` {style.version}"
        for style in (STYLES[name] for name in TRAINING_STYLES)
    )


def build(out: Path, artwork: Path, count: int = TRIPLES) -> None:
    """Writes the data set of `count` triples to `out`."""
    write(out, rows(SceneRenderer.open(artwork, SIZE), triples(count)), card(count))


def write(out: Path, items: Iterable[dict], readme: str) -> None:
    """Writes rows with the columns of `FEATURES` as a data set of the test split, in files below the zoo's limit.

    The folder `data` appears once all of its files are written.
    """
    data = Dataset.from_list(list(items), features=FEATURES)
    unfinished = out / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    shards = max(1, -(-sum(len(row["bytes"]) for row in data.data["image"].to_pylist()) // SHARD))
    for shard in range(shards):
        part = data.shard(shards, shard, contiguous=True)
        part.to_parquet(unfinished / f"test-{shard:05d}-of-{shards:05d}.parquet")
    (out / "README.md").write_text(readme, encoding="utf-8")
    shutil.rmtree(out / "data", ignore_errors=True)
    unfinished.rename(out / "data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("zoo/open-gallery"))
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--triples", type=int, default=TRIPLES, metavar="N")
    options = parser.parse_args()
    build(options.out, options.artwork, options.triples)


if __name__ == "__main__":
    main()
