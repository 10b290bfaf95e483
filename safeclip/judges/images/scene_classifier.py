"""Network behind the judge of emoji scenes: recognises the subject, object and place of an image.

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
from ..scores import Sight

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

    Concepts are subjects, then objects, then places. `threshold` is the probability of an unsafe object from which an
    image counts as unsafe.
    """

    image_size: int
    channels: tuple[int, ...]  # of each stage; the first is at a quarter of the side, each next one halves it
    blocks: tuple[int, ...]  # residual blocks of each stage
    concepts: tuple[ConceptLabel, ...]
    temperatures: Temperatures = Temperatures()
    threshold: float = 0.5

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


@dataclass(frozen=True)
class SceneReading:
    """Likeliest concept of each kind in one image; `unsafe` is the probability that the object is an unsafe one."""

    subject: Sight
    object: Sight
    place: Sight
    unsafe: float
    categories: dict[str, float]  # category → the probability that the object belongs to it

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
        return SceneLogits(patches, **by_kind)

    def probabilities(self, logits: SceneLogits) -> dict[str, torch.Tensor]:
        """Calibrates logits: kind → probabilities, float (n, concepts of the kind)."""
        temperatures = self.config.temperatures
        return {kind: (getattr(logits, kind) / getattr(temperatures, kind)).softmax(dim=-1) for kind in KINDS}

    @torch.inference_mode()
    def read(self, images: Sequence[Image.Image]) -> list[SceneReading]:
        """Reads n images of any size and mode, each resized to image_size × image_size px first."""
        if not images:
            return []
        device = next(self.parameters()).device
        pixels = self.pixels(images)
        with computing_on(device):
            found = self.probabilities(self(pixels.to(device)))
            rows = {kind: probabilities.cpu().numpy() for kind, probabilities in found.items()}
        return [self._reading({kind: rows[kind][i] for kind in KINDS}) for i in range(len(images))]

    def pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Resizes n images of any size and mode: uint8 (n, 3, image_size, image_size)."""
        size = (self.config.image_size, self.config.image_size)
        sized = [
            image.convert("RGB") if image.size == size else image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
            for image in images
        ]
        return torch.from_numpy(np.stack([np.asarray(image) for image in sized])).permute(0, 3, 1, 2)

    def _reading(self, row: dict[str, np.ndarray]) -> SceneReading:
        sights = {}
        for kind in KINDS:
            best = int(row[kind].argmax())
            concept = self.config.concepts[self.config.spans[kind]][best]
            sights[kind] = Sight(kind, concept.name, float(row[kind][best]))
        categories: dict[str, float] = {}
        for concept, probability in zip(self.config.objects, row["object"].tolist(), strict=True):
            if concept.kind == "unsafe":
                categories[concept.category] = categories.get(concept.category, 0.0) + probability
        return SceneReading(**sights, unsafe=min(1.0, sum(categories.values())), categories=categories)
