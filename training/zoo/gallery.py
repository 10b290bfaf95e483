"""Renders the gallery of the zoo: test quadruplets as a `datasets` Parquet directory.

python -m training.zoo.gallery --out zoo/gallery
"""

import argparse
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from datasets import Dataset, Features
from PIL import Image as Pillow

from safeclip.hashing import content_id
from safeclip.retrieval.gallery_schema import arrow_schema

from ..data.emoji.rendering.artwork import STYLES, TRAINING_STYLES
from ..data.emoji.rendering.renderer import GALLERY_SIZE, SceneRenderer
from ..data.emoji.world.concepts import world
from ..data.emoji.world.dataset import Quadruplet
from ..data.emoji.world.scenes import Scene
from ..evaluation.quadruplets import GALLERY_QUADRUPLETS, GALLERY_SEED, gallery_quadruplets

AVIF = {"quality": 36, "speed": 7, "max_threads": 1}

FEATURES = Features.from_arrow_schema(arrow_schema())


def encode(image: Pillow.Image, quality: int = AVIF["quality"]) -> bytes:
    """Encodes an image as AVIF, which holds flat colour and sharp edges in a few kilobytes."""
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", **AVIF | {"quality": quality})
    return buffer.getvalue()


def rows(renderer: SceneRenderer, quadruplets: list[Quadruplet]) -> Iterator[dict]:
    """A safe row and its unsafe twin for every quadruplet, in order."""
    for quadruplet in quadruplets:
        safe = encode(renderer.paint(quadruplet.safe))
        unsafe = encode(renderer.paint(quadruplet.unsafe))
        twin = content_id(safe)
        yield _row(safe, quadruplet.safe, quadruplet.safe_text, twin)
        yield _row(unsafe, quadruplet.unsafe, quadruplet.unsafe_text, twin)


def _row(image: bytes, scene: Scene, caption: str, twin: str) -> dict:
    return {
        "image": {"bytes": image, "path": None},
        "image_id": content_id(image),
        "caption": caption,
        "caption_id": content_id(caption),
        "unsafe": scene.object.kind == "unsafe",
        "category": scene.object.category,
        "subject": scene.subject.name,
        "object": scene.object.name,
        "place": scene.place.backdrop,
        "style": scene.style,
        "twin": twin,
    }


def card(count: int) -> str:
    """The README of the data set."""
    concepts = world()
    return f"""---
license: cc-by-4.0
pretty_name: ViSU-Emoji gallery
task_categories: [zero-shot-image-classification, image-to-text]
configs: [{{config_name: default, data_files: [{{split: test, path: "data/test-*.parquet"}}]}}]
---
# ViSU-Emoji gallery

{count} pictures of {GALLERY_SIZE} px with captions, in pairs: a safe scene and its unsafe twin, which differs in one object
and its wording alone. Both combinations of subject and object are of the test split: no model of the zoo was trained on them.
{len(concepts.subjects)} subjects, {len(concepts.unsafe_objects)} unsafe objects, as many safe ones that take their places, {len(concepts.places)} places; "unsafe" stands
for ViSU's seven categories with nothing that a school could not see.

`image_id` and `caption_id` are content hashes; `twin` is the `image_id` of the safe picture of the pair. `category` is empty for
safe rows. Made by `python -m training.zoo.gallery` from seed {GALLERY_SEED}.

The scenes are adaptations (recoloured, scaled, composed) of emoji artwork:

{credits()}
"""


def credits() -> str:
    """The art styles that galleries show, one a line, with what their licences ask for."""
    return "\n".join(
        f"- {style.credit} ({style.license}), `{style.package}` {style.version}"
        for style in (STYLES[name] for name in TRAINING_STYLES)
    )


def build(out: Path, artwork: Path, count: int = GALLERY_QUADRUPLETS) -> None:
    """Writes the data set to `out`."""
    renderer = SceneRenderer.open(artwork, world(), GALLERY_SIZE)
    write(out, rows(renderer, gallery_quadruplets(count)), card(2 * count))


def write(out: Path, items: Iterable[dict], readme: str) -> None:
    """Writes rows with the columns of `FEATURES` as a data set of the test split, in files below the zoo's limit."""
    data = Dataset.from_list(list(items), features=FEATURES)
    (out / "data").mkdir(parents=True, exist_ok=True)
    shards = max(1, -(-sum(len(row["bytes"]) for row in data.data["image"].to_pylist()) // 7_000_000))
    for shard in range(shards):
        part = data.shard(shards, shard, contiguous=True)
        part.to_parquet(out / "data" / f"test-{shard:05d}-of-{shards:05d}.parquet")
    (out / "README.md").write_text(readme, encoding="utf-8")


def run(description: str | None, build: Callable[[Path, Path, int], None], out: str, what: str, count: int) -> None:
    """Command line of a gallery: `build` gets the folder (by default `out`), the artwork's, and how many of `what`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument(f"--{what}", type=int, default=count, dest="count", metavar="N")
    options = parser.parse_args()
    build(options.out, options.artwork, options.count)


if __name__ == "__main__":
    run(__doc__, build, "zoo/gallery", "quadruplets", GALLERY_QUADRUPLETS)
