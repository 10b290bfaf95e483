"""Trains Safe-CLIP: a LoRA on both towers of a CLIP, with the paper's objective or with the mixed-gallery contrast.

    python -m training.recipes.safe_clip training/recipes/safe-clip.toml --out runs/safe-clip [--minutes 9]

`training.data.reference_embeddings` computes the frozen model's embeddings of the safe side once, before the LoRA is
made, so they cannot drift with the weights that are being tuned. Token states, too many to keep, are computed in each
step by the same weights with the LoRA switched off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch.nn.functional import normalize

from safeclip.encoders import Encoder, Tokens
from safeclip.profiles import resolve

from ..data.quadruplet_batches import QuadrupletBatch, collate, quadruplet_batches, steps_per_epoch
from ..data.reference_embeddings import Reference, reference_embeddings
from ..data.sources import DataSpec, open_source
from ..engine.cli import RunOptions, parse_run
from ..engine.loop import Pace, Schedule, run
from ..engine.recipe import read_recipe
from ..engine.selection import Selection
from ..engine.validation import recalls
from ..losses.redirection import LOGIT_SCALE, Embeddings, TermWeights, objective_terms, weighted_sum
from ..losses.token_states import TokenStates, state_terms, text_correspondence

LLAVA_LAYER = -2  # the hidden states that LLaVA-1.5 reads, without the class token


@dataclass(frozen=True)
class LoraSpec:
    """The adapter. The defaults are the paper's; its effective scale is alpha / r = 1/16."""

    r: int = 16
    alpha: int = 1
    dropout: float = 0.1
    targets: tuple[str, ...] = ("k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding")


@dataclass(frozen=True)
class SafeClipRecipe:
    """Every hyper-parameter of a Safe-CLIP."""

    seed: int
    checkpoint: str  # the CLIP to start from: a path from the repository's root
    data: DataSpec
    epochs: int
    batch_size: int
    learning_rate: float
    validate_every: int  # steps; each validation is saved and counts for patience
    patience: int = 5  # validations without a better loss or recall sum
    select: str = "recall_sum"  # which best adapter is the result: recall_sum | loss
    warmup_steps: int = 0
    decay_steps: int = 0
    logit_scale: float = LOGIT_SCALE  # of the contrastive terms
    lora: LoraSpec = field(default_factory=LoraSpec)
    weights: TermWeights = field(default_factory=TermWeights)


class SafeClipTraining:
    """A `loop.Trainable` that tunes a CLIP's LoRA on quadruplets."""

    def __init__(self, recipe: SafeClipRecipe, folder: Path, artwork: Path, workers: int):
        self.recipe = recipe
        self._workers = workers
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._encoder = Encoder.from_pretrained(resolve(recipe.checkpoint), device=self.device)
        self.source = open_source(recipe.data, "train", artwork)
        self._held_out = open_source(recipe.data, "validation", artwork)
        self.reference = self._reference(self.source, folder)
        self._held_out_reference = self._reference(self._held_out, folder)
        torch.manual_seed(recipe.seed)
        self._encoder.model.set_attn_implementation("eager")  # faster backwards on a CPU
        self.model = get_peft_model(self._encoder.model, self._lora())
        self._trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(self._trained, lr=recipe.learning_rate)
        self.selection = Selection(recipe.patience, ("loss", "recall_sum"))

    def _lora(self) -> LoraConfig:
        lora = self.recipe.lora
        return LoraConfig(
            r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, bias="none", target_modules=list(lora.targets)
        )

    def _reference(self, source, folder: Path) -> Reference:
        return reference_embeddings(self._encoder, source, folder, self._workers)

    @property
    def steps(self) -> int:
        return self.recipe.epochs * steps_per_epoch(self.source, self.recipe.batch_size)

    def batches(self, first: int, last: int) -> Iterator[QuadrupletBatch]:
        return quadruplet_batches(
            self.source,
            self._encoder,
            batch_size=self.recipe.batch_size,
            seed=self.recipe.seed,
            first=first,
            last=last,
            workers=self._workers,
            full_length=self._full_length,
        )

    @property
    def _full_length(self) -> bool:
        """Stable Diffusion reads the states of the padding too."""
        return self.recipe.weights.read_states

    def step(self, step: int, batch: QuadrupletBatch, learning_rate: float) -> dict[str, float]:
        self.model.train()
        terms, _ = self._terms(batch, self._frozen(self.reference, batch.indices))
        loss = weighted_sum(terms, self.recipe.weights)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item(), **{name: term.item() for name, term in terms.items()}}

    def _terms(self, batch: QuadrupletBatch, frozen: Embeddings) -> tuple[dict[str, torch.Tensor], Embeddings]:
        """Every term that the recipe may weigh, and the embeddings that they were computed from."""
        embeddings, states = self._embed(batch.tokens, batch.pixels)
        terms = objective_terms(embeddings, frozen, self.recipe.logit_scale)
        if self.recipe.weights.read_states:
            terms |= state_terms(states, self._frozen_states(batch), self._correspondence(batch))
        return terms, embeddings

    def _embed(self, tokens: Tokens, pixels: torch.Tensor) -> tuple[Embeddings, TokenStates]:
        """Both towers once over the safe and the unsafe half together."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            texts = self.model.get_text_features(
                tokens["input_ids"].to(self.device), tokens["attention_mask"].to(self.device)
            )
            images = self.model.get_image_features(pixels.to(self.device), output_hidden_states=True)
        text, unsafe_text = normalize(texts.pooler_output.float(), dim=-1).chunk(2)
        image, unsafe_image = normalize(images.pooler_output.float(), dim=-1).chunk(2)
        states = TokenStates(texts.last_hidden_state.float(), images.hidden_states[LLAVA_LAYER][:, 1:].float())
        return Embeddings(text, unsafe_text, image, unsafe_image), states

    @torch.no_grad()
    def _frozen_states(self, batch: QuadrupletBatch) -> TokenStates:
        """What the towers without their LoRA make of the safe half."""
        training, count = self.model.training, len(batch.indices)
        self.model.eval()
        with self.model.disable_adapter():
            _, states = self._embed({key: ids[:count] for key, ids in batch.tokens.items()}, batch.pixels[:count])
        self.model.train(training)
        return states

    def _correspondence(self, batch: QuadrupletBatch) -> torch.Tensor:
        safe, unsafe = batch.tokens["input_ids"].chunk(2)
        return text_correspondence(unsafe, safe, self._encoder.tokenizer.eos_token_id)

    def _frozen(self, reference: Reference, indices: torch.Tensor) -> Embeddings:
        text, image = reference.text[indices].to(self.device), reference.image[indices].to(self.device)
        return Embeddings(text, text, image, image)

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The loss, the recall sum of the paper and the mixed-gallery figures on the validation split."""
        self.model.eval()
        losses, parts = [], []
        for rows in torch.arange(len(self._held_out)).split(self.recipe.batch_size):
            batch = collate(self._held_out, self._encoder, rows, self._full_length)
            terms, embeddings = self._terms(batch, self._frozen(self._held_out_reference, rows))
            parts.append(embeddings)
            losses.append(weighted_sum(terms, self.recipe.weights).item() * len(rows))
        measured = {"loss": sum(losses) / len(self._held_out), **recalls(parts)}
        stop = self.selection.update(step, measured, get_peft_model_state_dict(self.model))
        return {f"validation_{name}": value for name, value in measured.items()}, stop

    def state_dict(self) -> dict[str, Any]:
        return {
            "adapter": get_peft_model_state_dict(self.model),
            "optimizer": self.optimizer.state_dict(),
            "selection": self.selection.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        set_peft_model_state_dict(self.model, state["adapter"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.selection.load_state_dict(state["selection"])

    def save(self, folder: Path) -> None:
        """Write the selected adapter, in half precision, as PEFT does."""
        chosen = self.selection.best[self.recipe.select]
        set_peft_model_state_dict(self.model, chosen.weights)
        self.model.peft_config["default"].base_model_name_or_path = self.recipe.checkpoint  # not where it lies here
        self.model.half().save_pretrained(folder)


def train(recipe: SafeClipRecipe, options: RunOptions) -> bool:
    """Train in `options.out`, resuming what is there, and save the best adapter so far to its `adapter`.

    Returns whether the run is complete.
    """
    training = SafeClipTraining(recipe, options.out, options.artwork, options.workers)
    schedule = Schedule(training.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
    pace = Pace(recipe.validate_every, options.report_every, options.minutes)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    if training.selection.best:
        training.save(options.out / "adapter")
    return complete


if __name__ == "__main__":
    arguments = parse_run(__doc__)
    train(read_recipe(SafeClipRecipe, arguments.recipe), arguments)
