"""Teaches the zoo's CLIP text tower English, from a sentence encoder, before it sees any image.

    safeclip-train text-tower --out runs/text-tower [--minutes 9]

The teacher's embeddings of WordNet, composed sentences, names of emoji in six languages and the world's captions are
distilled into a causal CLIP text tower. The teacher and the texts are fetched below `--language`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from transformers import CLIPTextModelWithProjection

from safeclip.hashing import content_id
from safeclip.runtime.checkpoint_names import locate

from ..data.language.batches import TaughtBatch, TaughtTexts
from ..data.language.corpus import CorpusSpec, Source, read_corpus
from ..data.language.teacher import MiniLM, teacher_embeddings
from ..data.open_world.corpus import world_captions
from ..engine.checkpoints import Stateful
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..evaluation.free_text import free_text_figures
from ..losses.distillation import distillation
from ..models.sentence_encoder import SentenceEncoder
from ..models.text_tower import (
    TextTowerSpec,
    build_text_tower,
    continue_from,
    embed_tokens,
    encode_texts,
    save_text_tower,
    start_from_teacher,
)
from ..models.tokenizer import train_tokenizer

METRICS = "metrics.json"
_PHRASES_FOR_COMPONENTS = 50_000  # of each source


@dataclass(frozen=True)
class Shares:
    """Weight of each source in a batch."""

    wordnet: float
    composed: float
    names: float
    captions: float


@dataclass(frozen=True, kw_only=True)
class TextTowerRecipe(TrainingRecipe):
    """Every hyper-parameter of the text tower."""

    paths: ClassVar[tuple[str, ...]] = ("start",)

    start: str = ""  # a saved tower to go on from, whose vocabulary may be smaller; "" starts from the teacher alone
    model: TextTowerSpec
    corpus: CorpusSpec
    shares: Shares
    perturbed: float  # share of the texts that are misspelt, reordered or cut to keywords
    steps: int
    batch_size: int
    weight_decay: float
    cosine_weight: float
    relation_weight: float
    temperature: float  # of the relations
    watched: int  # held-out texts of each source in a validation
    held_out: int  # held-out texts of each source for the final figures
    captions: int  # test captions that free sentences search


class TextTowerTraining(Training[TextTowerRecipe, TaughtBatch]):
    """Distils a sentence encoder into a CLIPTextModelWithProjection."""

    recipe_type = TextTowerRecipe

    def __init__(
        self, recipe: TextTowerRecipe, options: RunOptions, sources: Sequence[Source], teacher: SentenceEncoder
    ):
        super().__init__(recipe, options)
        self._sources = sources
        self._teacher = teacher
        spec = recipe.model
        texts = chain.from_iterable(source.texts for source in sources)
        self.tokenizer = train_tokenizer(texts, spec.vocabulary_size, spec.max_length)
        embeddings = {source.name: teacher_embeddings(teacher, source.targets, options.language) for source in sources}
        self.taught = TaughtTexts(sources, embeddings, self.tokenizer, recipe.seed)
        self.model: CLIPTextModelWithProjection = self.initialise(build_text_tower, spec, self.tokenizer, teacher.width)
        phrases = np.concatenate([each[:_PHRASES_FOR_COMPONENTS] for each in embeddings.values()])
        start_from_teacher(self.model, self.tokenizer, teacher, phrases)
        if recipe.start:
            continue_from(locate(recipe.start), self.model, self.tokenizer)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.98))

    @classmethod
    def open(cls, recipe: TextTowerRecipe, options: RunOptions) -> Self:
        captions = world_captions(recipe.corpus.captions, recipe.corpus.seed)
        sources = read_corpus(recipe.corpus, options.language, captions)
        return cls(recipe, options, sources, MiniLM.fetch(options.language))

    @property
    def steps(self) -> int:
        return self.recipe.steps

    @property
    def fingerprint(self) -> str:
        return content_id(" ".join((self._teacher.fingerprint, *(source.fingerprint for source in self._sources))))

    def batch_maker(self) -> Callable[[int], TaughtBatch]:
        recipe, shares = self.recipe, asdict(self.recipe.shares)
        return lambda step: self.taught.training(step, recipe.batch_size, shares, recipe.perturbed)

    def losses(self, step: int, batch: TaughtBatch) -> dict[str, torch.Tensor]:
        terms = distillation(self._embed(batch), batch.targets, self.recipe.temperature)
        weights = {"cosine": self.recipe.cosine_weight, "relation": self.recipe.relation_weight}
        return {**terms, **{f"{name}_loss": weights[name] * term for name, term in terms.items()}}

    def _embed(self, batch: TaughtBatch) -> torch.Tensor:
        with self.placement.autocast():
            return embed_tokens(self.model, batch.chunks)

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """Cosines to the teacher on held-out texts."""
        return self.cosines(self.recipe.watched), False

    def cosines(self, count: int) -> dict[str, float]:
        """Mean cosine to the teacher on `count` held-out texts of each source, as they are and perturbed."""
        measured = {}
        for source in self._sources:
            for suffix, perturbed in (("", False), ("_perturbed", True)):
                batch = self.taught.held_out(source.name, count, perturbed=perturbed)
                measured[source.name + suffix] = self._cosine(self.placement.batch(batch))
        return measured

    @torch.inference_mode()
    def _cosine(self, batch: TaughtBatch) -> float:
        self.model.eval()
        return (self._embed(batch) * batch.targets).sum(-1).mean().item()

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": self.model}

    def save(self, folder: Path) -> None:
        """Saves the tower, with its figures in `metrics.json` beside the folder."""
        save_text_tower(folder, self.model, self.tokenizer)
        figures = json.dumps(self.figures(), indent=1)
        (folder.parent / METRICS).write_text(figures + "\n", encoding="utf-8")

    def figures(self) -> dict[str, Any]:
        """What a card tells: texts of each source, samples seen, nearness to the teacher, what free sentences find."""
        return {
            "texts": {source.name: len(source.texts) for source in self._sources},
            "samples": self.recipe.steps * self.recipe.batch_size,
            "cosine": self.cosines(self.recipe.held_out),
            "free_text": self._free_text(),
        }

    def _free_text(self) -> dict[str, Any]:
        tower = deepcopy(self.model).cpu()
        encoders = {"tower": partial(encode_texts, tower, self.tokenizer), "teacher": self._teacher.encode}
        return free_text_figures(encoders, self.recipe.captions)

    def savable(self, complete: bool) -> bool:
        return complete
