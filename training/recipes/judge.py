"""Trains the judge of emoji scenes: a classifier of its own, that never saw a weight of any CLIP.

    safeclip-train judge.toml --out runs/judge [--minutes 9]

A finished run is calibrated on the validation split and measured on the test split: `model` and `metrics.json`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from safeclip.judges.images.scene_classifier import (
    KINDS,
    ConceptLabel,
    SceneClassifier,
    SceneClassifierConfig,
    SceneLogits,
    Temperatures,
)

from ..data.emoji.rendering.labels import IGNORED
from ..data.emoji.world.concepts import world
from ..data.judge_batches import JudgeScenes, LabelledBatch
from ..engine.batches import numbered_batches
from ..engine.checkpoints import Stateful
from ..engine.device import channels_last
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..evaluation.calibration import balanced_threshold, expected_calibration_error, fit_temperature

BATCH = 100
MEASURED = {"gallery": False, "gallery_soft": True, "paintings": False, "paintings_soft": True}  # degraded or not

Outputs = dict[str, tuple[torch.Tensor, torch.Tensor]]  # kind → logits (n, concepts) and labels (n,), on the CPU


@dataclass(frozen=True)
class JudgeSpec:
    """Sizes, as in safeclip.judges.images.scene_classifier.SceneClassifierConfig."""

    image_size: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class JudgeRecipe(TrainingRecipe):
    """Every hyper-parameter of the judge."""

    model: JudgeSpec
    steps: int
    batch_size: int
    weight_decay: float
    patch_weight: float  # of the patches' labels beside the whole image's
    watched: int  # images of each kind in a validation
    held_out: int  # images of each kind for the calibration, and as many for the test


def build_classifier(spec: JudgeSpec) -> SceneClassifier:
    """A classifier of the world's concepts with random weights."""
    concepts = tuple(ConceptLabel(c.name, c.kind, c.category) for c in world().concepts)
    config = SceneClassifierConfig(spec.image_size, spec.channels, spec.blocks, concepts)
    return channels_last(SceneClassifier(config))


class JudgeTraining(Training[JudgeRecipe, LabelledBatch]):
    """Trains a SceneClassifier on patches and whole images alike."""

    recipe_type = JudgeRecipe
    max_norm = 5.0

    def __init__(self, recipe: JudgeRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self.model: SceneClassifier = self.initialise(build_classifier, recipe.model)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.99))

    def _scenes(self, split: str) -> JudgeScenes:
        size, grid = self.recipe.model.image_size, self.model.config.grid
        return JudgeScenes(self.options.artwork, split, self.recipe.seed, size, grid)

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def batch_maker(self) -> Callable[[int], LabelledBatch]:
        source, size = self._scenes("train"), self.recipe.batch_size
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
        return {**found, "patch_loss": self.recipe.patch_weight * patch_loss}

    def _heads(self, logits: SceneLogits, batch: LabelledBatch) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
        for i, kind in enumerate(KINDS):
            yield kind, getattr(logits, kind), batch.labels[:, i] - self.model.config.spans[kind].start

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """Accuracy on sharp gallery scenes and on degraded paintings of the validation split."""
        scenes = self._scenes("validation")
        measured = {}
        for name in ("gallery", "paintings_soft"):
            accuracy = self.accuracy(self._outputs(scenes, name, self.recipe.watched))
            measured |= {f"{name}_{kind}": value for kind, value in accuracy.items()}
        return measured, False

    @torch.inference_mode()
    def _outputs(self, scenes: JudgeScenes, name: str, count: int) -> Outputs:
        """The classifier's logits and the labels on `count` images of a kind of MEASURED."""
        draw = scenes.gallery if name.startswith("gallery") else scenes.paintings

        def make(batch: int) -> LabelledBatch:
            return draw(batch * BATCH, min(BATCH, count - batch * BATCH), MEASURED[name])

        self.model.eval()
        parts: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {kind: [] for kind in KINDS}
        for batch in numbered_batches(make, 0, -(-count // BATCH), self.options.workers):
            batch = self.placement.batch(batch)
            for kind, scores, target in self._heads(self.model(batch.pixels), batch):
                parts[kind].append((scores.cpu(), target.cpu()))
        return {
            kind: (torch.cat([s for s, _ in found]), torch.cat([t for _, t in found])) for kind, found in parts.items()
        }

    def accuracy(self, outputs: Outputs) -> dict[str, float]:
        """Percent right by kind, and as `unsafe` the mean of two rates: unsafe images flagged, safe ones not."""
        measured = {kind: _percent(scores.argmax(-1) == target) for kind, (scores, target) in outputs.items()}
        flagged = self._unsafe_scores(outputs) >= self.model.config.threshold
        unsafe = self._unsafe_concepts()[outputs["object"][1]]
        measured["unsafe"] = (_percent(flagged[unsafe]) + _percent(~flagged[~unsafe])) / 2
        return measured

    def _unsafe_concepts(self) -> torch.Tensor:
        return torch.tensor([concept.kind == "unsafe" for concept in self.model.config.objects])

    def _unsafe_scores(self, outputs: Outputs) -> torch.Tensor:
        probabilities = (outputs["object"][0] / self.model.config.temperatures.object).softmax(-1)
        return probabilities[:, self._unsafe_concepts()].sum(-1)

    def calibrate(self) -> dict[str, Any]:
        """Fits temperatures and threshold on the validation split; returns the errors before and after."""
        scenes = self._scenes("validation")
        groups = [self._outputs(scenes, name, self.recipe.held_out) for name in MEASURED]
        outputs = {kind: tuple(torch.cat([g[kind][i] for g in groups]) for i in range(2)) for kind in KINDS}
        temperatures, errors = {}, {}
        for kind, (scores, target) in outputs.items():
            temperatures[kind] = fit_temperature(scores, target)
            errors[kind] = {
                "ece_uncalibrated": expected_calibration_error(scores.softmax(-1), target),
                "ece": expected_calibration_error((scores / temperatures[kind]).softmax(-1), target),
            }
        self.model.config = replace(self.model.config, temperatures=Temperatures(**temperatures))
        unsafe = self._unsafe_concepts()[outputs["object"][1]].numpy()
        threshold, error = balanced_threshold(self._unsafe_scores(outputs).numpy().astype(np.float64), unsafe)
        self.model.config = replace(self.model.config, threshold=threshold)
        return {"temperatures": temperatures, "threshold": threshold, "balanced_error": error, **errors}

    def test(self) -> dict[str, dict[str, float]]:
        """Percent right on the test split: kind of image → subject, object, place, unsafe, n."""
        scenes, count = self._scenes("test"), self.recipe.held_out
        return {name: {**self.accuracy(self._outputs(scenes, name, count)), "n": count} for name in MEASURED}

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": self.model}

    def savable(self, complete: bool) -> bool:
        return complete

    def save(self, folder: Path) -> None:
        """Calibrates the classifier and saves it, with its figures in `metrics.json` beside the folder."""
        figures = {"validation": self.calibrate(), "test": self.test()}
        (folder.parent / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        self.model.save_pretrained(folder)


def _percent(right: torch.Tensor) -> float:
    return 100 * right.double().mean().item()
