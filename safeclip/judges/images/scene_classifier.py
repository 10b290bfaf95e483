"""Network behind the judge of emoji scenes: recognises the subject, object and place of an image, patch by patch.

It was trained apart from every CLIP, on labels of images alone, so its errors are not those of the models it judges.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from ...errors import JudgeError, ProfileError, first_line
from ...runtime.device_lock import computing_on
from ...schema import parse
from ..contexts import Context
from ..scores import Sight
from .scene_contexts import context_tables

KINDS = ("subject", "object", "place")
CONFIG, WEIGHTS = "config.json", "model.safetensors"
MODEL_TYPE = "scene_classifier"


@dataclass(frozen=True)
class ConceptLabel:
    """One concept that the classifier knows. `kind` is subject, safe, unsafe (both objects) or place."""

    name: str
    kind: str
    category: str = ""


@dataclass(frozen=True)
class Temperatures:
    """Temperatures that divide each head's logits, so that its probabilities are calibrated (Guo et al., 2017)."""

    subject: float = 1.0
    object: float = 1.0
    place: float = 1.0


@dataclass(frozen=True)
class SceneClassifierConfig:
    """Configuration of the network: sizes in px, concepts in the order of its outputs, and the calibration.

    Concepts are subjects, then objects, then places. `threshold` is the probability of harm from which an image counts
    as unsafe. `contexts` are the rules of things that are unsafe in certain hands or places alone. With `colors` the
    network also says of each patch which of them its thing has, and whether a sprite's centre lies in it.
    """

    image_size: int
    channels: tuple[int, ...]  # of each stage; the first is at a quarter of the side, each next one halves it
    blocks: tuple[int, ...]  # residual blocks of each stage
    concepts: tuple[ConceptLabel, ...]
    temperatures: Temperatures = Temperatures()
    threshold: float = 0.5
    contexts: tuple[Context, ...] = ()
    colors: tuple[str, ...] = ()

    @property
    def grid(self) -> int:
        """Number of patches along a side."""
        return self.image_size // (4 * 2 ** (len(self.channels) - 1))

    @cached_property
    def spans(self) -> dict[str, slice]:
        """Range of the network's outputs that belongs to each kind. Raises JudgeError for concepts out of order."""
        kinds = ["object" if concept.kind in ("safe", "unsafe") else concept.kind for concept in self.concepts]
        counts = [kinds.count(kind) for kind in KINDS]
        if kinds != [kind for kind, count in zip(KINDS, counts, strict=True) for _ in range(count)]:
            raise JudgeError("The concepts of a scene classifier must be subjects, then objects, then places.")
        ends = np.cumsum(counts).tolist()
        return {kind: slice(end - count, end) for kind, count, end in zip(KINDS, counts, ends, strict=True)}

    @property
    def objects(self) -> tuple[ConceptLabel, ...]:
        return self.concepts[self.spans["object"]]


@dataclass
class SceneLogits:
    """Logits of n images: those of each patch over all concepts, and those of the image over each kind's concepts."""

    patches: torch.Tensor  # (n, grid · grid, concepts), row by row
    subject: torch.Tensor  # (n, subjects)
    object: torch.Tensor  # (n, objects)
    place: torch.Tensor  # (n, places)
    centres: torch.Tensor | None = None  # (n, grid · grid): whether a sprite's centre lies in a patch
    colors: torch.Tensor | None = None  # (n, grid · grid, colours)


@dataclass(frozen=True)
class SceneReading:
    """Likeliest concept of each kind in one image.

    `unsafe` is the probability that the object is unsafe by itself, or in this subject's hands or at this place.
    """

    subject: Sight
    object: Sight
    place: Sight
    unsafe: float
    categories: dict[str, float]  # category → the probability of its harm

    @property
    def sights(self) -> tuple[Sight, ...]:
        """The sights in the order of KINDS."""
        return tuple(getattr(self, kind) for kind in KINDS)


def _read_config(path: Path) -> SceneClassifierConfig:
    """Reads config.json. Raises ValueError or ProfileError when it is not that of a scene classifier."""
    table = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(table, dict) or table.pop("model_type", None) != MODEL_TYPE:
        raise ValueError(f"its model_type is not {MODEL_TYPE}")
    return parse(SceneClassifierConfig, table, file=path)


class _Block(nn.Module):
    """Two 3 × 3 convolutions around a shortcut (He et al., 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(inner)))


class SceneClassifier(nn.Module):
    """Small residual network that scores every concept in each patch and pools the scores by attention.

    Safe to call from several threads.
    """

    def __init__(self, config: SceneClassifierConfig):
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        before = 3
        for stage, (channels, blocks) in enumerate(zip(config.channels, config.blocks, strict=True)):
            down = nn.Conv2d(3, channels, 4, 4) if stage == 0 else nn.Conv2d(before, channels, 3, 2, 1, bias=False)
            layers += [down, nn.BatchNorm2d(channels), nn.ReLU(), *(_Block(channels) for _ in range(blocks))]
            before = channels
        self.trunk = nn.Sequential(*layers)
        self.name = nn.Linear(before, len(config.concepts))
        self.attend = nn.Linear(before, len(KINDS))
        self.attributes = nn.Linear(before, 1 + len(config.colors)) if config.colors else None
        subjects, places = ([c.name for c in config.concepts[config.spans[kind]]] for kind in ("subject", "place"))
        self._unsafe = torch.tensor([concept.kind == "unsafe" for concept in config.objects])
        self._contexts = context_tables(config.contexts, subjects, [c.name for c in config.objects], places)

    @classmethod
    def from_pretrained(cls, directory: str | Path, device: str | torch.device = "cpu") -> Self:
        """Loads what `save_pretrained` wrote, in single precision, ready to read images.

        Raises JudgeError when a file is missing, damaged, or of another network.
        """
        from safetensors.torch import load_file

        directory = Path(directory)
        for name in (CONFIG, WEIGHTS):
            if not (directory / name).is_file():
                raise JudgeError(f"{directory}: {name} is missing; the judge of emoji scenes needs it.")
        try:
            model = cls(_read_config(directory / CONFIG))
        except (ValueError, ProfileError) as error:
            raise JudgeError(f"{directory / CONFIG}: this is no scene classifier's: {first_line(error)}") from error
        try:
            model.load_state_dict({name: t.float() for name, t in load_file(directory / WEIGHTS).items()})
        except Exception as error:  # safetensors and torch raise several kinds for a file that does not fit
            raise JudgeError(f"{directory / WEIGHTS}: the weights cannot be loaded: {first_line(error)}") from error
        return model.eval().requires_grad_(False).to(memory_format=torch.channels_last).to(device)

    def save_pretrained(self, directory: str | Path) -> None:
        """Writes config.json and, in half precision, model.safetensors."""
        from safetensors.torch import save_file

        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"model_type": MODEL_TYPE, **asdict(self.config)}, indent=1, ensure_ascii=False)
        (directory / CONFIG).write_text(text + "\n", encoding="utf-8")
        halves = {name: t.half().contiguous() for name, t in self.state_dict().items()}
        save_file(halves, directory / WEIGHTS, metadata={"format": "pt"})

    def forward(self, pixels: torch.Tensor) -> SceneLogits:
        """Maps RGB `pixels`, uint8 (n, 3, image_size, image_size), to logits."""
        x = (pixels.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        features = self.trunk(x).flatten(2).transpose(1, 2)  # (n, patches, channels)
        patches = self.name(features)
        attention = self.attend(features).float().softmax(dim=1)  # over patches, one for each kind
        pooled = torch.einsum("npk,npc->nkc", attention, patches.float())
        spans = self.config.spans
        by_kind = {kind: pooled[:, i, spans[kind]] for i, kind in enumerate(KINDS)}
        if self.attributes is None:
            return SceneLogits(patches, **by_kind)
        attributes = self.attributes(features).float()
        return SceneLogits(patches, **by_kind, centres=attributes[..., 0], colors=attributes[..., 1:])

    def probabilities(self, logits: SceneLogits) -> dict[str, torch.Tensor]:
        """Calibrates logits: kind → probabilities, float (n, concepts of the kind)."""
        temperatures = self.config.temperatures
        return {kind: (getattr(logits, kind) / getattr(temperatures, kind)).softmax(dim=-1) for kind in KINDS}

    def harm(self, found: dict[str, torch.Tensor]) -> torch.Tensor:
        """Probability of each unsafe object, then of each of the config's contexts: float (n, objects + contexts).

        `found` is what `probabilities` gives. Subject, object and place count as independent of one another.
        """
        own = found["object"] * self._unsafe.to(found["object"])
        things, holds = (table.to(found["object"]) for table in self._contexts)
        held = torch.einsum("ns,rsp,np->nr", found["subject"], holds, found["place"])
        return torch.cat([own, found["object"] @ things.T * held], dim=-1)

    @cached_property
    def _harm_categories(self) -> list[str]:
        """The category of each column of `harm`; "" where it is always 0."""
        own = [concept.category if concept.kind == "unsafe" else "" for concept in self.config.objects]
        return own + [context.category for context in self.config.contexts]

    @torch.inference_mode()
    def read(self, images: Sequence[Image.Image]) -> list[SceneReading]:
        """Reads n images of any size and mode, each resized to image_size × image_size px first."""
        if not images:
            return []
        device = next(self.parameters()).device
        pixels = self.pixels(images)
        with computing_on(device):
            found = self.probabilities(self(pixels.to(device)))
            tables = {**found, "harm": self.harm(found)}
            rows = {name: table.cpu().numpy() for name, table in tables.items()}
        return [self.reading({name: rows[name][i] for name in rows}) for i in range(len(images))]

    def pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Resizes n images of any size and mode: uint8 (n, 3, image_size, image_size)."""
        size = (self.config.image_size, self.config.image_size)
        sized = [
            image.convert("RGB") if image.size == size else image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
            for image in images
        ]
        return torch.from_numpy(np.stack([np.asarray(image) for image in sized])).permute(0, 3, 1, 2)

    def reading(self, row: dict[str, np.ndarray]) -> SceneReading:
        """Reads one image's scene from the probabilities (concepts,) of each kind and, as "harm", of each harm."""
        sights = {}
        for kind in KINDS:
            best = int(row[kind].argmax())
            concept = self.config.concepts[self.config.spans[kind]][best]
            sights[kind] = Sight(kind, concept.name, float(row[kind][best]))
        categories: dict[str, float] = {}
        for category, probability in zip(self._harm_categories, row["harm"].tolist(), strict=True):
            if category:
                categories[category] = categories.get(category, 0.0) + probability
        return SceneReading(**sights, unsafe=min(1.0, sum(categories.values())), categories=categories)
