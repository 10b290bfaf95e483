"""Trains the zoo's LLaVA: a projector and a small Llama, from scratch, on dialogues about what a frozen CLIP sees.

    safeclip-train llava.toml --out runs/llava [--minutes 9]

As LLaVA's authors do, it aligns the projector first: a projected patch is to be near the words for what it shows, by
the words that the language model reads and says alike. Then projector and language model, which is as new, learn from
dialogues, with the loss on the assistant's tokens alone. The turns of a dialogue do not see one another, so that each
answer is read off the picture. What the vision tower makes of each scene is worked out once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from transformers import LlavaForConditionalGeneration

from safeclip.errors import ProfileError
from safeclip.hashing import content_id
from safeclip.paths import resolve

from ..data.open_world.concepts.catalogue import catalogue
from ..data.open_world.dialogues.batches import DialogueBatch, DialogueBatches, half_unsafe
from ..data.open_world.dialogues.dialogues import OpenDialogues
from ..data.open_world.dialogues.labelled import LabelledBatch, LabelledPatches
from ..data.open_world.dialogues.patch_states import PatchStates
from ..data.open_world.dialogues.phrases import caption
from ..data.open_world.dialogues.questions import CAPTION, DANGER
from ..data.open_world.dialogues.tokens import DialogueTokens
from ..data.open_world.dialogues.vocabulary import all_words
from ..data.open_world.items import OpenWorld
from ..data.open_world.packed import PackedScenes, PackedSpec
from ..data.open_world.rendering.labels import IGNORED
from ..data.open_world.rendering.renderer import SceneRenderer
from ..data.open_world.scenes.relations import relations
from ..data.open_world.scenes.scene import Scene
from ..data.pixels import normalise
from ..engine.checkpoints import Stateful, TrainedParameters
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..models.encoder_kind import encoder_of
from ..models.llava import (
    LanguageSpec,
    answer_states,
    build_model,
    build_processor,
    image_tokens,
    load_trained,
    patch_states,
    save_hub_layout,
    with_picture,
)
from ..models.tokenizer import build_language_tokenizer

CAPTION_TOKENS = 40  # generated at most by a validation; the longest caption of this world has fewer
SEEN = "seen"  # the split whose validation phase is watched


@dataclass(frozen=True)
class ScenesSpec:
    """The scenes to learn from, and the watched ones."""

    packed: int  # scenes that are painted once, for this training and others
    taken: int  # of them, as many unsafe as safe ones
    seed: int
    watched: int  # of the validation phase


@dataclass(frozen=True, kw_only=True)
class LlavaRecipe(TrainingRecipe):
    """Every hyper-parameter of the zoo's LLaVA."""

    paths: ClassVar[tuple[str, ...]] = ("checkpoint", "start")

    checkpoint: str  # the CLIP whose vision tower it has: a path from the repository's root
    start: str = ""  # likewise: a LLaVA of the same sizes and words to go on from; "" for a new one
    language: LanguageSpec
    scenes: ScenesSpec
    turns: int  # questions about a scene
    labelled: int  # patches of a scene in a step of the alignment
    alignment: int  # steps that only align the projector
    steps: int  # on dialogues
    batch_size: int  # dialogues
    weight_decay: float


@dataclass
class AnswerBatch:
    """Dialogues, and which of their states predict a token of the assistant."""

    dialogues: DialogueBatch
    positions: torch.Tensor  # int64 (k,), numbers of states counted row by row without the last column
    targets: torch.Tensor  # int64 (k,)

    @classmethod
    def of(cls, dialogues: DialogueBatch) -> "AnswerBatch":
        """Finds the assistant's tokens, on the CPU. Each follows a token of its own turn."""
        labels = dialogues.rows.labels[:, 1:].flatten()
        positions = (labels != IGNORED).nonzero().flatten()
        return cls(dialogues, positions, labels[positions])

    def __len__(self) -> int:
        return len(self.dialogues)


class LlavaTraining(Training[LlavaRecipe, AnswerBatch | LabelledBatch]):
    """Trains a LLaVA's projector and language model on the open world."""

    recipe_type = LlavaRecipe

    def __init__(self, recipe: LlavaRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self._clip = encoder_of(recipe.checkpoint, device=self.placement.device)
        spec = recipe.language
        words = all_words(catalogue(), relations())
        tokenizer = build_language_tokenizer(words, spec.vocabulary_size, spec.max_length)
        self.processor = build_processor(self._clip, tokenizer)
        self.model: LlavaForConditionalGeneration = self.initialise(build_model, spec, self._clip, tokenizer)
        if recipe.start:
            load_trained(self.model, resolve(recipe.start))
        self.tokens = DialogueTokens(tokenizer, image_tokens(self._clip))
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.98))
        self.trained_on = OpenDialogues(OpenWorld(seed=recipe.scenes.seed), recipe.turns)
        states = self._open(self.trained_on, recipe.scenes.packed, half_unsafe(self.trained_on, recipe.scenes.taken))
        self.source = DialogueBatches(self.trained_on, states, self.tokens, recipe.seed)
        renderer = SceneRenderer.open(options.artwork, self._clip.model.config.vision_config.image_size)
        self._labelled = LabelledPatches(self.trained_on, states, renderer, tokenizer, recipe.labelled, recipe.seed)
        self.watched = OpenDialogues(OpenWorld(SEEN, "validation", recipe.scenes.seed), recipe.turns)
        states = self._open(self.watched, recipe.scenes.watched, np.arange(recipe.scenes.watched))
        self._watched = DialogueBatches(self.watched, states, self.tokens, recipe.seed)
        self._language = self.model.model.language_model
        if options.compile:
            self._language = torch.compile(self._language, backend=options.compile)

    def _open(self, dialogues: OpenDialogues, count: int, rows: np.ndarray) -> PatchStates:
        """States of the patches of some rows of `count` packed scenes. Raises ProfileError for a row beyond them."""
        if rows.max() >= count:
            raise ProfileError(f"“taken” needs {rows.max() + 1} packed scenes, and “packed” is {count}: take fewer.")
        options, world = self.options, dialogues.world
        side = self._clip.model.config.vision_config.image_size
        spec = PackedSpec("pairs", count, world.split, world.phase, world.seed, side)
        packed = PackedScenes.open(options.packed, options.artwork, spec, options.workers)
        kept = options.embeddings or options.out
        return PatchStates.open(kept, packed, rows, self._clip.fingerprint, self.patch_states)

    def patch_states(self, pixels: torch.Tensor) -> torch.Tensor:
        """The vision tower's states of uint8 (n, 3, side, side), as the projector reads them."""
        with self.placement.autocast():
            return patch_states(self.model, normalise(self.placement.batch(pixels)))

    @cached_property
    def fingerprint(self) -> str:
        world = self.trained_on.world
        scenes = PackedSpec("pairs", self.recipe.scenes.packed, world.split, world.phase, world.seed)
        return content_id(f"{self._clip.fingerprint} {scenes.fingerprint}")

    @property
    def steps(self) -> int:
        return self.recipe.alignment + self.recipe.steps

    def batch_maker(self) -> Callable[[int], AnswerBatch | LabelledBatch]:
        size, aligned = self.recipe.batch_size, self.recipe.alignment

        def make(step: int) -> AnswerBatch | LabelledBatch:
            if step < aligned:
                return self._labelled.make(step, size)
            return AnswerBatch.of(self.source.make(step - aligned, size))

        return make

    def losses(self, step: int, batch: AnswerBatch | LabelledBatch) -> dict[str, torch.Tensor]:
        if isinstance(batch, LabelledBatch):
            return self.alignment_losses(batch)
        return self.answer_losses(batch, self._language)

    def alignment_losses(self, batch: LabelledBatch) -> dict[str, torch.Tensor]:
        """Cross-entropy of the words for what each patch shows, and how often one of them is the likeliest."""
        with self.placement.autocast():
            logits = self.model.lm_head(self.model.model.multi_modal_projector(batch.patches.float()))
        named = batch.words != IGNORED
        found = logits.float().log_softmax(-1).gather(1, batch.words.where(named, 0)).where(named, 0.0)
        right = (logits.argmax(-1, keepdim=True) == batch.words).any(-1).float().mean()
        return {"patch_loss": -(found.sum(1) / named.sum(1)).mean(), "patches": 100 * right}

    def answer_losses(self, batch: AnswerBatch, language: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Mean cross-entropy of the assistant's tokens, and the percentage of them that is predicted right.

        Only the states that predict them go through the vocabulary's matrix. `language` is the model's own, or
        compiled.
        """
        dialogues, rows = batch.dialogues, batch.dialogues.rows
        with self.placement.autocast():
            states = answer_states(
                self.model,
                language,
                dialogues.patches,
                self.tokens.picture_at,
                rows.input_ids,
                rows.turns,
                rows.positions,
            )[:, :-1]
            logits = self.model.lm_head(states.flatten(0, 1)[batch.positions])
        right = (logits.argmax(-1) == batch.targets).float().mean()
        return {"token_loss": F.cross_entropy(logits.float(), batch.targets), "tokens": 100 * right}

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The loss on held-out combinations, and how many greedy captions and answers of danger are right."""
        self.model.eval()
        size, count = self.recipe.batch_size, self.recipe.scenes.watched
        parts = np.array_split(np.arange(count), -(-count // size))
        losses, captions, dangers = 0.0, [], []
        for part in parts:
            batch = self.placement.batch(AnswerBatch.of(self._watched.at(part)))
            losses += self.answer_losses(batch, self.model.model.language_model)["token_loss"].item() * len(batch)
            captions += self.answers(batch.dialogues.patches, CAPTION.wordings[0])
            dangers += self.answers(batch.dialogues.patches, DANGER.wordings[0])
        scenes = self.watched_scenes()
        measured = {
            "loss": losses / count,
            "captions": share_right(captions, [caption(scene) for scene in scenes]),
            "danger": share_right(dangers, [DANGER.about(scene)[0][1] for scene in scenes]),
        }
        return {f"validation_{name}": value for name, value in measured.items()}, False

    def watched_scenes(self) -> list[Scene]:
        """The scenes of the validation's images."""
        return [self.watched.scene(row) for row in range(self.recipe.scenes.watched)]

    def answers(self, patches: torch.Tensor, question: str) -> list[str]:
        """Greedy answers to one question about pictures given by their patches' states."""
        prompt = self.placement.batch(torch.tensor([self.tokens.prompt(question)])).repeat(len(patches), 1)
        with self.placement.autocast():
            embedded = with_picture(self.model, patches, self.tokens.picture_at, prompt)
            answers = self.model.generate(
                inputs_embeds=embedded, attention_mask=torch.ones_like(prompt), max_new_tokens=CAPTION_TOKENS
            )
        return self.processor.batch_decode(answers, skip_special_tokens=True)

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": TrainedParameters(self.model)}

    def save(self, folder: Path) -> None:
        save_hub_layout(folder, self.model, self.processor)


def share_right(answers: list[str], truths: list[str]) -> float:
    """Percentage of the answers that are the true ones, word for word."""
    pairs = list(zip(answers, truths, strict=True))
    return 100 * sum(answer.strip() == truth for answer, truth in pairs) / len(pairs)
