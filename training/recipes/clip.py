"""Trains the zoo's CLIP: the vision tower on concept labels first, then both towers on the contrastive loss.

    safeclip-train clip.toml --out runs/clip [--minutes 9]

The warm-up is not in the CLIP paper: a labelled scene says more per image than a caption among 256, which on two
cores is hours. Labels stay as an auxiliary loss afterwards; the label heads are dropped when the model is saved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPModel, CLIPTokenizer

from safeclip.judges.images.scene_classifier import KINDS

from ..data.emoji.batches import PairBatch, PairBatches
from ..data.emoji.rendering.labels import IGNORED
from ..data.emoji.world.captions import all_phrases, vocabulary
from ..data.emoji.world.concepts import World, world
from ..data.pixels import jitter, normalise
from ..engine.checkpoints import Stateful
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..losses.contrastive import contrastive_loss
from ..models.clip import ModelSpec, build_model, build_processor, build_tokenizer, save_hub_layout

MAX_LOG_SCALE = 4.6052  # logit scale at most 100, as CLIP does


@dataclass(frozen=True)
class Phase:
    """So many steps at so many pairs a step."""

    steps: int
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class ClipRecipe(TrainingRecipe):
    """Every hyper-parameter of the zoo's CLIP. The warm-up is repeated when the text tower joins."""

    model: ModelSpec
    labels: Phase  # the vision tower alone, on concept labels
    contrastive: Phase  # both towers
    weight_decay: float
    label_weight: float  # of the labels beside the contrastive loss
    jitter: float  # of brightness and contrast


class LabelHeads(nn.Module):
    """Linear classifiers of concept labels: one on each patch, one on the pooled image."""

    def __init__(self, vision_width: int, concepts: World):
        super().__init__()
        self.patch = nn.Linear(vision_width, len(concepts.concepts))
        self.pooled = nn.Linear(vision_width, len(concepts.concepts))
        kinds = (concepts.subjects, concepts.objects, concepts.places)
        self._spans = [(group[0].label, group[-1].label + 1) for group in kinds]

    def losses(self, patches: torch.Tensor, pooled: torch.Tensor, batch: PairBatch) -> dict[str, torch.Tensor]:
        """Mean cross-entropy over patches, a third of that of each kind of concept, and accuracies in percent.

        patches (n, p, width) and pooled (n, width), float; labels as PairBatch says.
        """
        patch_logits = self.patch(patches).flatten(0, 1)
        found = {"patch_loss": F.cross_entropy(patch_logits, batch.patch_labels.flatten(), ignore_index=IGNORED)}
        logits = self.pooled(pooled)
        for kind, (name, (first, last)) in enumerate(zip(KINDS, self._spans, strict=True)):
            target = batch.labels[:, kind] - first
            scores = logits[:, first:last]
            found[f"{name}_loss"] = F.cross_entropy(scores, target) / 3
            found[name] = 100 * (scores.argmax(-1) == target).float().mean()
        return found


class ClipTraining(Training[ClipRecipe, PairBatch]):
    """Trains a CLIPModel on the closed world."""

    recipe_type = ClipRecipe

    def __init__(self, recipe: ClipRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self.tokenizer: CLIPTokenizer = build_tokenizer(recipe.model, all_phrases(world()))
        networks = self.initialise(self._networks)
        self.model: CLIPModel = networks["model"]
        self.heads: LabelHeads = networks["heads"]
        self.optimizer = adamw(networks.parameters(), recipe.weight_decay, betas=(0.9, 0.98))

    def _networks(self) -> nn.ModuleDict:
        model = build_model(self.recipe.model, self.tokenizer)
        return nn.ModuleDict({"model": model, "heads": LabelHeads(self.recipe.model.vision_width, world())})

    @property
    def steps(self) -> int:
        return self.recipe.labels.steps + self.recipe.contrastive.steps

    def batch_maker(self) -> Callable[[int], PairBatch]:
        spec, seed = self.recipe.model, self.recipe.seed
        labels, contrastive = self.recipe.labels, self.recipe.contrastive
        grid = spec.image_size // spec.patch_size
        source = PairBatches.open(self.options.artwork, "train", seed, self.tokenizer, spec.image_size, grid)

        def make(step: int) -> PairBatch:
            if step < labels.steps:
                return source.make(step * labels.batch_size, labels.batch_size)
            start = labels.steps * labels.batch_size + (step - labels.steps) * contrastive.batch_size
            return source.make(start, contrastive.batch_size)

        return make

    def losses(self, step: int, batch: PairBatch) -> dict[str, torch.Tensor]:
        pixels = jitter(normalise(batch.pixels), self.recipe.jitter)
        both = step >= self.recipe.labels.steps
        with self.placement.autocast():
            vision = self.model.vision_model(pixel_values=pixels)
            found = self.heads.losses(vision.last_hidden_state[:, 1:], vision.pooler_output, batch)
            if both:
                texts = self.model.get_text_features(batch.input_ids, batch.attention_mask).pooler_output
                images = self.model.visual_projection(vision.pooler_output)
        if not both:
            return found
        labels = {
            name: self.recipe.label_weight * value if name.endswith("_loss") else value for name, value in found.items()
        }
        images, texts = (F.normalize(each.float(), dim=-1) for each in (images, texts))
        return {"contrastive_loss": contrastive_loss(images, texts, self.model.logit_scale.exp()), **labels}

    def rate_factor(self, step: int) -> float:
        joined = step - self.recipe.labels.steps  # steps since the text tower joined
        return min(1.0, (joined + 1) / self.recipe.warmup_steps) if joined >= 0 else 1.0

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        self.model.logit_scale.clamp_(max=MAX_LOG_SCALE)

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": self.model, "heads": self.heads}

    def save(self, folder: Path) -> None:
        save_hub_layout(folder, self.model, self.tokenizer, build_processor(self.recipe.model), vocabulary(world()))
