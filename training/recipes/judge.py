"""Trains the judge of emoji scenes: a classifier of its own, that never saw a weight of any CLIP.

    python -m training.recipes.judge training/recipes/judge.toml --out runs/judge [--minutes 9]

A finished run is calibrated on the validation split and measured on the test split: `model` and `metrics.json`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
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

from ..data.batches import numbered_batches
from ..data.emoji.rendering.labels import IGNORED
from ..data.emoji.world.concepts import world
from ..data.judge_batches import JudgeScenes, LabelledBatch
from ..engine.cli import RunOptions, parse_run
from ..engine.loop import Pace, Schedule, run
from ..engine.optimizer_step import adamw, optimizer_step
from ..engine.recipe import read_recipe
from ..evaluation.calibration import balanced_threshold, expected_calibration_error, fit_temperature

BATCH = 100
MEASURED = {"gallery": False, "gallery_soft": True, "paintings": False, "paintings_soft": True}  # softened or not


@dataclass(frozen=True)
class JudgeSpec:
    """Sizes, as in safeclip.judges.images.scene_classifier.SceneClassifierConfig."""

    image_size: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class JudgeRecipe:
    """Every hyper-parameter of the judge."""

    seed: int
    model: JudgeSpec
    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    weight_decay: float
    patch_weight: float  # of the patches' labels beside the picture's
    checkpoint_every: int
    watched: int  # pictures of each kind that a validation looks at
    held_out: int  # pictures of each kind for the calibration, and as many for the test


def build_classifier(spec: JudgeSpec) -> SceneClassifier:
    """A classifier of the world's concepts with random weights."""
    concepts = tuple(ConceptLabel(c.name, c.kind, c.category) for c in world().concepts)
    config = SceneClassifierConfig(spec.image_size, spec.channels, spec.blocks, concepts)
    return SceneClassifier(config).to(memory_format=torch.channels_last)


class JudgeTraining:
    """A `loop.Trainable` that trains a SceneClassifier on patches and whole pictures alike."""

    def __init__(self, recipe: JudgeRecipe, options: RunOptions):
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.model = build_classifier(recipe.model)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.99))
        self._options = options

    def _scenes(self, split: str) -> JudgeScenes:
        size, grid = self.recipe.model.image_size, self.model.config.grid
        return JudgeScenes(self._options.artwork, split, self.recipe.seed, size, grid)

    def batches(self, first: int, last: int) -> Iterator[LabelledBatch]:
        source, size = self._scenes("train"), self.recipe.batch_size
        return numbered_batches(lambda step: source.training(step * size, size), first, last, self._options.workers)

    def step(self, step: int, batch: LabelledBatch, learning_rate: float) -> dict[str, float]:
        self.model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.model(batch.pixels)
        patches = logits.patches.float().flatten(0, 1)
        patch_loss = F.cross_entropy(patches, batch.patch_labels.flatten(), ignore_index=IGNORED)
        scene_loss, metrics = torch.zeros(()), {"patch_loss": patch_loss.item()}
        for kind, scores, target in self._heads(logits, batch):
            scene_loss = scene_loss + F.cross_entropy(scores, target)
            metrics[kind] = 100 * (scores.argmax(-1) == target).float().mean().item()
        loss = scene_loss + self.recipe.patch_weight * patch_loss
        optimizer_step(loss, self.optimizer, learning_rate, max_norm=5.0)
        return {"loss": loss.item(), **metrics}

    def _heads(self, logits: SceneLogits, batch: LabelledBatch) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
        for i, kind in enumerate(KINDS):
            yield kind, getattr(logits, kind), batch.labels[:, i] - self.model.config.spans[kind].start

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        scenes = self._scenes("validation")
        measured = {}
        for name in ("gallery", "paintings_soft"):
            outputs = self._outputs(scenes, name, self.recipe.watched)
            measured |= {f"{name}_{kind}": value for kind, value in self._accuracy(outputs).items()}
        return measured, False

    @torch.inference_mode()
    def _outputs(self, scenes: JudgeScenes, name: str, count: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Kind → (logits (n, concepts), labels (n,)) on `count` pictures of a kind of MEASURED."""
        draw = scenes.gallery if name.startswith("gallery") else scenes.paintings

        def make(batch: int) -> LabelledBatch:
            return draw(batch * BATCH, min(BATCH, count - batch * BATCH), MEASURED[name])

        self.model.eval()
        parts: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {kind: [] for kind in KINDS}
        for batch in numbered_batches(make, 0, -(-count // BATCH), self._options.workers):
            for kind, scores, target in self._heads(self.model(batch.pixels), batch):
                parts[kind].append((scores, target))
        return {
            kind: (torch.cat([s for s, _ in found]), torch.cat([t for _, t in found])) for kind, found in parts.items()
        }

    def _accuracy(self, outputs: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float]:
        """Percent right by kind, and as `unsafe` the mean of two rates: unsafe pictures flagged, safe ones let pass."""
        measured = {kind: _percent(scores.argmax(-1) == target) for kind, (scores, target) in outputs.items()}
        flagged = self._unsafe_scores(outputs) >= self.model.config.threshold
        unsafe = self._unsafe_concepts()[outputs["object"][1]]
        measured["unsafe"] = (_percent(flagged[unsafe]) + _percent(~flagged[~unsafe])) / 2
        return measured

    def _unsafe_concepts(self) -> torch.Tensor:
        return torch.tensor([concept.kind == "unsafe" for concept in self.model.config.objects])

    def _unsafe_scores(self, outputs: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        probabilities = (outputs["object"][0] / self.model.config.temperatures.object).softmax(-1)
        return probabilities[:, self._unsafe_concepts()].sum(-1)

    def calibrate(self) -> dict[str, Any]:
        """Fit temperatures and threshold on the validation split, and return the errors before and after."""
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
        """Percent right on the test split: kind of picture → subject, object, place, unsafe, n."""
        scenes, count = self._scenes("test"), self.recipe.held_out
        return {name: {**self._accuracy(self._outputs(scenes, name, count)), "n": count} for name in MEASURED}

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


def _percent(right: torch.Tensor) -> float:
    return 100 * right.double().mean().item()


def train(recipe: JudgeRecipe, options: RunOptions) -> bool:
    """Train in `options.out`, resuming what is there. Returns whether it is complete.

    A complete run leaves the calibrated classifier in `model` and its figures in `metrics.json`.
    """
    training = JudgeTraining(recipe, options)
    schedule = Schedule(recipe.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
    pace = Pace(recipe.checkpoint_every, options.report_every, options.minutes)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    if complete:
        figures = {"validation": training.calibrate(), "test": training.test()}
        (options.out / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        training.model.save_pretrained(options.out / "model")
    return complete


if __name__ == "__main__":
    arguments = parse_run(__doc__)
    train(read_recipe(JudgeRecipe, arguments.recipe), arguments)
