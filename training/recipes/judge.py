"""Trains the judge of emoji scenes: a classifier of its own, that never saw a weight of any CLIP.

    safeclip-train open-judge.toml --out runs/open-judge [--minutes 9]

A finished run is calibrated on the validation split and measured on the test split: `model` and `metrics.json`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from safeclip.judges.images.composition import Composition, compositions
from safeclip.judges.images.scene_classifier import (
    KINDS,
    SceneClassifier,
    SceneClassifierConfig,
    SceneLogits,
    Temperatures,
)
from safeclip.paths import resolve

from ..data.emoji.rendering.labels import IGNORED
from ..data.first_judge_batches import FirstJudgeScenes, first_concepts
from ..data.judge_batches import PAINTINGS, JudgePainter, JudgeScenes, LabelledBatch
from ..data.judge_labels import judge_concepts
from ..data.open_world.scenes.scene import Scene
from ..data.open_world.splits import TRAIN, Phase
from ..data.painted_worlds import FIRST, OPEN
from ..engine.checkpoints import Stateful
from ..engine.device import channels_last
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..evaluation.calibration import balanced_threshold, expected_calibration_error, fit_temperature
from ..evaluation.composition import composition_accuracy

BATCH = 100
MEASURED = {  # name → the scenes, as JudgeScenes names them, and whether they are degraded
    "gallery": ("seen", False),
    "gallery_soft": ("seen", True),
    "unseen_concepts": ("unseen_concepts", False),
    "contextual": ("contextual", False),
    "paintings": (PAINTINGS, False),
    "paintings_soft": (PAINTINGS, True),
}
CALIBRATING = ("gallery", "gallery_soft", "paintings", "paintings_soft")


@dataclass(frozen=True)
class Outputs:
    """What the classifier says of n images, and what is there; on the CPU."""

    logits: dict[str, torch.Tensor]  # kind → float (n, concepts of the kind)
    labels: dict[str, torch.Tensor]  # kind → int64 (n,)
    unsafe: torch.Tensor  # bool (n,)

    @classmethod
    def joined(cls, parts: "Sequence[Outputs]") -> "Outputs":
        """All parts as one."""
        logits, labels = (
            {kind: torch.cat([getattr(part, name)[kind] for part in parts]) for kind in KINDS}
            for name in ("logits", "labels")
        )
        return cls(logits, labels, torch.cat([part.unsafe for part in parts]))


@dataclass(frozen=True)
class JudgeSpec:
    """Sizes, as in safeclip.judges.images.scene_classifier.SceneClassifierConfig."""

    image_size: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class JudgeRecipe(TrainingRecipe):
    """Every hyper-parameter of the judge."""

    paths: ClassVar[tuple[str, ...]] = ("start",)

    world: str = FIRST  # one of painted_worlds.WORLDS
    start: str = ""  # a classifier of the same sizes, a path from the repository's root: of the same concepts, it goes
    # on from there; of others, it starts from that one's trunk
    model: JudgeSpec
    steps: int
    batch_size: int
    weight_decay: float
    patch_weight: float  # of the patches' labels beside the whole image's
    attribute_weight: float  # of the patches' colours, and of the centres of sprites
    watched: int  # images of each kind in a validation
    held_out: int  # images of each kind for the calibration, and as many for the test


def build_classifier(spec: JudgeSpec, world: str) -> SceneClassifier:
    """A classifier of a world's concepts with random weights; the open one's has its rules of contextual harm.

    Raises ValueError for a world that is not known.
    """
    known = judge_concepts()
    parts: dict[str, dict[str, Any]] = {
        FIRST: {"concepts": first_concepts()},
        OPEN: {"concepts": known.concepts, "contexts": known.contexts, "colors": known.colors},
    }
    if world not in parts:
        raise ValueError(f"“{world}” is no world that can be judged: choose from {', '.join(parts)}")
    config = SceneClassifierConfig(spec.image_size, spec.channels, spec.blocks, **parts[world])
    return channels_last(SceneClassifier(config))


class JudgeTraining(Training[JudgeRecipe, LabelledBatch]):
    """Trains a SceneClassifier on patches and whole images alike."""

    recipe_type = JudgeRecipe
    max_norm = 5.0

    def __init__(self, recipe: JudgeRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self.model: SceneClassifier = self.initialise(build_classifier, recipe.model, recipe.world)
        if recipe.start:
            self._start_from(SceneClassifier.from_pretrained(resolve(recipe.start)))
        self._painter = JudgePainter(options.artwork, recipe.model.image_size)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.99))

    def _start_from(self, start: SceneClassifier) -> None:
        if start.config.concepts == self.model.config.concepts:
            self.model.load_state_dict(start.state_dict())
        else:
            self.model.trunk.load_state_dict(start.trunk.state_dict())

    def _scenes(self, phase: Phase) -> JudgeScenes | FirstJudgeScenes:
        recipe, grid = self.recipe, self.model.config.grid
        if recipe.world == OPEN:
            return JudgeScenes(self._painter, phase, recipe.seed, grid)
        return FirstJudgeScenes(self.options.artwork, phase, recipe.seed, recipe.model.image_size, grid)

    @property
    def _measured(self) -> tuple[str, ...]:
        """The kinds of MEASURED that the world has."""
        return tuple(MEASURED) if self.recipe.world == OPEN else CALIBRATING

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def batch_maker(self) -> Callable[[int], LabelledBatch]:
        source, size = self._scenes(TRAIN), self.recipe.batch_size
        return lambda step: source.training(step * size, size)

    def losses(self, step: int, batch: LabelledBatch) -> dict[str, torch.Tensor]:
        with self.placement.autocast():
            logits = self.model(batch.pixels)
        patches = logits.patches.float().flatten(0, 1)
        patch_loss = F.cross_entropy(patches, batch.patch_labels.flatten(), ignore_index=IGNORED)
        found = {}
        for kind, scores, target in self._heads(logits, batch):
            found[f"{kind}_loss"] = F.cross_entropy(scores, target)
            found[kind] = 100 * (scores.argmax(-1) == target).float().mean()
        found["patch_loss"] = self.recipe.patch_weight * patch_loss
        if logits.centres is not None:
            found["attribute_loss"] = self.recipe.attribute_weight * _attribute_loss(logits, batch)
        return found

    def _heads(self, logits: SceneLogits, batch: LabelledBatch) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
        for i, kind in enumerate(KINDS):
            yield kind, getattr(logits, kind), batch.labels[:, i] - self.model.config.spans[kind].start

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """Accuracy on sharp gallery scenes and on degraded paintings of the validation phase."""
        scenes = self._scenes("validation")
        measured: dict[str, float] = {}
        for name in ("gallery", "paintings_soft"):
            accuracy = self.accuracy(self._outputs(scenes, name, self.recipe.watched))
            measured |= {f"{name}_{kind}": value for kind, value in accuracy.items()}
        return measured, False

    def _outputs(self, scenes: JudgeScenes | FirstJudgeScenes, name: str, count: int) -> Outputs:
        """The classifier's logits and the labels on `count` images of a kind of MEASURED."""
        kind, degraded = MEASURED[name]
        self.model.eval()
        parts = []
        for first in range(0, count, BATCH):
            batch = self.placement.batch(scenes.labelled(kind, first, min(BATCH, count - first), degraded))
            with torch.inference_mode():
                heads = list(self._heads(self.model(batch.pixels), batch))
            logits = {kind: scores.cpu() for kind, scores, _ in heads}
            labels = {kind: target.cpu() for kind, _, target in heads}
            parts.append(Outputs(logits, labels, batch.unsafe.cpu()))
        return Outputs.joined(parts)

    def accuracy(self, outputs: Outputs) -> dict[str, float]:
        """Percent right by kind, and as `unsafe` the mean of two rates: unsafe images flagged, safe ones not.

        Where images are all of one sort, its rate alone.
        """
        measured = {kind: _percent(outputs.logits[kind].argmax(-1) == outputs.labels[kind]) for kind in KINDS}
        flagged = self._unsafe_scores(outputs) >= self.model.config.threshold
        rates = [_percent(flagged[outputs.unsafe == sort] == sort) for sort in outputs.unsafe.unique()]
        return {**measured, "unsafe": sum(rates) / len(rates)}

    def _unsafe_scores(self, outputs: Outputs) -> torch.Tensor:
        temperatures = self.model.config.temperatures
        found = {kind: (outputs.logits[kind] / getattr(temperatures, kind)).softmax(-1) for kind in KINDS}
        return self.model.harm(found).sum(-1).clamp(max=1)

    def calibrate(self) -> dict[str, Any]:
        """Fits temperatures and threshold on the validation phase; returns the errors before and after."""
        scenes = self._scenes("validation")
        outputs = Outputs.joined([self._outputs(scenes, name, self.recipe.held_out) for name in CALIBRATING])
        temperatures, errors = {}, {}
        for kind in KINDS:
            scores, target = outputs.logits[kind], outputs.labels[kind]
            temperatures[kind] = fit_temperature(scores, target)
            errors[kind] = {
                "ece_uncalibrated": expected_calibration_error(scores.softmax(-1), target),
                "ece": expected_calibration_error((scores / temperatures[kind]).softmax(-1), target),
            }
        self.model.config = replace(self.model.config, temperatures=Temperatures(**temperatures))
        harm = self._unsafe_scores(outputs).numpy().astype(np.float64)
        threshold, error = balanced_threshold(harm, outputs.unsafe.numpy())
        self.model.config = replace(self.model.config, threshold=threshold)
        return {"temperatures": temperatures, "threshold": threshold, "balanced_error": error, **errors}

    def test(self) -> dict[str, dict[str, float]]:
        """Percent right on the test phase: kind of image → subject, object, place, unsafe, n."""
        scenes, count = self._scenes("test"), self.recipe.held_out
        return {name: {**self.accuracy(self._outputs(scenes, name, count)), "n": count} for name in self._measured}

    @torch.inference_mode()
    def test_composition(self) -> dict[str, dict[str, float]]:
        """Percent right on paintings of the test phase, sharp and degraded: counts, colours, sides."""
        source, config = JudgeScenes(self._painter, "test", self.recipe.seed, self.model.config.grid), self.model.config
        self.model.eval()
        figures: dict[str, dict[str, float]] = {}
        for name in ("paintings", "paintings_soft"):
            scenes: list[Scene] = []
            read: list[Composition] = []
            for first in range(0, self.recipe.held_out, BATCH):
                count = min(BATCH, self.recipe.held_out - first)
                batch = self.placement.batch(source.labelled(PAINTINGS, first, count, MEASURED[name][1]))
                scenes += source.scenes(PAINTINGS, first, count)
                read += compositions(config, self.model(batch.pixels))
            figures[name] = composition_accuracy(scenes, read)
        return figures

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": self.model}

    def savable(self, complete: bool) -> bool:
        return complete

    def save(self, folder: Path) -> None:
        """Calibrates the classifier and saves it, with its figures in `metrics.json` beside the folder."""
        figures = {"validation": self.calibrate(), "test": self.test()}
        if self.recipe.world == OPEN:
            figures["composition"] = self.test_composition()
        (folder.parent / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        self.model.save_pretrained(folder)


def _attribute_loss(logits: SceneLogits, batch: LabelledBatch) -> torch.Tensor:
    """Cross-entropy of centres in all patches, plus that of colours in the patches whose thing has a named one."""
    assert logits.centres is not None and logits.colors is not None  # a judge of the open world has both
    centres = F.binary_cross_entropy_with_logits(logits.centres.float(), batch.centres.float())
    colors = batch.colors.flatten()
    sums = F.cross_entropy(logits.colors.float().flatten(0, 1), colors, ignore_index=IGNORED, reduction="sum")
    return len(KINDS) * centres + sums / (colors != IGNORED).sum().clamp(min=1)


def _percent(right: torch.Tensor) -> float:
    return 100 * right.double().mean().item()
