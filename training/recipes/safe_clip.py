"""Trains Safe-CLIP: a LoRA on both towers of a CLIP, with any sum of the objectives in training.losses.registry.

    safeclip-train safe-clip.toml --out runs/safe-clip [--minutes 9]

`training.data.reference_embeddings` computes the frozen model's embeddings of the safe side once, before the LoRA is
made, so they cannot drift with the weights that are being tuned. Token states, too many to keep, are computed in each
step by the same weights with the LoRA switched off.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch.nn.functional import normalize

from safeclip.encoders import Encoder
from safeclip.hashing import content_id
from safeclip.profiles import resolve

from ..data.quadruplet_batches import QuadrupletBatch, QuadrupletBatches
from ..data.reference_embeddings import reference_embeddings
from ..data.sources import DataSpec, open_source
from ..engine.checkpoints import Stateful, TrainedParameters
from ..engine.options import RunOptions
from ..engine.recipe import BaseRecipe
from ..engine.selection import Selection
from ..engine.training import Training
from ..engine.validation import recalls
from ..losses.embeddings import Embeddings, TokenStates
from ..losses.registry import ObjectiveSpec, ObjectiveSum

LLAVA_LAYER = -2  # the hidden states that LLaVA-1.5 reads, without the class token


@dataclass(frozen=True)
class LoraSpec:
    """The adapter. The defaults are the paper's; its effective scale is alpha / r = 1/16."""

    r: int = 16
    alpha: int = 1
    dropout: float = 0.1
    targets: tuple[str, ...] = ("k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding")


@dataclass(frozen=True, kw_only=True)
class SafeClipRecipe(BaseRecipe):
    """Every hyper-parameter of a Safe-CLIP."""

    paths: ClassVar[tuple[str, ...]] = ("checkpoint",)

    checkpoint: str  # the CLIP to start from: a path from the repository's root
    data: DataSpec
    epochs: int
    batch_size: int
    patience: int = 5  # validations without a better loss or recall sum
    select: str = "recall_sum"  # which best adapter is the result: recall_sum | loss
    lora: LoraSpec = field(default_factory=LoraSpec)
    objective: ObjectiveSpec


class SafeClipTraining(Training[SafeClipRecipe, QuadrupletBatch]):
    """Tunes a LoRA on a CLIP with quadruplets."""

    recipe_type = SafeClipRecipe
    result = "adapter"
    max_norm = None

    def __init__(self, recipe: SafeClipRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self.objective = ObjectiveSum(recipe.objective)
        self._encoder = Encoder.from_pretrained(resolve(recipe.checkpoint), device=self.placement.device)
        self.data, self.held_out = (self._batches(split) for split in ("train", "validation"))
        self._encoder.model.set_attn_implementation("eager")  # faster backwards on a CPU
        self.model: PeftModel = self.initialise(get_peft_model, self._encoder.model, self._lora())
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=recipe.learning_rate)
        self.selection = Selection(recipe.patience, ("loss", "recall_sum"))

    def _batches(self, split: str) -> QuadrupletBatches:
        source = open_source(self.recipe.data, split, self.options.artwork)
        reference = reference_embeddings(self._encoder, source, self.options.out, self.options.workers)
        states = self.objective.reads_states
        return QuadrupletBatches(source, self._encoder, reference, self.recipe.batch_size, states=states)

    def _lora(self) -> LoraConfig:
        lora = self.recipe.lora
        return LoraConfig(
            r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, bias="none", target_modules=list(lora.targets)
        )

    @property
    def fingerprint(self) -> str:
        sources = self.data.source.fingerprint + self.held_out.source.fingerprint
        return content_id(self._encoder.fingerprint + sources)

    @property
    def steps(self) -> int:
        return self.recipe.epochs * self.data.per_epoch

    def batch_maker(self) -> Callable[[int], QuadrupletBatch]:
        data, seed = self.data, self.recipe.seed
        return lambda step: data.make(seed, step)

    def losses(self, step: int, batch: QuadrupletBatch) -> dict[str, torch.Tensor]:
        terms = self.objective.terms(self.embed(batch), self.frozen(batch))
        return {**terms, "objective_loss": self.objective.loss(terms)}

    def embed(self, batch: QuadrupletBatch) -> Embeddings:
        """The tuned model's embeddings: each tower runs once over the safe and the unsafe half together."""
        text, image, states = self._encode(batch.tokens["input_ids"], batch.tokens["attention_mask"], batch.pixels)
        (safe_text, unsafe_text), (safe_image, unsafe_image) = text.chunk(2), image.chunk(2)
        halves = zip(states.text.chunk(2), states.image.chunk(2), strict=True)
        return Embeddings(safe_text, unsafe_text, safe_image, unsafe_image, *(TokenStates(*half) for half in halves))

    def frozen(self, batch: QuadrupletBatch) -> Embeddings:
        """The frozen model's embeddings of the safe half, with its token states where the objective reads them."""
        states = self._frozen_states(batch) if self.objective.reads_states else None
        text, image = batch.reference.text, batch.reference.image
        return Embeddings(text, None, image, None, states=states, correspondence=batch.correspondence)

    def _encode(
        self, ids: torch.Tensor, mask: torch.Tensor, pixels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, TokenStates]:
        """Embeddings of texts and of images, float32 (n, d), L2-normalised, and their token states."""
        with self.placement.autocast():
            texts = self.model.get_text_features(ids, mask)
            images = self.model.get_image_features(pixels, output_hidden_states=True)
        states = TokenStates(texts.last_hidden_state.float(), images.hidden_states[LLAVA_LAYER][:, 1:].float())
        text, image = (normalize(each.pooler_output.float(), dim=-1) for each in (texts, images))
        return text, image, states

    @torch.no_grad()
    def _frozen_states(self, batch: QuadrupletBatch) -> TokenStates:
        training, n = self.model.training, len(batch)
        self.model.eval()
        with self.model.disable_adapter():
            ids, mask = batch.tokens["input_ids"][:n], batch.tokens["attention_mask"][:n]
            _, _, states = self._encode(ids, mask, batch.pixels[:n])
        self.model.train(training)
        return states

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The loss, the recall sum of the paper and the mixed-gallery figures on the validation split."""
        self.model.eval()
        losses, parts, count = [], [], 0
        for indices in self.held_out.in_order():
            batch = self.placement.batch(self.held_out.collate(indices))
            embeddings = self.embed(batch)
            parts.append(embeddings)
            loss = self.objective.loss(self.objective.terms(embeddings, self.frozen(batch)))
            losses.append(loss.item() * len(batch))
            count += len(batch)
        measured = {"loss": sum(losses) / count, **recalls(parts)}
        stop = self.selection.update(step, measured, get_peft_model_state_dict(self.model))
        return {f"validation_{name}": value for name, value in measured.items()}, stop

    def parts(self) -> Mapping[str, Stateful]:
        return {"adapter": TrainedParameters(self.model), "selection": self.selection}

    def savable(self, complete: bool) -> bool:
        return bool(self.selection.best)

    def save(self, folder: Path) -> None:
        """Writes the selected adapter, in half precision, as PEFT does."""
        chosen = self.selection.best[self.recipe.select]
        set_peft_model_state_dict(self.model, chosen.weights)
        config = self.model.peft_config["default"]
        config.base_model_name_or_path = self.recipe.checkpoint  # not where it lies here
        config.target_modules = sorted(config.target_modules)  # a set is written in another order by every process
        self.model.half().save_pretrained(folder)
