"""Scenes rendered once into memory-mapped arrays, so that training reads pixels instead of painting them.

python -m training.data.open_world.packed --kind pairs --count 60000 --folder runs/open-world --workers 2
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from safeclip.hashing import content_id

from ..source_texts import source_texts
from .items import OpenWorld
from .rendering.renderer import TRAINING_SIZE, SceneRenderer
from .scenes.scene import Scene
from .splits import PHASES, SPLITS, TRAIN, Phase

PackedKind = Literal["pairs", "neutral", "quadruplets", "siblings"]
KINDS: tuple[PackedKind, ...] = ("pairs", "neutral", "quadruplets", "siblings")
CHUNK = 1024  # items that are painted between two records of progress
_HERE = Path(__file__).parent
_FOLDERS = (
    *(_HERE / name for name in ("concepts", "harm", "language", "rendering", "scenes")),
    _HERE.parent / "emoji" / "rendering",
)  # folders whose tables and code decide what an item is and how it is painted
SOURCES = (*(_HERE / name for name in ("items.py", "splits.py", "splits.toml")), *_FOLDERS)


@dataclass(frozen=True)
class PackedSpec:
    """Which items are painted: the first `count` of a kind, of one split, phase and seed, at `size` px."""

    kind: PackedKind
    count: int
    split: str = TRAIN
    phase: Phase = TRAIN
    seed: int = 0
    size: int = TRAINING_SIZE

    @property
    def sides(self) -> int:
        """Pictures an item has: the safe and the unsafe one of a quadruplet, else one."""
        return 2 if self.kind in ("quadruplets", "siblings") else 1

    @property
    def fingerprint(self) -> str:
        """Changes with the items, with every table, and with the code that draws, words and paints them."""
        return content_id(json.dumps(asdict(self)) + source_texts(*SOURCES))

    def open_world(self) -> OpenWorld:
        return OpenWorld(self.split, self.phase, self.seed)


def scenes_of(world: OpenWorld, kind: PackedKind, index: int) -> tuple[Scene, ...]:
    """The scenes of an item: one, or the safe and the unsafe side."""
    if kind == "pairs":
        return (world.pair(index).scene,)
    if kind == "neutral":
        return (world.neutral(index).scene,)
    quadruplet = world.quadruplet(index) if kind == "quadruplets" else world.sibling(index)
    return quadruplet.safe, quadruplet.unsafe


class PackedScenes:
    """Painted items: uint8 (count, sides, size, size, 3) on disk, read by row."""

    def __init__(self, spec: PackedSpec, pixels: np.ndarray):
        self.spec = spec
        self.pixels = pixels

    @classmethod
    def open(cls, folder: Path, artwork: Path, spec: PackedSpec, workers: int = 1) -> "PackedScenes":
        """The painted items, from `folder` when they are there; painted by `workers` processes when not.

        An interrupted run goes on where it stopped.
        """
        path = Path(folder) / f"{spec.kind}-{spec.fingerprint}.npy"
        if not path.is_file():
            _paint_all(path, artwork, spec, workers)
        return cls(spec, np.load(path, mmap_mode="r"))

    def __len__(self) -> int:
        return self.spec.count

    def batch(self, rows: torch.Tensor | np.ndarray | list[int], side: int = 0) -> torch.Tensor:
        """The pictures of some rows: uint8 (n, 3, size, size). `side` 1 is the unsafe side of quadruplets."""
        pixels = self.pixels[np.asarray(rows), side]
        return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).contiguous()


def _paint_all(path: Path, artwork: Path, spec: PackedSpec, workers: int) -> None:
    """Paints chunk by chunk into a partial file; which chunks are done stands beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, record = path.with_suffix(".partial.npy"), path.with_suffix(".json")
    shape = (spec.count, spec.sides, spec.size, spec.size, 3)
    done = set(json.loads(record.read_text(encoding="utf-8"))) if record.is_file() and partial.is_file() else set()
    pixels = np.lib.format.open_memmap(partial, "r+" if done else "w+", np.uint8, shape)
    missing = [first for first in range(0, spec.count, CHUNK) if first not in done]
    for first, painted in _chunks(artwork, spec, missing, workers):
        pixels[first : first + len(painted)] = painted
        pixels.flush()
        done.add(first)
        record.write_text(json.dumps(sorted(done)), encoding="utf-8")
    partial.replace(path)
    record.unlink(missing_ok=True)


def _chunks(artwork: Path, spec: PackedSpec, firsts: list[int], workers: int) -> Iterator[tuple[int, np.ndarray]]:
    if workers <= 1 or len(firsts) <= 1:
        painter = _Painter(artwork, spec)
        yield from ((first, painter(first)) for first in firsts)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _start, (artwork, spec)) as pool:
        yield from pool.imap_unordered(_paint_chunk, firsts)


class _Painter:
    """Paints chunks of items, with its sprites kept from one to the next."""

    def __init__(self, artwork: Path, spec: PackedSpec):
        self._spec = spec
        self._world = spec.open_world()
        self._renderer = SceneRenderer.open(artwork, spec.size)

    def __call__(self, first: int) -> np.ndarray:
        """uint8 (n, sides, size, size, 3) of the items first … first + n − 1."""
        rows = range(first, min(first + CHUNK, self._spec.count))
        scenes = [scenes_of(self._world, self._spec.kind, index) for index in rows]
        return np.stack([np.stack([np.asarray(self._renderer.paint(scene)) for scene in item]) for item in scenes])


_painters: list[_Painter] = []  # the one of a worker process


def _start(artwork: Path, spec: PackedSpec) -> None:
    _painters[:] = [_Painter(artwork, spec)]


def _paint_chunk(first: int) -> tuple[int, np.ndarray]:
    return first, _painters[0](first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/open-world"), help="where painted scenes are kept")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--kind", default="pairs", choices=KINDS)
    parser.add_argument("--count", type=int, required=True, help="items")
    parser.add_argument("--split", default=TRAIN, choices=(TRAIN, *SPLITS))
    parser.add_argument("--phase", default=TRAIN, choices=PHASES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=TRAINING_SIZE, help="px")
    parser.add_argument("--workers", type=int, default=1)
    options = vars(parser.parse_args())
    folder, artwork, workers = (options.pop(name) for name in ("folder", "artwork", "workers"))
    packed = PackedScenes.open(folder, artwork, PackedSpec(**options), workers)
    print(f"{len(packed)} items, {packed.pixels.nbytes / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
