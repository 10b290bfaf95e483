"""Trains Safe-CLIP: a LoRA on both towers of a CLIP or SigLIP, with any sum of the objectives in losses.registry.

    safeclip-train safe-clip.toml --out runs/safe-clip [--minutes 9]

`training.data.quadruplets.reference` computes the frozen model's embeddings of the safe side once, before the LoRA is
made, so they cannot drift with the weights that are being tuned. Token states, too many to keep, are computed in each
step by the same weights with the LoRA switched off.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from torch.nn.functional import normalize

from safeclip.encoders import Tokens
from safeclip.errors import ProfileError
from safeclip.hashing import content_id, file_sha256
from safeclip.paths import resolve

from ..bounds import at_least, check_bound
from ..data.quadruplets import QuadrupletSource
from ..data.quadruplets.answers import frozen_answers
from ..data.quadruplets.batches import QuadrupletBatch, QuadrupletBatches, padded_tokens
from ..data.quadruplets.reference import reference_embeddings
from ..data.quadruplets.repeats import distinct_rows, say_repeated
from ..data.sources import DataSpec, open_source
from ..engine.checkpoints import Stateful, TrainedParameters
from ..engine.large_batches.acceleration import (
    compile_layers,
    fold_adapter,
    recompute_activations,
    shard_frozen_weights,
)
from ..engine.large_batches.grad_cache import cached_backward
from ..engine.large_batches.trees import concatenated
from ..engine.optimizer import total_loss
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.selection import Selection
from ..engine.training import Training
from ..engine.validation import recalls
from ..losses.embeddings import Embeddings, Features, FrozenEmbeddings, Paintings, Reads, TokenStates
from ..losses.registry import OBJECTIVES, ObjectiveSpec, ObjectiveSum
from ..models.encoder_kind import CLIP, KINDS, SIGLIP, tunable_encoder
from ..models.llava import FEATURE_LAYER
from ..readers.llava import FrozenLlava
from ..readers.painter import FrozenPainter, Starts
from ..run_files import ADAPTER_FOLDER
from .adapter import ADAPTER, LoraSpec, load_adapter, with_adapter

OBJECTIVE = "objective."  # begins the names of an objective's learnt numbers among selected weights
LEARNT = "objective.safetensors"
CRITERIA = ("loss", "recall_sum")  # of model selection


@dataclass(frozen=True, kw_only=True)
class SafeClipRecipe(TrainingRecipe):
    """Every hyper-parameter of a Safe-CLIP."""

    paths: ClassVar[tuple[str, ...]] = ("checkpoint", "kind", "start")
    counts: ClassVar[tuple[str, ...]] = (*TrainingRecipe.counts, "epochs", "batch_size", "patience")
    from_zero: ClassVar[tuple[str, ...]] = (*TrainingRecipe.from_zero, "rows_at_once")

    checkpoint: str  # the CLIP to start from: a path from the repository's root, or a repository of the hub
    kind: str = CLIP  # clip | siglip, both of transformers
    start: str = ""  # an adapter of the same sizes to go on from: a path from the repository's root; "" for a new one
    data: DataSpec
    epochs: int
    batch_size: int  # of all processes together
    rows_at_once: int = 0  # quadruplets of a process whose activations are in memory; 0 for all, with equal gradients
    patience: int = 5  # validations without a better loss or recall sum
    select: str = "recall_sum"  # which best adapter is the result: recall_sum | loss
    lora: LoraSpec = field(default_factory=LoraSpec)
    objective: ObjectiveSpec

    def __post_init__(self) -> None:
        super().__post_init__()
        least = max((each.least for name, each in OBJECTIVES.items() if getattr(self.objective, name)), default=1)
        check_bound(at_least(least), {"batch_size": self.batch_size})
        for key, choices in (("select", CRITERIA), ("kind", KINDS)):
            if (value := getattr(self, key)) not in choices:
                raise ProfileError(f"the key “{key}” is {value!r}; use one of: {', '.join(choices)}.")


class SafeClipTraining(Training[SafeClipRecipe, QuadrupletBatch]):
    """Tunes a LoRA on a CLIP with quadruplets."""

    recipe_type = SafeClipRecipe
    result = ADAPTER_FOLDER
    max_norm = None
    parallel = True

    def __init__(self, recipe: SafeClipRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self._encoder = tunable_encoder(recipe.checkpoint, recipe.kind, device=self.placement.device)
        self.objective = self.placement.module(ObjectiveSum(recipe.objective, self._encoder.towers.width))
        if recipe.kind == SIGLIP and Reads.STATES in self.objective.reads:
            raise ProfileError("the token states of an objective are those of a CLIP; a SigLIP has no such states.")
        asked = recipe.objective.answers
        self._llava = FrozenLlava(asked.llava, asked.question, self.placement.device) if asked else None
        if self._llava:
            self._llava.check(self._encoder.model.vision_model)
        shown = recipe.objective.paintings
        self._painter = FrozenPainter(shown.painter, self._encoder, self.placement.device) if shown else None
        splits = ("train", "validation")
        sources = [self.world.first_before_others(partial(self._source, split)) for split in splits]
        if self.world.first:
            say_repeated(*sources)
        self.data, self.held_out = (
            self.world.first_before_others(partial(self._batches, source, size))
            for source, size in zip(sources, (recipe.batch_size, min(recipe.batch_size, len(sources[1]))), strict=True)
        )
        self._encoder.model.set_attn_implementation("eager")  # faster backwards on a CPU
        self.model: PeftModel = self.initialise(with_adapter, self._encoder.model, recipe.lora, recipe.kind)
        if recipe.start:
            load_adapter(self.model, resolve(recipe.start))
        self._accelerate()
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam([*trained, *self.objective.parameters()], lr=recipe.learning_rate)
        self.selection = Selection(recipe.patience, CRITERIA)
        self._prompts = self._prompt_tokens()

    def _accelerate(self) -> None:
        model, options = self._encoder.model, self.options  # with the adapter in its layers
        if options.fold and options.shard:
            raise ProfileError("--fold needs a layer's whole weight, which --shard divides; leave one of them out.")
        if options.fold:
            fold_adapter(model)
        if options.recompute:
            recompute_activations(model)
        if options.shard:
            shard_frozen_weights(model, self.world)
        if options.compile:
            compile_layers(model, options.compile)

    def _source(self, split: str) -> QuadrupletSource:
        return open_source(self.recipe.data, split, self.options)

    def _batches(self, source: QuadrupletSource, size: int) -> QuadrupletBatches:
        reads, folder = self.objective.reads, self.options.embeddings or self.options.out
        reference = reference_embeddings(
            self._encoder, source, folder, self.options.workers, neighbours=Reads.NEIGHBOURS in reads
        )
        answers = self._llava and frozen_answers(self._llava, self._encoder, source, folder, self.options.workers)
        starts = self._starts if self._painter else None
        states = Reads.STATES in reads
        return QuadrupletBatches(source, self._encoder, reference, size, states=states, answers=answers, starts=starts)

    def _starts(self, indices: torch.Tensor, epoch: int) -> Starts:
        """Where the first of a batch's quadruplets are painted, one in as many as the objective says."""
        return self._painter.starts(indices[: -(-len(indices) // self.recipe.objective.paintings.one_in)], epoch)

    def _prompt_tokens(self) -> Tokens | None:
        """The objective's own prompts as tokens on the device."""
        if not self.objective.prompts:
            return None
        return self.placement.batch(padded_tokens(self._encoder, list(self.objective.prompts)))

    @property
    def fingerprint(self) -> str:
        sources = self.data.source.fingerprint + self.held_out.source.fingerprint
        start = file_sha256(resolve(self.recipe.start) / ADAPTER) if self.recipe.start else ""
        readers = "".join(reader.fingerprint for reader in (self._llava, self._painter) if reader)
        return content_id(self._encoder.fingerprint + sources + start + readers)

    @property
    def steps(self) -> int:
        return self.recipe.epochs * self.data.per_epoch

    def batch_maker(self) -> Callable[[int], QuadrupletBatch]:
        data, seed, share = self.data, self.recipe.seed, self.world.share(self.recipe.batch_size)
        return lambda step: data.make(seed, step, share)

    def losses(self, step: int, batch: QuadrupletBatch) -> dict[str, torch.Tensor]:
        return self._objective_losses(self.embed(batch), self.frozen(batch), step / self.steps)

    def backward(self, step: int, batch: QuadrupletBatch) -> dict[str, torch.Tensor]:
        """As in the base class; with `rows_at_once` by GradCache, whose gradients are those of the whole batch."""
        rows = self.recipe.rows_at_once
        if not 0 < rows < len(batch):
            return super().backward(step, batch)
        parts = batch.parts(rows)
        frozen = concatenated([self.frozen(part) for part in parts])

        def loss(embeddings: Embeddings) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            losses = self._objective_losses(embeddings, frozen, step / self.steps)
            return self.scaler.scale(total_loss(losses)), losses

        return cached_backward(parts, self.embed, loss)

    def _objective_losses(
        self, embeddings: Embeddings, frozen: FrozenEmbeddings, progress: float
    ) -> dict[str, torch.Tensor]:
        """The terms over the rows of all processes, and their weighted mean."""
        embeddings, frozen = self.world.gather(embeddings), self.world.gather(frozen)
        frozen.progress = progress
        if self._prompts:
            embeddings.prompt_states = self._text_states(self._prompts)
            frozen.prompt_states = self._frozen_prompt_states()
        terms = self.objective.terms(embeddings, frozen)
        return {**terms, "objective_loss": self.objective.loss(terms)}

    def embed(self, batch: QuadrupletBatch) -> Embeddings:
        """The tuned model's embeddings: each tower runs once over the safe and the unsafe half together."""
        texts, images, states = self._encode(batch.tokens, batch.pixels)
        embeddings = Embeddings(*_halves(normalize(texts, dim=-1), normalize(images, dim=-1)))
        if Reads.FEATURES in self.objective.reads:
            embeddings.features = Features(*_halves(texts, images))
        if Reads.STATES in self.objective.reads:
            embeddings.states, embeddings.unsafe_states = _split(states)
        if self._llava:
            said = self._llava.log_likelihoods
            safe, unsafe = embeddings.states.image, embeddings.unsafe_states.image
            with self.placement.autocast():
                (embeddings.answer_likelihoods,) = said(safe, batch.answers.safe)
                rather, than = said(unsafe, batch.answers.safe, batch.answers.unsafe)
                embeddings.preferences = rather - than
        if self._painter:
            embeddings.paintings = self._paintings(batch, embeddings)
        return embeddings

    def _paintings(self, batch: QuadrupletBatch, tuned: Embeddings) -> Paintings:
        """What the painter makes of the first prompts of a batch, by the tuned tower and by the frozen one."""
        count, n = len(batch.starts.times), len(batch)
        if not count:
            nothing = tuned.text.new_zeros(0)
            return Paintings(nothing, nothing)
        with torch.no_grad(), self._without_adapter():
            prompts = {key: torch.cat((rows[:count], rows[n : n + count])) for key, rows in batch.tokens.items()}
            frozen = self._text_states(prompts)
        states = torch.cat((tuned.states.text[:count], tuned.unsafe_states.text[:count]))
        with self.placement.autocast():
            return self._painter.paintings(batch.starts, states, frozen)

    @torch.no_grad()
    def frozen(self, batch: QuadrupletBatch) -> FrozenEmbeddings:
        """The frozen model's embeddings of the safe half, and what else the objective reads of that model."""
        frozen = FrozenEmbeddings(**vars(batch.reference), correspondence=batch.correspondence)
        reads, n = self.objective.reads, len(batch)
        with self._without_adapter():
            if Reads.UNSAFE_STATES in reads:
                frozen.states, frozen.unsafe_states = _split(self._encode(batch.tokens, batch.pixels)[-1])
            elif Reads.FROZEN_STATES in reads:
                safe = {key: rows[:n] for key, rows in batch.tokens.items()}
                frozen.states = self._encode(safe, batch.pixels[:n])[-1]
        return frozen

    @torch.no_grad()
    def _frozen_prompt_states(self) -> torch.Tensor:
        with self._without_adapter():
            return self._text_states(self._prompts)

    @contextmanager
    def _without_adapter(self) -> Iterator[None]:
        """The frozen model: no adapter, no dropout."""
        training = self.model.training
        self.model.eval()
        try:
            with self.model.disable_adapter():
                yield
        finally:
            self.model.train(training)

    def _encode(self, tokens: Tokens, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, TokenStates]:
        """Features of texts and of images, float32 (n, d), and their token states."""
        with self.placement.autocast():
            texts = self.model.get_text_features(tokens["input_ids"], tokens["attention_mask"])
            images = self.model.get_image_features(pixels, output_hidden_states=True)
        states = TokenStates(texts.last_hidden_state.float(), images.hidden_states[FEATURE_LAYER][:, 1:].float())
        return texts.pooler_output.float(), images.pooler_output.float(), states

    def _text_states(self, tokens: Tokens) -> torch.Tensor:
        """The states of texts' tokens, float32 (n, L, w)."""
        with self.placement.autocast():
            states = self.model.get_text_features(tokens["input_ids"], tokens["attention_mask"]).last_hidden_state
        return states.float()

    def after_step(self, step: int) -> None:
        self.objective.clamp()

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The loss, the recall sum of the paper and the mixed-gallery figures on the validation split."""
        self.model.eval()
        losses, parts, count = [], [], 0
        for indices in self.held_out.in_order():
            batch = self.placement.batch(self.held_out.collate(indices))
            embeddings, frozen = self.embed(batch), self.frozen(batch)
            parts.append(self.objective.retrieval(embeddings))
            if self._prompts:
                embeddings.prompt_states = self._text_states(self._prompts)
                frozen.prompt_states = self._frozen_prompt_states()
            loss = self.objective.loss(self.objective.terms(embeddings, frozen))
            losses.append(loss.item() * len(batch))
            count += len(batch)
        measured = {"loss": sum(losses) / count, **recalls(parts, self._compared)}
        weights = {**get_peft_model_state_dict(self.model), **self._learnt()}
        stop = self.selection.update(step, measured, weights)
        return {f"validation_{name}": value for name, value in measured.items()}, stop

    @cached_property
    def _compared(self) -> np.ndarray:
        """The held-out rows among which recalls are measured."""
        return distinct_rows(self.held_out.source)

    def _learnt(self) -> dict[str, torch.Tensor]:
        """The objective's own learnt numbers, under names that no tensor of the adapter has."""
        return {OBJECTIVE + name: tensor for name, tensor in self.objective.state_dict().items()}

    def parts(self) -> Mapping[str, Stateful]:
        return {
            "adapter": TrainedParameters(self.model),
            "objective": self.objective,
            "selection": self.selection,
        }

    def savable(self, complete: bool) -> bool:
        return bool(self.selection.best)

    def save(self, folder: Path) -> None:
        """Writes the selected adapter, in half precision, as PEFT does.

        The objective's learnt numbers, where it has any, go to `objective.safetensors` in float32.
        """
        weights = self.selection.best[self.recipe.select].weights
        learnt = {name.removeprefix(OBJECTIVE): each for name, each in weights.items() if name.startswith(OBJECTIVE)}
        adapter = {name: each for name, each in weights.items() if not name.startswith(OBJECTIVE)}
        set_peft_model_state_dict(self.model, adapter)
        config = self.model.peft_config["default"]
        config.base_model_name_or_path = self.recipe.checkpoint  # not where it lies here
        config.target_modules = sorted(config.target_modules)  # a set is written in another order by every process
        self.model.half().save_pretrained(folder)
        if learnt:
            save_file({name: each.cpu().contiguous() for name, each in learnt.items()}, folder / LEARNT)


def _halves(texts: torch.Tensor, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Safe texts, unsafe texts, safe images and unsafe images out of (2n, d) texts and images."""
    return *texts.chunk(2), *images.chunk(2)


def _split(states: TokenStates) -> tuple[TokenStates, TokenStates]:
    """The states of the safe and of the unsafe half."""
    safe, unsafe = zip(states.text.chunk(2), states.image.chunk(2), strict=True)
    return TokenStates(*safe), TokenStates(*unsafe)
