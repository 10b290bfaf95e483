"""Trains the zoo's UNet: v-prediction on latents of scenes, conditioned on the original CLIP's text encoder.

    safeclip-train diffusion.toml --out runs/diffusion [--minutes 9]
    safeclip-train open-diffusion.toml --out runs/open-diffusion [--minutes 9]

The first minutes make the latents, which are kept in `latents` inside the run's folder. The VAE is trained before, and
so is the UNet whose weights the open world's starts from.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from safeclip.errors import CheckpointError
from safeclip.hashing import checkpoint_hashes, content_id
from safeclip.paths import resolve

from ..data.latents import JoinedStores, LatentsSpec, open_store
from ..data.painted_worlds import FIRST, TRAIN, captioned_scenes
from ..engine.checkpoints import Stateful
from ..engine.contact_sheets import contact_sheet, write_sheet
from ..engine.device import channels_last
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..errors import DataError
from ..models.ema import Ema
from ..models.pipeline import assemble, save_pipeline
from ..models.text_map import aligned_states, fold_text_map, linear_map
from ..models.unet import UNetSpec, build_scheduler, build_unet, load_text_encoder, load_unet, text_states, tokenise
from ..models.vae import load_vae

SHEET_STEPS, SHEET_GUIDANCE, SHEET_COLUMNS = 20, 4.5, 8
MAPPED = 3000  # captions on which one text encoder is mapped to another
NOISE_SEED = 7  # of validations and contact sheets, so that they can be compared


@dataclass(frozen=True)
class MixedScenes:
    """Scenes of another world that are mixed into the training's own."""

    world: str
    scenes: int


@dataclass(frozen=True, kw_only=True)
class DiffusionRecipe(TrainingRecipe):
    """Every hyper-parameter of the UNet."""

    paths: ClassVar[tuple[str, ...]] = ("clip", "vae", "start", "start_clip")
    counts: ClassVar[tuple[str, ...]] = (
        *TrainingRecipe.counts,
        *("scenes", "captions", "steps", "batch_size", "held_out", "sheet"),
    )

    clip: str  # the CLIP whose text encoder conditions it: a path from the repository's root
    vae: str  # likewise
    start: str = ""  # likewise: a UNet of the same sizes whose weights it starts from; "" for random ones
    start_clip: str = ""  # likewise: the CLIP that conditioned `start`, whose text states are mapped; "" for the same
    world: str = "first"  # one of painted_worlds.WORLDS
    beside: tuple[MixedScenes, ...] = ()
    model: UNetSpec
    scenes: int  # kept as latents
    captions: int  # wordings of each
    steps: int
    batch_size: int
    weight_decay: float
    drop_captions: float  # share of captions replaced by the empty one, for classifier-free guidance
    snr_floor: float
    snr_ceiling: float
    ema: float
    held_out: int  # scenes of a validation
    sheet: int  # prompts of the contact sheet of a validation


@dataclass
class LatentBatch:
    """n scenes as latents, with one wording of each caption."""

    latents: torch.Tensor  # float32 (n, c, side, side), scaled
    tokens: torch.Tensor  # int64 (n, length)


def loss_weights(snr: torch.Tensor, floor: float, ceiling: float) -> torch.Tensor:
    """Weights of the squared errors of v at signal-to-noise ratios `snr` (n,): clamp(snr, floor, ceiling) / (snr + 1).

    With floor 0 this is min-SNR (Hang et al., 2023) for v-prediction. That weighs pure noise with 0, and a schedule
    that ends in pure noise is then never taught its first step, the one that lays out the image; a floor of 1 is the
    truncated SNR of Salimans and Ho (2022), which is for the same case.
    """
    return snr.clamp(floor, ceiling) / (snr + 1)


def v_errors(
    unet: UNet2DConditionModel,
    scheduler: DDIMScheduler,
    latents: torch.Tensor,
    states: torch.Tensor,
    noise: torch.Tensor,
    times: torch.Tensor,
) -> torch.Tensor:
    """Mean squared errors (n,) of the velocity that the UNet predicts (Salimans and Ho, 2022, appendix D).

    latents and noise (n, c, side, side), states (n, length, width), times int64 (n,).
    """
    noisy = channels_last(scheduler.add_noise(latents, noise, times))
    predicted = unet(noisy, times, states).sample.float()
    return (predicted - scheduler.get_velocity(latents, noise, times)).square().mean(dim=(1, 2, 3))


def spread_times(count: int, total: int, uniform: torch.Tensor) -> torch.Tensor:
    """`count` timesteps of 0 … total − 1, one from each of `count` equal stretches.

    `uniform` (count,), in [0, 1), is the position of each in its stretch. Every batch covers the whole schedule, so
    the losses of neighbouring steps can be compared.
    """
    positions = torch.arange(count, device=uniform.device) + uniform
    return (positions * (total / count)).long().clamp(max=total - 1)


class DiffusionTraining(Training[DiffusionRecipe, LatentBatch]):
    """Trains a UNet2DConditionModel on stored latents."""

    recipe_type = DiffusionRecipe

    def __init__(self, recipe: DiffusionRecipe, options: RunOptions, train: JoinedStores, held_out: JoinedStores):
        super().__init__(recipe, options)
        if len(train) < recipe.batch_size:
            raise DataError(
                f"{len(train)} scenes do not fill one batch of {recipe.batch_size}; choose a smaller batch_size."
            )
        text_encoder, self.tokenizer = load_text_encoder(resolve(recipe.clip))
        self.text_encoder = self.placement.module(text_encoder)
        self.vae = self.placement.module(load_vae(resolve(recipe.vae)))
        self.scheduler = build_scheduler()
        size = self.vae.config.sample_size // 2 ** (len(self.vae.config.block_out_channels) - 1)
        width = self.text_encoder.config.hidden_size
        self.model: UNet2DConditionModel = self.initialise(
            build_unet, recipe.model, size, self.vae.config.latent_channels, width
        )
        if recipe.start:
            load_unet(self.model, resolve(recipe.start))
        if recipe.start_clip:
            self._follow(load_text_encoder(resolve(recipe.start_clip)))
        self.ema = Ema(self.model, recipe.ema)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.99))
        signal = self.scheduler.alphas_cumprod
        self._snr = self.placement.batch(signal / (1 - signal))
        self._empty = self.placement.batch(tokenise(self.tokenizer, [""])[0])
        self._train, self._held_out = train, held_out

    def _follow(self, old: tuple[CLIPTextModel, CLIPTokenizer]) -> None:
        """Has the UNet read the text encoder through a map to the `old` one's states, fitted on the first world."""
        scenes = captioned_scenes(FIRST, TRAIN, self.recipe.seed)
        texts = [scenes.painting(index).captions[0] for index in range(MAPPED)]
        new = load_text_encoder(resolve(self.recipe.clip))
        fold_text_map(self.model, linear_map(*aligned_states(old, new, texts)).to(self.placement.device))

    @classmethod
    def open(cls, recipe: DiffusionRecipe, options: RunOptions) -> Self | None:
        """Raises CheckpointError when there is no VAE yet."""
        if not (resolve(recipe.vae) / "config.json").is_file():
            raise CheckpointError(f"{recipe.vae}: there is no autoencoder. Train one first: safeclip-train vae.toml.")
        _, tokenizer = load_text_encoder(resolve(recipe.clip))
        stores = []
        for split, scenes in ((TRAIN, recipe.scenes), ("validation", recipe.held_out)):
            parts = [(recipe.world, scenes), *((each.world, each.scenes) for each in recipe.beside if split == TRAIN)]
            opened = [
                open_store(
                    options.out / "latents",
                    LatentsSpec(world, split, recipe.seed, count, recipe.captions),
                    vae=resolve(recipe.vae),
                    tokenizer=tokenizer,
                    artwork=options.artwork,
                    device=options.device,
                    workers=options.workers,
                    deadline=options.deadline,
                    report=lambda line: print(line, file=sys.stderr, flush=True),
                )
                for world, count in parts
            ]
            made = [store for store in opened if store is not None]
            if len(made) < len(parts):
                return None
            stores.append(JoinedStores(made))
        return cls(recipe, options, *stores)

    @property
    def fingerprint(self) -> str:
        weights = checkpoint_hashes(resolve(self.recipe.clip))
        return content_id(" ".join((self._train.key, self._held_out.key, *weights)))

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def batch_maker(self) -> Callable[[int], LatentBatch]:
        size, seed, store = self.recipe.batch_size, self.recipe.seed, self._train
        wordings_each, per_epoch = self.recipe.captions, len(store) // size

        def make(step: int) -> LatentBatch:
            epoch, position = divmod(step, per_epoch)
            order = np.random.default_rng((seed, epoch)).permutation(len(store))
            rng = np.random.default_rng((seed, epoch, position))
            wordings = rng.integers(wordings_each, size=size)
            return LatentBatch(*store.rows(order[position * size : (position + 1) * size], wordings))

        return make

    def losses(self, step: int, batch: LatentBatch) -> dict[str, torch.Tensor]:
        count, device = len(batch.latents), batch.latents.device
        dropped = torch.rand(count, 1, device=device) < self.recipe.drop_captions
        tokens = torch.where(dropped, self._empty, batch.tokens)
        noise = torch.randn_like(batch.latents)
        times = spread_times(count, len(self._snr), torch.rand(count, device=device))
        return self._errors(self.model, batch.latents, tokens, noise, times)

    def _errors(
        self,
        unet: UNet2DConditionModel,
        latents: torch.Tensor,
        tokens: torch.Tensor,
        noise: torch.Tensor,
        times: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """The mean squared error of v, weighted as `v_loss` and plain as `v_error`."""
        with self.placement.autocast():
            states = text_states(self.text_encoder, tokens)
            errors = v_errors(unet, self.scheduler, latents, states, noise, times)
        weights = loss_weights(self._snr[times], self.recipe.snr_floor, self.recipe.snr_ceiling)
        return {"v_loss": (weights * errors).mean(), "v_error": errors.mean().detach()}

    def after_step(self, step: int) -> None:
        self.ema.update(self.model)

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The error of the averaged weights on held-out scenes, with the same noise every time, and a contact sheet."""
        self._write_sheet(step)
        generator = torch.Generator().manual_seed(NOISE_SEED)
        sums = {"v_loss": 0.0, "v_error": 0.0}
        for part in np.array_split(np.arange(len(self._held_out)), -(-len(self._held_out) // self.recipe.batch_size)):
            latents, tokens = self._held_out.rows(part, np.zeros_like(part))
            noise = torch.randn(latents.shape, generator=generator)
            times = spread_times(len(part), len(self._snr), torch.rand(len(part), generator=generator))
            found = self._errors(self.ema.model, *self.placement.batch((latents, tokens, noise, times)))
            for name, value in found.items():
                sums[name] += len(part) * value.item()
        return {f"held_out_{name}": total / len(self._held_out) for name, total in sums.items()}, False

    def pipeline(self) -> StableDiffusionPipeline:
        """A StableDiffusionPipeline with the averaged weights."""
        return assemble(self.ema.model, self.vae, self.text_encoder, self.tokenizer, self.scheduler)

    def _write_sheet(self, step: int) -> None:
        paintings = captioned_scenes(self.recipe.world, "validation", self.recipe.seed)
        prompts = [paintings.painting(i).captions[0] for i in range(self.recipe.sheet)]
        with self.placement.autocast():
            images = self.pipeline()(
                prompts,
                num_inference_steps=SHEET_STEPS,
                guidance_scale=SHEET_GUIDANCE,
                generator=torch.Generator().manual_seed(NOISE_SEED),
            ).images
        rows = range(0, len(prompts), SHEET_COLUMNS)
        sheet = contact_sheet(*([part[r : r + SHEET_COLUMNS] for r in rows] for part in (images, prompts)))
        write_sheet(self.options.out / "sheets" / f"{step:06}.png", sheet)

    def parts(self) -> Mapping[str, Stateful]:
        return {"unet": self.model, "ema": self.ema}

    def save(self, folder: Path) -> None:
        save_pipeline(folder, self.pipeline())
