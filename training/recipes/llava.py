"""Trains the zoo's LLaVA: a projector and a small Llama, from scratch, on dialogues about what a frozen CLIP sees.

    python -m training.recipes.llava training/recipes/llava.toml --out runs/llava [--minutes 9]

LLaVA's authors align the projector first, because their language model knows the language already. Here everything but
the vision tower is new, and both are trained in one go. As there, the loss is on the assistant's tokens alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from safeclip.encoders import Encoder
from safeclip.profiles import resolve

from ..data.batches import numbered_batches
from ..data.emoji.dialogue_batches import DialogueBatch, DialogueBatches, DialogueTokens
from ..data.emoji.rendering.labels import IGNORED
from ..data.emoji.rendering.renderer import SceneRenderer
from ..data.emoji.world.concepts import world
from ..data.emoji.world.dialogues import EmojiDialogues
from ..data.emoji.world.questions import CAPTION, all_words
from ..data.emoji.world.scenes import Scene
from ..data.pixels import jitter, normalise
from ..engine.cli import RunOptions, parse_run
from ..engine.loop import Pace, Schedule, run
from ..engine.optimizer_step import adamw, optimizer_step
from ..engine.recipe import read_recipe
from ..models.llava import LanguageSpec, build_model, build_processor, picture_tokens, save_hub_layout
from ..models.tokenizer import train_language_tokenizer

CAPTION_TOKENS = 32  # generated at most by a validation; the longest caption of this world has half as many


@dataclass(frozen=True)
class LlavaRecipe:
    """Every hyper-parameter of the zoo's LLaVA."""

    seed: int
    checkpoint: str  # the CLIP whose eyes it has: a path from the repository's root
    language: LanguageSpec
    steps: int
    batch_size: int  # dialogues
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    weight_decay: float
    jitter: float  # of brightness and contrast
    validation: int  # dialogues of the validation split
    validate_every: int  # steps; each validation is saved


def mentions(text: str, words: str) -> bool:
    """Whether `words` stand in `text`, whole: "a star" is not in "a starfish"."""
    return re.search(rf"\b{re.escape(words)}\b", text) is not None


class LlavaTraining:
    """A `loop.Trainable` that trains a LLaVA's projector and language model on ViSU-Emoji."""

    def __init__(self, recipe: LlavaRecipe, artwork: Path, workers: int):
        self.recipe = recipe
        self._artwork = artwork
        self._workers = workers
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        clip = Encoder.from_pretrained(resolve(recipe.checkpoint), device="cpu")
        spec = recipe.language
        tokenizer = train_language_tokenizer(all_words(world()), spec.vocabulary_size, spec.max_length)
        self.processor = build_processor(clip, tokenizer)
        torch.manual_seed(recipe.seed)
        self.model = build_model(spec, clip, tokenizer).to(self.device)
        self.tokens = DialogueTokens(tokenizer, picture_tokens(clip))
        self._side = clip.model.config.vision_config.image_size
        self._trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimizer = adamw(self._trained.values(), recipe.weight_decay, betas=(0.9, 0.98))
        self._held_out = self._held_out_batches()

    def _source(self, split: str) -> DialogueBatches:
        painter = SceneRenderer.open(self._artwork, world(), self._side)
        return DialogueBatches(EmojiDialogues(split, self.recipe.seed), painter, self.tokens)

    def _held_out_batches(self) -> list[DialogueBatch]:
        source, count, size = self._source("validation"), self.recipe.validation, self.recipe.batch_size
        return [source.make(first, min(size, count - first)) for first in range(0, count, size)]

    def batches(self, first: int, last: int) -> Iterator[DialogueBatch]:
        source, size = self._source("train"), self.recipe.batch_size
        return numbered_batches(lambda step: source.make(step * size, size), first, last, self._workers)

    def loss(self, batch: DialogueBatch, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean cross-entropy of the assistant's tokens, and the share of them that is predicted right.

        Only the states that predict them go through the vocabulary's matrix. pixels float (n, 3, side, side).
        """
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            states = self.model.model(
                input_ids=batch.input_ids.to(self.device),
                attention_mask=batch.attention_mask.to(self.device),
                pixel_values=pixels.to(self.device),
                use_cache=False,
            ).last_hidden_state[:, :-1]
            targets = batch.labels[:, 1:].to(self.device)
            said = targets != IGNORED
            logits = self.model.lm_head(states[said])
        targets = targets[said]
        return F.cross_entropy(logits.float(), targets), (logits.argmax(-1) == targets).float().mean()

    def step(self, step: int, batch: DialogueBatch, learning_rate: float) -> dict[str, float]:
        self.model.train()
        pixels = jitter(normalise(batch.pixels), self.recipe.jitter, torch.default_generator)
        loss, right = self.loss(batch, pixels)
        optimizer_step(loss, self.optimizer, learning_rate)
        return {"loss": loss.item(), "tokens": 100 * right.item()}

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The loss on held-out combinations, and how often a greedy caption names subject, object and place."""
        self.model.eval()
        losses = [self.loss(batch, normalise(batch.pixels))[0].item() * len(batch) for batch in self._held_out]
        measured = {"loss": sum(losses) / self.recipe.validation}
        captions = [caption for batch in self._held_out for caption in self._captions(batch.pixels)]
        scenes = self.held_out_scenes()
        for kind in ("subject", "object", "place"):
            names = [getattr(scene, kind).words[0] for scene in scenes]
            hits = sum(mentions(caption, name) for caption, name in zip(captions, names, strict=True))
            measured[kind] = 100 * hits / len(captions)
        return {f"validation_{name}": value for name, value in measured.items()}, False

    def held_out_scenes(self) -> list[Scene]:
        """What the pictures of a validation show."""
        dialogues = EmojiDialogues("validation", self.recipe.seed)
        return [dialogues.dialogue(index).scene for index in range(self.recipe.validation)]

    def _captions(self, pixels: torch.Tensor) -> list[str]:
        """A greedy caption of each picture of uint8 (n, 3, side, side)."""
        prompt = torch.tensor([self.tokens.prompt(CAPTION.wordings[0])], device=self.device).repeat(len(pixels), 1)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            answers = self.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                pixel_values=normalise(pixels).to(self.device),
                max_new_tokens=CAPTION_TOKENS,
            )
        return self.processor.batch_decode(answers[:, prompt.shape[1] :], skip_special_tokens=True)

    def state_dict(self) -> dict[str, Any]:
        trained = {name: parameter.detach() for name, parameter in self._trained.items()}
        return {"model": trained, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(state["model"][name])
        self.optimizer.load_state_dict(state["optimizer"])

    def save(self, folder: Path) -> None:
        save_hub_layout(folder, self.model, self.processor)


def train(recipe: LlavaRecipe, options: RunOptions) -> bool:
    """Train in `options.out`, resuming what is there; the model goes to its `model`. Returns whether it is complete."""
    training = LlavaTraining(recipe, options.artwork, options.workers)
    schedule = Schedule(recipe.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
    pace = Pace(recipe.validate_every, options.report_every, options.minutes)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    training.save(options.out / "model")
    return complete


if __name__ == "__main__":
    arguments = parse_run(__doc__)
    train(read_recipe(LlavaRecipe, arguments.recipe), arguments)
