"""Scenes as latents with their captions' tokens: made once, kept in shards, read as memory maps at every step."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from safeclip.hashing import content_id, file_sha256
from safeclip.runtime import devices
from safeclip.runtime.atomic_files import replacing

from ..engine.batches import numbered_batches
from ..models.unet import tokenise
from ..models.vae import encode, load_vae
from .painted_worlds import captioned_scenes, scene_painter, world_sources
from .pixels import stack_pictures

SHARD = 1024  # scenes
BATCH = 32


@dataclass(frozen=True)
class LatentsSpec:
    """So many scenes of a split of a world, each with so many wordings of its caption."""

    world: str  # one of painted_worlds.WORLDS
    split: str
    seed: int
    scenes: int
    captions: int


class LatentStore:
    """The latents of numbered scenes: float16 (c, side, side) each, scaled; uint16 tokens (captions, length) each.

    `folder` belongs to one VAE, one tokenizer, one LatentsSpec and the code that draws its scenes; its name, the `key`,
    stands for all of them.
    """

    def __init__(self, folder: Path, spec: LatentsSpec):
        self.key = folder.name
        self._folder = folder
        self._spec = spec
        self._maps: dict[tuple[str, int], np.ndarray] = {}

    def __len__(self) -> int:
        return self._spec.scenes

    def path(self, kind: str, shard: int) -> Path:
        return self._folder / f"{kind}-{shard:05}.npy"

    def missing(self) -> list[int]:
        """Shards that are not made yet."""
        shards = range(-(-self._spec.scenes // SHARD))
        return [
            shard for shard in shards if not all(self.path(kind, shard).is_file() for kind in ("latents", "tokens"))
        ]

    def rows(self, indices: np.ndarray, wordings: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """The latents float32 (n, c, side, side) and the tokens int64 (n, length) of scenes in one wording each."""
        latents = np.stack([self._row("latents", i) for i in indices.tolist()])
        pairs = zip(indices.tolist(), wordings.tolist(), strict=True)
        tokens = np.stack([self._row("tokens", i)[wording] for i, wording in pairs])
        return torch.from_numpy(latents).float(), torch.from_numpy(tokens.astype(np.int64))

    def _row(self, kind: str, index: int) -> np.ndarray:
        shard, row = divmod(index, SHARD)
        if (kind, shard) not in self._maps:
            self._maps[kind, shard] = np.load(self.path(kind, shard), mmap_mode="r")
        return self._maps[kind, shard][row]


class JoinedStores:
    """The scenes of several stores, one store after another, as one."""

    def __init__(self, stores: Sequence[LatentStore]):
        self.key = content_id(" ".join(store.key for store in stores)) if len(stores) > 1 else stores[0].key
        self._stores = list(stores)
        self._firsts = np.cumsum([0, *(len(store) for store in stores)])

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def rows(self, indices: np.ndarray, wordings: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """As LatentStore.rows."""
        owners = np.searchsorted(self._firsts, indices, side="right") - 1
        order = np.argsort(owners, kind="stable")
        parts = [
            self._stores[owner].rows(indices[owners == owner] - self._firsts[owner], wordings[owners == owner])
            for owner in np.unique(owners)
        ]
        latents, tokens = (torch.cat(each) for each in zip(*parts, strict=True))
        back = torch.from_numpy(np.argsort(order))
        return latents[back], tokens[back]


def open_store(
    folder: Path,
    spec: LatentsSpec,
    *,
    vae: Path,
    tokenizer: CLIPTokenizer,
    artwork: Path,
    device: str | None = None,
    workers: int = 1,
    deadline: float = float("inf"),
    report: Callable[[str], None] = print,
) -> LatentStore | None:
    """The store of `spec` inside `folder`, after encoding what it lacks; None when `deadline` came first.

    `deadline` is in seconds of time.monotonic(). Shards are written whole or not at all, none is encoded twice, and
    every call encodes one at least, so that short slices come to an end too.
    """
    weights = [file_sha256(path) for path in sorted(vae.glob("*.safetensors"))]
    config = (vae / "config.json").read_text(encoding="utf-8")
    vocabulary = sorted(tokenizer.get_vocab().items())  # it comes in another order in every process
    key = content_id(repr((spec, weights, config, vocabulary, world_sources(spec.world))))
    store = LatentStore(folder / key, spec)
    missing = store.missing()
    if not missing:
        return store
    store.path("latents", 0).parent.mkdir(parents=True, exist_ok=True)
    model = devices.place(load_vae(vae), devices.as_device(device))
    scenes = _Scenes(spec, artwork, model_size(vae))
    ends = {shard: min(spec.scenes, (shard + 1) * SHARD) for shard in missing}
    parts = [
        (first, min(end, first + BATCH)) for shard, end in ends.items() for first in range(shard * SHARD, end, BATCH)
    ]
    made, latents, texts = 0, [], []
    batches = numbered_batches(lambda batch: scenes.batch(*parts[batch]), 0, len(parts), workers)
    for (_, last), (pixels, captions) in zip(parts, batches, strict=True):
        latents.append(encode(model, pixels).half().cpu().numpy())
        texts += captions
        shard = missing[made]
        if last < ends[shard]:
            continue
        tokens = (
            tokenise(tokenizer, texts).numpy().astype(np.uint16).reshape(-1, spec.captions, tokenizer.model_max_length)
        )
        _save(store.path("tokens", shard), tokens)
        _save(store.path("latents", shard), np.concatenate(latents))
        made, latents, texts = made + 1, [], []
        report(f"latents: shard {made} of {len(missing)}")
        if made < len(missing) and time.monotonic() > deadline:
            return None
    return store


class _Scenes:
    """Renders scenes for the VAE."""

    def __init__(self, spec: LatentsSpec, artwork: Path, size: int):
        self._spec = spec
        self._paintings = captioned_scenes(spec.world, spec.split, spec.seed)
        self._paint = scene_painter(spec.world, artwork, size)

    def batch(self, first: int, last: int) -> tuple[torch.Tensor, list[str]]:
        """The images of scenes first … last − 1, and their captions one after another."""
        found = [self._paintings.painting(i, self._spec.captions) for i in range(first, last)]
        pixels = stack_pictures([self._paint(painting.scene) for painting in found])
        return pixels, [text for painting in found for text in painting.captions]


def model_size(vae: Path) -> int:
    """The side in px of the images that a saved VAE was made for."""
    return AutoencoderKL.load_config(vae, local_files_only=True)["sample_size"]


def _save(path: Path, array: np.ndarray) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, array)
