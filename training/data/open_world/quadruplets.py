"""The open world as a source of quadruplets for Safe-CLIP's recipe."""

import json
from functools import cached_property
from pathlib import Path

from PIL import Image

from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import write_atomically

from ..quadruplets import QuadrupletItem
from .harm.rewording import Siblings
from .items import BLOCK, OpenWorld, Quadruplet
from .packed import PackedKind, PackedScenes, PackedSpec
from .rendering.renderer import TRAINING_SIZE, SceneRenderer
from .splits import TRAIN, Phase


class OpenQuadruplets:
    """`count` quadruplets of a split, painted when asked for.

    Training takes them in blocks of siblings, which are hard negatives of one another, and `reworded` of their unsafe
    captions from WordNet below `language`; held-out ones are all distinct, to be ranked.
    """

    def __init__(
        self,
        artwork: Path,
        split: str,
        phase: Phase,
        seed: int,
        count: int,
        size: int = TRAINING_SIZE,
        *,
        reworded: float = 0.0,
        language: Path = Path("runs/language"),
    ):
        kind: PackedKind = "siblings" if phase == TRAIN else "quadruplets"
        world = OpenWorld(split, phase, seed)
        self._painter = SceneRenderer.open(artwork, size)
        self._held_out = None if phase == TRAIN else world.distinct_quadruplets(count)
        self._siblings = Siblings.of(world, reworded if phase == TRAIN else 0.0, language)
        self._count = count
        self.block = len(BLOCK) if phase == TRAIN else 1
        self.spec = PackedSpec(kind, count, split, phase, seed, size)
        painted = self.spec.fingerprint
        self.fingerprint = content_id(f"{painted} {reworded}") if self._siblings.words else painted

    def __len__(self) -> int:
        return self._count

    def quadruplet(self, index: int) -> Quadruplet:
        """The quadruplet before it is painted: its scenes, captions and verdict."""
        return self._held_out[index] if self._held_out else self._siblings.quadruplet(index)

    def item(self, index: int) -> QuadrupletItem:
        quadruplet = self.quadruplet(index)
        return QuadrupletItem(
            quadruplet.safe_caption.text,
            quadruplet.unsafe_caption.text,
            self._painter.paint(quadruplet.safe),
            self._painter.paint(quadruplet.unsafe),
            quadruplet.category,
        )

    def safe_pair(self, index: int) -> tuple[str, Image.Image]:
        quadruplet = self.quadruplet(index)
        return quadruplet.safe_caption.text, self._painter.paint(quadruplet.safe)


class PackedQuadruplets:
    """The quadruplets of a source, painted and worded once: what a training of many epochs reads.

    Those of a training are kept on disk in `folder`; held-out ones, few and distinct, in memory once they are painted.
    """

    def __init__(self, source: OpenQuadruplets, folder: Path, artwork: Path, workers: int = 1):
        self._source = source
        self._folder = Path(folder)
        self._artwork = artwork
        self._workers = workers
        self._kept: dict[int, QuadrupletItem] = {}
        self.block = source.block
        self.fingerprint = source.fingerprint

    def paint(self) -> None:
        """Paints what is read from disk, in processes of its own: a process that prepares batches may start none."""
        if self._source.spec.kind == "siblings":
            PackedScenes.open(self._folder, self._artwork, self._source.spec, self._workers)

    def __len__(self) -> int:
        return len(self._source)

    def item(self, index: int) -> QuadrupletItem:
        if self._source.spec.kind == "siblings":
            text, unsafe_text, category = self._words[index]
            safe, unsafe = (Image.fromarray(side) for side in self._packed.pixels[index])
            return QuadrupletItem(text, unsafe_text, safe, unsafe, category)
        if index not in self._kept:
            self._kept[index] = self._source.item(index)
        return self._kept[index]

    def safe_pair(self, index: int) -> tuple[str, Image.Image]:
        item = self.item(index)
        return item.text, item.image

    @cached_property
    def _packed(self) -> PackedScenes:
        return PackedScenes.open(self._folder, self._artwork, self._source.spec, self._workers)

    @cached_property
    def _words(self) -> list[tuple[str, str, str]]:
        """Safe text, unsafe text and category of each quadruplet."""
        path = self._folder / f"words-{self.fingerprint}.json"
        if not path.is_file():
            quadruplets = map(self._source.quadruplet, range(len(self)))
            words = [(each.safe_caption.text, each.unsafe_caption.text, each.category) for each in quadruplets]
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(words).encode())
        return json.loads(path.read_text(encoding="utf-8"))
