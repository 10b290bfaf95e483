"""Trains the open world's CLIP: the vision tower on labels and the teacher's embeddings, then both towers together.

    safeclip-train open-vision --out runs/open-vision [--minutes 9]
    safeclip-train open-clip --out runs/open-clip [--minutes 9]
    safeclip-train open-clip-2 --out runs/open-clip-2 [--minutes 9]
    safeclip-train open-clip-3 --out runs/open-clip-3 [--minutes 9]
    safeclip-train open-clip-4 --out runs/open-clip-4 [--minutes 9]

In the first phase the text tower rests: an image is drawn to what the sentence encoder that taught the text tower makes
of its caption. That embedding is worked out once a caption, and labels of every patch say more than a caption does. In
the second phase images meet the texts of the tower itself, which keeps its English by the distillation it learnt it
by. The third recipe goes on with the second phase. The fourth has a first phase alone, whose images are drawn to what
the text tower makes of a caption: who reads that tower's states, as Stable Diffusion does, need not learn anew. The
fifth changes the vision tower's last layer alone, which LLaVA does not read, and draws images to the names of what they
show: a caption tells more, so that an image near its caption can be far from a sentence about one thing in it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPModel, CLIPTokenizer

from safeclip.hashing import content_id
from safeclip.retrieval.metrics import recall_at_k
from safeclip.runtime.checkpoint_names import locate

from ..data.language.batches import TaughtBatch, TaughtTexts
from ..data.language.corpus import CorpusSpec, Source, read_corpus
from ..data.language.perturbations import perturb_some
from ..data.language.teacher import MiniLM, teacher_embeddings
from ..data.open_world.batches import SceneBatch, SceneBatches
from ..data.open_world.captioned import CaptionedScenes, CaptionSpec
from ..data.open_world.concept_names import ConceptNames
from ..data.open_world.concepts.catalogue import catalogue
from ..data.open_world.packed import PackedScenes, PackedSpec
from ..data.open_world.rendering.labels import IGNORED
from ..data.open_world.rendering.renderer import SceneRenderer
from ..data.open_world.scenes.scene import Scene
from ..data.pixels import jitter, normalise, stack_pictures
from ..engine.checkpoints import Stateful
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..evaluation.free_text import free_text_figures
from ..losses.contrastive import contrastive_loss
from ..losses.distillation import distillation
from ..models.clip import ModelSpec, build_model, build_processor, copy_vision_tower, save_hub_layout
from ..models.patch_dropout import draw_patches, vision_states
from ..models.sentence_encoder import SentenceEncoder
from ..models.text_tower import RestingTower, copy_text_tower

MAX_LOG_SCALE = 4.6052  # logit scale at most 100, as CLIP does
EVALUATED = 128  # images at a time
HELD_OUT_TEXTS = 3000  # of each source, for the final figures
METRICS = "metrics.json"
HEADS = "label-heads.safetensors"  # beside the model of a run


@dataclass(frozen=True)
class Phase:
    """So many steps at so many scenes a step."""

    steps: int
    batch_size: int
    patches: float  # share of an image's patches that the vision tower sees


@dataclass(frozen=True)
class ScenesSpec:
    """The scenes to learn from, and the held-out ones to watch and to measure with."""

    count: int
    draws: int  # captions of a scene
    watched: int  # of the validation phase
    searched: int  # of the test phase, which free sentences search
    seed: int


@dataclass(frozen=True)
class Shares:
    """Weight of each source among the texts that are no captions.

    `composed` are sentences made of WordNet's words, `names` the names of emoji in several languages.
    """

    wordnet: float
    composed: float
    names: float


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss beside the contrastive one."""

    patch: float
    label: float
    teaching: float  # images against the teacher's embeddings of captions
    cosine: float
    relation: float
    named: float = 0.0  # images against the text tower's embeddings of the names of all concepts


@dataclass(frozen=True, kw_only=True)
class OpenClipRecipe(TrainingRecipe):
    """Every hyper-parameter of the open world's CLIP."""

    paths: ClassVar[tuple[str, ...]] = ("text_tower", "vision_tower")

    text_tower: str  # a saved text tower or CLIP
    vision_tower: str = ""  # a saved CLIP to start the vision tower from; "" starts from random weights
    model: ModelSpec
    scenes: ScenesSpec
    labels: Phase  # the vision tower alone
    contrastive: Phase  # both towers
    own_texts: bool = False  # the first phase draws images to what the text tower makes of captions, not its teacher
    resting_layers: int = 0  # of the vision tower, from its embeddings on, which stay as they are
    corpus: CorpusSpec
    shares: Shares
    taught: int  # texts of the corpus in a step of the second phase
    perturbed: float  # share of all texts that are misspelt, reordered or cut to keywords
    temperature: float  # of the relations
    weights: LossWeights
    weight_decay: float
    jitter: float  # of brightness and contrast


@dataclass
class OpenClipBatch:
    """n scenes, the teacher's embeddings of their captions, and in the second phase texts, captions first."""

    scenes: SceneBatch
    teacher: torch.Tensor  # float32 (n, d), L2-normalised
    texts: TaughtBatch | None = None


class LabelHeads(nn.Module):
    """Linear classifiers of concept labels: one on each patch, one on the pooled image."""

    def __init__(self, width: int, concepts: int):
        super().__init__()
        self.patch = nn.Linear(width, concepts)
        self.pooled = nn.Linear(width, concepts)

    def losses(
        self, patches: torch.Tensor, pooled: torch.Tensor, scenes: SceneBatch, kept: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Cross-entropy of the seen patches' labels, that of the scene's labels, and how many of either are right.

        A scene's target is spread evenly over what it shows. patches (n, k, width), pooled (n, width), float.
        """
        labels = scenes.patch_labels if kept is None else scenes.patch_labels[:, kept]
        known = labels.flatten() != IGNORED
        logits, wanted = self.patch(patches).flatten(0, 1)[known].float(), labels.flatten()[known]
        scores = self.pooled(pooled).float()  # (n, concepts)
        shown = scenes.labels != IGNORED  # (n, 4)
        best = scores.topk(scenes.labels.shape[1]).indices  # (n, 4)
        named = (scenes.labels[:, :, None] == best[:, None, :]).any(-1) & shown
        return {
            "patch": F.cross_entropy(logits, wanted),
            "label": spread_cross_entropy(scores, scenes.labels),
            "patches_right": 100 * (logits.argmax(-1) == wanted).float().mean(),
            "labels_right": 100 * named.sum() / shown.sum(),
        }


def spread_cross_entropy(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of scores (n, concepts) to targets spread evenly over a scene's labels int64 (n, 4)."""
    shown = labels != IGNORED
    found = scores.log_softmax(-1).gather(1, labels.where(shown, 0)).where(shown, 0.0)
    return -(found.sum(1) / shown.sum(1)).mean()


class OpenClipTraining(Training[OpenClipRecipe, OpenClipBatch]):
    """Trains a CLIPModel on the open world."""

    recipe_type = OpenClipRecipe
    parallel = True

    def __init__(
        self, recipe: OpenClipRecipe, options: RunOptions, sources: tuple[Source, ...], teacher: SentenceEncoder
    ):
        super().__init__(recipe, options)
        self.tokenizer = CLIPTokenizer.from_pretrained(locate(recipe.text_tower))
        self._teacher = teacher
        self._drawn_to = RestingTower(locate(recipe.text_tower)) if recipe.own_texts else teacher
        self._sources = sources
        self.scenes, self._captioned, self._targets = self._open("train", "train", recipe.scenes.count)
        self._watched = self._open("seen", "validation", recipe.scenes.watched)
        embeddings = {source.name: teacher_embeddings(teacher, source.targets, options.language) for source in sources}
        self.taught = TaughtTexts(sources, embeddings, self.tokenizer, recipe.seed)
        networks = self.initialise(self._networks)
        self.model: CLIPModel = networks["model"]
        self.heads: LabelHeads = networks["heads"]
        self._names = ConceptNames(self._drawn_to) if recipe.weights.named else None
        self.optimizer = adamw(networks.parameters(), recipe.weight_decay, betas=(0.9, 0.98))

    @classmethod
    def open(cls, recipe: OpenClipRecipe, options: RunOptions) -> Self:
        sources = read_corpus(recipe.corpus, options.language) if recipe.contrastive.steps else ()
        return cls(recipe, options, sources, MiniLM.fetch(options.language))

    def _open(self, split: str, phase: str, count: int) -> tuple[SceneBatches, CaptionedScenes, np.ndarray]:
        """Scenes of a split with their captions, and the embeddings of those that images are drawn to."""
        options, spec, seed = self.options, self.recipe.model, self.recipe.scenes.seed
        scenes = PackedSpec("pairs", count, split, phase, seed, spec.image_size)
        captions = CaptionSpec(scenes, self.recipe.scenes.draws, spec.image_size // spec.patch_size)

        def prepare() -> tuple[SceneBatches, CaptionedScenes, np.ndarray]:
            packed = PackedScenes.open(options.packed, options.artwork, scenes, options.workers)
            captioned = CaptionedScenes.open(options.packed, options.artwork, captions)
            targets = teacher_embeddings(self._drawn_to, captioned.captions, options.language)
            return SceneBatches(packed, captioned, self.recipe.seed), captioned, targets

        return self.world.first_before_others(prepare)

    def _networks(self) -> nn.ModuleDict:
        recipe = self.recipe
        model = build_model(recipe.model, self.tokenizer)
        heads = LabelHeads(recipe.model.vision_width, len(catalogue().concepts))
        copy_text_tower(locate(recipe.text_tower), model)
        if recipe.vision_tower:
            folder = locate(recipe.vision_tower)
            copy_vision_tower(folder, model)
            if (saved := folder.parent / HEADS).is_file():
                heads.load_state_dict(load_file(saved))
        if recipe.resting_layers:
            tower = model.vision_model
            resting = (tower.embeddings, tower.pre_layrnorm, *tower.encoder.layers[: recipe.resting_layers])
            nn.ModuleList(resting).requires_grad_(False)
        return nn.ModuleDict({"model": model, "heads": heads})

    @property
    def steps(self) -> int:
        return self.recipe.labels.steps + self.recipe.contrastive.steps

    @property
    def fingerprint(self) -> str:
        texts = (source.fingerprint for source in self._sources)
        return content_id(" ".join((self._drawn_to.fingerprint, self._captioned.spec.fingerprint, *texts)))

    def batch_maker(self) -> Callable[[int], OpenClipBatch]:
        first, second = self.recipe.labels, self.recipe.contrastive

        def make(step: int) -> OpenClipBatch:
            if step < first.steps:
                scenes = self.scenes.make(step, first.batch_size, self.world.share(first.batch_size))
                return OpenClipBatch(scenes, self._teacher_rows(scenes))
            scenes = self.scenes.make(step - first.steps, second.batch_size, self.world.share(second.batch_size))
            return OpenClipBatch(scenes, self._teacher_rows(scenes), self._texts(step, scenes))

        return make

    def _teacher_rows(self, scenes: SceneBatch) -> torch.Tensor:
        return torch.from_numpy(self._targets[scenes.captions.numpy()].astype(np.float32))

    def _texts(self, step: int, scenes: SceneBatch) -> TaughtBatch:
        """The scenes' captions, perturbed now and then, and texts of the corpus."""
        recipe, rows = self.recipe, scenes.captions.numpy()
        captions = [self._captioned.captions[row] for row in rows]
        captions = perturb_some(captions, recipe.perturbed, f"{recipe.seed} captions {step}")
        texts, targets = self.taught.draw(step, recipe.taught, asdict(recipe.shares), recipe.perturbed)
        own = self.world.share(recipe.taught)
        targets = np.concatenate((self._targets[rows], targets[own]))
        return TaughtBatch.of([*captions, *texts[own]], targets, self.tokenizer)

    def losses(self, step: int, batch: OpenClipBatch) -> dict[str, torch.Tensor]:
        """Every loss and its weighted value. What compares rows is computed over those of all processes."""
        recipe, gather = self.recipe, self.world.gather
        phase = recipe.labels if step < recipe.labels.steps else recipe.contrastive
        kept = draw_patches(batch.scenes.patch_labels.shape[1], phase.patches)
        with self.placement.autocast():
            patches, pooled = vision_states(self.model, self._pixels(batch.scenes), kept)
            found = self.heads.losses(patches, pooled, batch.scenes, kept)
            images = self.model.visual_projection(pooled)
        images, scale = gather(F.normalize(images.float(), dim=-1)), self.model.logit_scale.exp()
        found["teaching"] = contrastive_loss(images, gather(batch.teacher), scale)
        if self._names is not None:
            names = self._names.draw().to(images.device)
            found["named"] = spread_cross_entropy(scale * images @ names.T, gather(batch.scenes.labels))
        if batch.texts is not None:
            texts = self._embed(batch.texts)
            found |= distillation(gather(texts), gather(batch.texts.targets), recipe.temperature)
            captions = texts[batch.texts.order.argsort()[: len(batch.teacher)]]
            found["contrastive_loss"] = contrastive_loss(images, gather(captions), scale)
        weighed = {name: weight for name, weight in asdict(recipe.weights).items() if name in found}
        return {**found, **{f"{name}_loss": weight * found[name] for name, weight in weighed.items()}}

    def _pixels(self, scenes: SceneBatch) -> torch.Tensor:
        return jitter(normalise(scenes.pixels), self.recipe.jitter)

    def _embed(self, texts: TaughtBatch) -> torch.Tensor:
        """Embeddings of texts, float32 (n, d), L2-normalised, in the order of the batch's rows."""
        tower, project = self.model.text_model, self.model.text_projection
        with self.placement.autocast():
            pooled = torch.cat([project(tower(input_ids=chunk).pooler_output) for chunk in texts.chunks])
        return F.normalize(pooled.float(), dim=-1)

    def rate_factor(self, step: int) -> float:
        joined = step - self.recipe.labels.steps  # steps since the text tower joined
        return min(1.0, (joined + 1) / self.recipe.warmup_steps) if joined >= 0 and self.recipe.warmup_steps else 1.0

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        self.model.logit_scale.clamp_(max=MAX_LOG_SCALE)

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """R@1 of held-out captions and images, by the text tower and by its teacher, in percent."""
        return self.recalls(), False

    @torch.inference_mode()
    def recalls(self) -> dict[str, float]:
        """R@1 among the watched scenes both ways, and that of the teacher's embeddings of the captions."""
        self.model.eval()
        batches, captioned, targets = self._watched
        rows = np.arange(self.recipe.scenes.watched)
        parts = np.array_split(rows, -(-len(rows) // EVALUATED))
        images = np.concatenate([self._images(batches.rows(part).pixels) for part in parts])
        numbers = captioned.caption_rows(rows, 0)
        teacher = targets[numbers].astype(np.float32)
        embedded = self._encode([captioned.captions[number] for number in numbers])
        return {
            "text_to_image": recall_at_k(embedded, images, rows, (1,))["r@1"],
            "image_to_text": recall_at_k(images, embedded, rows, (1,))["r@1"],
            "teacher_to_image": recall_at_k(teacher, images, rows, (1,))["r@1"],
            "cosine": float((embedded * teacher).sum(1).mean()),
        }

    def _images(self, pixels: torch.Tensor) -> np.ndarray:
        """Embeddings of images uint8 (n, 3, side, side), float32 (n, d), L2-normalised."""
        with self.placement.autocast():
            _, pooled = vision_states(self.model, normalise(self.placement.batch(pixels)))
            projected = self.model.visual_projection(pooled)
        return F.normalize(projected.float(), dim=-1).cpu().numpy()

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": self.model, "heads": self.heads}

    def figures(self) -> dict[str, Any]:
        """What a card tells: scenes seen, recalls among the watched scenes, what free sentences find."""
        recipe, phases = self.recipe, (self.recipe.labels, self.recipe.contrastive)
        encoders = {"tower": self._encode, "teacher": self._teacher.encode}
        return {
            "samples": sum(phase.steps * phase.batch_size for phase in phases),
            **self._text_figures(),
            "watched": {"n": recipe.scenes.watched, **self.recalls()},
            "free_text": free_text_figures(encoders, recipe.scenes.searched, images={"tower": self._paint}),
        }

    def _text_figures(self) -> dict[str, Any]:
        """Numbers of texts and cosines, by source; those of the run that taught the text tower, where it rests here."""
        taught = locate(self.recipe.text_tower).parent / METRICS
        if self.recipe.own_texts and taught.is_file():
            measured = json.loads(taught.read_text(encoding="utf-8"))
            return {name: measured[name] for name in ("texts", "cosine")}
        return {"texts": {source.name: len(source.texts) for source in self._sources}, "cosine": self._cosines()}

    @torch.inference_mode()
    def _cosines(self) -> dict[str, float]:
        """Mean cosine to the teacher on held-out texts of each source, as they are and perturbed."""
        measured = {}
        for source in self._sources:
            for suffix, perturbed in (("", False), ("_perturbed", True)):
                batch = self.placement.batch(self.taught.held_out(source.name, HELD_OUT_TEXTS, perturbed=perturbed))
                measured[source.name + suffix] = (self._embed(batch) * batch.targets).sum(-1).mean().item()
        return measured

    @torch.inference_mode()
    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, float32 (n, d), L2-normalised."""
        batch = TaughtBatch.of(texts, np.empty((len(texts), 0)), self.tokenizer)
        return self._embed(self.placement.batch(batch))[batch.order.argsort()].cpu().numpy()

    @torch.inference_mode()
    def _paint(self, scenes: Sequence[Scene]) -> np.ndarray:
        """Embeddings of the scenes' images, float32 (n, d), L2-normalised."""
        painter = SceneRenderer.open(self.options.artwork, self.recipe.model.image_size)
        parts = (scenes[first : first + EVALUATED] for first in range(0, len(scenes), EVALUATED))
        return np.concatenate(
            [self._images(stack_pictures([painter.paint(scene) for scene in part])) for part in parts]
        )

    def save(self, folder: Path) -> None:
        """Saves the model, and beside its folder its figures and the label heads, for a run that goes on from here."""
        words = [name for concept in catalogue().concepts for name in (*concept.names, *concept.phrases)]
        save_hub_layout(folder, self.model, self.tokenizer, build_processor(self.recipe.model), words)
        heads = {name: weight.contiguous() for name, weight in self.heads.state_dict().items()}
        save_file(heads, folder.parent / HEADS)
        self.model.eval()
        (folder.parent / METRICS).write_text(json.dumps(self.figures(), indent=1) + "\n", encoding="utf-8")
