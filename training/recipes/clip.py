"""Trains the zoo's CLIP: the vision tower on concept labels first, then both towers on the contrastive loss.

    python -m training.recipes.clip training/recipes/clip.toml --out runs/clip [--minutes 9]

The warm-up is not in the CLIP paper: a labelled scene says more per picture than a caption among 256, which on two
cores is hours. Labels stay as an auxiliary loss afterwards; the label heads are dropped when the model is saved.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPModel, CLIPTokenizer

from ..data.batches import numbered_batches
from ..data.emoji.batches import PairBatch, PairBatches
from ..data.emoji.rendering.labels import IGNORED
from ..data.emoji.world.captions import all_phrases, vocabulary
from ..data.emoji.world.concepts import World, world
from ..data.pixels import jitter, normalise
from ..engine.cli import RunOptions, parse_run
from ..engine.loop import Pace, Schedule, run
from ..engine.optimizer_step import adamw, optimizer_step
from ..engine.recipe import read_recipe
from ..models.clip import ModelSpec, build_model, build_processor, build_tokenizer, save_hub_layout


@dataclass(frozen=True)
class Phase:
    """So many steps at so many pairs a step."""

    steps: int
    batch_size: int


@dataclass(frozen=True)
class ClipRecipe:
    """Every hyper-parameter of the zoo's CLIP."""

    seed: int
    model: ModelSpec
    labels: Phase  # the vision tower alone, on concept labels
    contrastive: Phase  # both towers
    learning_rate: float
    warmup_steps: int  # of the learning rate, at the start and again when the text tower joins
    decay_steps: int
    weight_decay: float
    label_weight: float  # of the labels beside the contrastive loss
    jitter: float  # of brightness and contrast
    checkpoint_every: int  # steps

    @property
    def steps(self) -> int:
        return self.labels.steps + self.contrastive.steps


class LabelHeads(nn.Module):
    """Linear readers of concept labels: one from each patch, one from the pooled picture."""

    def __init__(self, vision_width: int, concepts: World):
        super().__init__()
        self.patch = nn.Linear(vision_width, len(concepts.concepts))
        self.pooled = nn.Linear(vision_width, len(concepts.concepts))
        kinds = (concepts.subjects, concepts.objects, concepts.places)
        self._spans = [(group[0].label, group[-1].label + 1) for group in kinds]

    def loss(
        self, patches: torch.Tensor, pooled: torch.Tensor, batch: PairBatch
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Mean cross-entropy over patches plus that over subject, object and place of the whole picture.

        patches (n, p, width) and pooled (n, width), float; labels as PairBatch says.
        """
        loss = F.cross_entropy(self.patch(patches).flatten(0, 1), batch.patch_labels.flatten(), ignore_index=IGNORED)
        metrics = {"patch_loss": loss.item()}
        logits = self.pooled(pooled)
        for kind, (name, (first, last)) in enumerate(zip(("subject", "object", "place"), self._spans, strict=True)):
            target = batch.labels[:, kind] - first
            scores = logits[:, first:last]
            loss = loss + F.cross_entropy(scores, target) / 3
            metrics[name] = 100 * (scores.argmax(-1) == target).float().mean().item()
        return loss, metrics


def contrastive_loss(images: torch.Tensor, texts: torch.Tensor, logit_scale: torch.Tensor) -> torch.Tensor:
    """CLIP's symmetric InfoNCE (Radford et al., 2021, fig. 3). images, texts: (n, d), L2-normalised, row i a pair."""
    logits = logit_scale * images @ texts.T  # (n, n)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


class ClipTraining:
    """A `loop.Trainable` that trains a CLIPModel on ViSU-Emoji."""

    def __init__(self, recipe: ClipRecipe, artwork: Path, workers: int):
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.tokenizer: CLIPTokenizer = build_tokenizer(recipe.model, all_phrases(world()))
        self.model: CLIPModel = build_model(recipe.model, self.tokenizer)
        self.heads = LabelHeads(recipe.model.vision_width, world())
        parameters = [*self.model.parameters(), *self.heads.parameters()]
        self.optimizer = adamw(parameters, recipe.weight_decay, betas=(0.9, 0.98))
        self._artwork = artwork
        self._workers = workers

    def batches(self, first: int, last: int) -> Iterator[PairBatch]:
        spec = self.recipe.model
        grid = spec.image_size // spec.patch_size
        source = PairBatches.open(self._artwork, "train", self.recipe.seed, self.tokenizer, spec.image_size, grid)
        labels, contrastive = self.recipe.labels, self.recipe.contrastive

        def make(step: int) -> PairBatch:
            if step < labels.steps:
                return source.make(step * labels.batch_size, labels.batch_size)
            start = labels.steps * labels.batch_size + (step - labels.steps) * contrastive.batch_size
            return source.make(start, contrastive.batch_size)

        return numbered_batches(make, first, last, self._workers)

    def step(self, step: int, batch: PairBatch, learning_rate: float) -> dict[str, float]:
        alone = step < self.recipe.labels.steps
        pixels = jitter(normalise(batch.pixels), self.recipe.jitter, torch.default_generator)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vision = self.model.vision_model(pixel_values=pixels)
            loss, metrics = self.heads.loss(vision.last_hidden_state[:, 1:], vision.pooler_output, batch)
            if not alone:
                texts = self.model.get_text_features(batch.input_ids, batch.attention_mask).pooler_output
                images = self.model.visual_projection(vision.pooler_output)
        if not alone:
            contrast = contrastive_loss(
                F.normalize(images.float(), dim=-1), F.normalize(texts.float(), dim=-1), self.model.logit_scale.exp()
            )
            metrics["contrastive_loss"] = contrast.item()
            loss = contrast + self.recipe.label_weight * loss
        since_start = step if alone else step - self.recipe.labels.steps
        rise = min(1.0, (since_start + 1) / self.recipe.warmup_steps)
        optimizer_step(loss, self.optimizer, learning_rate * rise)
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=4.6052)  # at most 100, as CLIP does
        return {"loss": loss.item(), **metrics}

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        return {}, False  # every batch is new, so the training metrics are a validation already

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])

    def save(self, folder: Path) -> None:
        save_hub_layout(folder, self.model, self.tokenizer, build_processor(self.recipe.model), vocabulary(world()))


def train(recipe: ClipRecipe, options: RunOptions) -> bool:
    """Train in `options.out`, resuming what is there; the model goes to its `model`. Returns whether it is complete."""
    training = ClipTraining(recipe, options.artwork, options.workers)
    schedule = Schedule(recipe.steps, recipe.learning_rate, decay_steps=recipe.decay_steps)
    pace = Pace(recipe.checkpoint_every, options.report_every, options.minutes)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    training.save(options.out / "model")
    return complete


if __name__ == "__main__":
    arguments = parse_run(__doc__)
    train(read_recipe(ClipRecipe, arguments.recipe), arguments)
