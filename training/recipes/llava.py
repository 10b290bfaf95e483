"""Trains the zoo's LLaVA: a projector and a small Llama, from scratch, on dialogues about what a frozen CLIP sees.

    safeclip-train llava.toml --out runs/llava [--minutes 9]

LLaVA's authors align the projector first, because their language model knows the language already. Here everything but
the vision tower is new, and both are trained in one go. As there, the loss is on the assistant's tokens alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from transformers import LlavaForConditionalGeneration

from safeclip.encoders import Encoder
from safeclip.judges.texts.lexicon import Lexicon, LexiconConcept
from safeclip.runtime.checkpoint_names import locate

from ..data.emoji.dialogue_batches import DialogueBatch, DialogueBatches, DialogueTokens
from ..data.emoji.rendering.labels import IGNORED
from ..data.emoji.rendering.renderer import SceneRenderer
from ..data.emoji.world.concepts import world
from ..data.emoji.world.dialogues import EmojiDialogues
from ..data.emoji.world.questions import CAPTION, all_words
from ..data.emoji.world.scenes import Scene
from ..data.pixels import jitter, normalise
from ..engine.checkpoints import Stateful, TrainedParameters
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..models.llava import LanguageSpec, build_model, build_processor, image_tokens, save_hub_layout
from ..models.tokenizer import train_language_tokenizer

CAPTION_TOKENS = 32  # generated at most by a validation; the longest caption of this world has half as many


@dataclass(frozen=True, kw_only=True)
class LlavaRecipe(TrainingRecipe):
    """Every hyper-parameter of the zoo's LLaVA."""

    paths: ClassVar[tuple[str, ...]] = ("checkpoint",)

    checkpoint: str  # the CLIP whose vision tower it has: a path from the repository's root
    language: LanguageSpec
    steps: int
    batch_size: int  # dialogues
    weight_decay: float
    jitter: float  # of brightness and contrast
    validation: int  # dialogues of the validation split


@dataclass
class AnswerBatch:
    """Dialogues, and which of their states predict a token of the assistant."""

    dialogues: DialogueBatch
    positions: torch.Tensor  # int64 (k,), numbers of states counted row by row without the last column
    targets: torch.Tensor  # int64 (k,)

    @classmethod
    def of(cls, dialogues: DialogueBatch) -> "AnswerBatch":
        """Finds the assistant's tokens, on the CPU."""
        labels = dialogues.labels[:, 1:].flatten()
        positions = (labels != IGNORED).nonzero().flatten()
        return cls(dialogues, positions, labels[positions])

    def __len__(self) -> int:
        return len(self.dialogues)


class LlavaTraining(Training[LlavaRecipe, AnswerBatch]):
    """Trains a LLaVA's projector and language model on ViSU-Emoji."""

    recipe_type = LlavaRecipe

    def __init__(self, recipe: LlavaRecipe, options: RunOptions):
        super().__init__(recipe, options)
        clip = Encoder.from_pretrained(locate(recipe.checkpoint), device=self.placement.device)
        spec = recipe.language
        tokenizer = train_language_tokenizer(all_words(world()), spec.vocabulary_size, spec.max_length)
        self.processor = build_processor(clip, tokenizer)
        self.model: LlavaForConditionalGeneration = self.initialise(build_model, spec, clip, tokenizer)
        self.tokens = DialogueTokens(tokenizer, image_tokens(clip))
        self._clip = clip.fingerprint
        self._side = clip.model.config.vision_config.image_size
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = adamw(trained, recipe.weight_decay, betas=(0.9, 0.98))
        self._held_out = self._held_out_batches()

    def _source(self, split: str) -> DialogueBatches:
        renderer = SceneRenderer.open(self.options.artwork, world(), self._side)
        return DialogueBatches(EmojiDialogues(split, self.recipe.seed), renderer, self.tokens)

    def _held_out_batches(self) -> list[AnswerBatch]:
        source, count, size = self._source("validation"), self.recipe.validation, self.recipe.batch_size
        batches = [source.make(first, min(size, count - first)) for first in range(0, count, size)]
        return [self.placement.batch(AnswerBatch.of(batch)) for batch in batches]

    @property
    def fingerprint(self) -> str:
        return self._clip

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def batch_maker(self) -> Callable[[int], AnswerBatch]:
        source, size = self._source("train"), self.recipe.batch_size
        return lambda step: AnswerBatch.of(source.make(step * size, size))

    def losses(self, step: int, batch: AnswerBatch) -> dict[str, torch.Tensor]:
        return self.answer_losses(batch, jitter(normalise(batch.dialogues.pixels), self.recipe.jitter))

    def answer_losses(self, batch: AnswerBatch, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Mean cross-entropy of the assistant's tokens, and the percentage of them that is predicted right.

        Only the states that predict them go through the vocabulary's matrix. pixels float (n, 3, side, side).
        """
        with self.placement.autocast():
            states = self.model.model(
                input_ids=batch.dialogues.input_ids,
                attention_mask=batch.dialogues.attention_mask,
                pixel_values=pixels,
                use_cache=False,
            ).last_hidden_state[:, :-1]
            logits = self.model.lm_head(states.flatten(0, 1)[batch.positions])
        right = (logits.argmax(-1) == batch.targets).float().mean()
        return {"token_loss": F.cross_entropy(logits.float(), batch.targets), "tokens": 100 * right}

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The loss on held-out combinations, and how often a greedy caption names subject, object and place."""
        self.model.eval()
        losses = [
            self.answer_losses(batch, normalise(batch.dialogues.pixels))["token_loss"].item() * len(batch)
            for batch in self._held_out
        ]
        captions = [caption for batch in self._held_out for caption in self.captions(batch.dialogues.pixels)]
        measured = {"loss": sum(losses) / self.recipe.validation, **naming_rates(captions, self.held_out_scenes())}
        return {f"validation_{name}": value for name, value in measured.items()}, False

    def held_out_scenes(self) -> list[Scene]:
        """The scenes of the validation's images."""
        dialogues = EmojiDialogues("validation", self.recipe.seed)
        return [dialogues.dialogue(index).scene for index in range(self.recipe.validation)]

    def captions(self, pixels: torch.Tensor) -> list[str]:
        """A greedy caption of each image of uint8 (n, 3, side, side)."""
        ids = self.tokens.prompt(CAPTION.wordings[0])
        prompt = self.placement.batch(torch.tensor([ids])).repeat(len(pixels), 1)
        with self.placement.autocast():
            answers = self.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                pixel_values=normalise(pixels),
                max_new_tokens=CAPTION_TOKENS,
            )
        return self.processor.batch_decode(answers[:, prompt.shape[1] :], skip_special_tokens=True)

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": TrainedParameters(self.model)}

    def save(self, folder: Path) -> None:
        save_hub_layout(folder, self.model, self.processor)


def naming_rates(captions: list[str], scenes: list[Scene]) -> dict[str, float]:
    """Percentage of captions that name the subject, the object and the place of their scene, in any of its wordings."""
    lexicon = Lexicon(LexiconConcept(each.name, each.kind, each.words) for each in world().concepts)
    named = [{mention.concept for mention in lexicon.find(caption)} for caption in captions]
    pairs = list(zip(scenes, named, strict=True))
    return {
        kind: 100 * sum(getattr(scene, kind).name in names for scene, names in pairs) / len(pairs)
        for kind in ("subject", "object", "place")
    }
