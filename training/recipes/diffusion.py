"""Trains the zoo's painter: v-prediction on latents of paintings, conditioned on the original CLIP's text encoder.

    python -m training.recipes.diffusion training/recipes/diffusion.toml --out runs/diffusion [--minutes 9]

The first minutes go into latents, which are kept in `latents` below the run's folder. The VAE must be trained already.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

from safeclip.errors import CheckpointError
from safeclip.profiles import resolve

from ..data.batches import numbered_batches
from ..data.emoji.paintings import Paintings
from ..data.latents import LatentsSpec, LatentStore, open_store
from ..engine.cli import RunOptions, parse_run
from ..engine.contact_sheets import contact_sheet, write_sheet
from ..engine.loop import Pace, Schedule, run
from ..engine.optimizer_step import adamw, optimizer_step
from ..engine.recipe import read_recipe
from ..models.ema import Ema
from ..models.unet import UNetSpec, build_scheduler, build_unet, load_text_encoder, text_states, tokenise
from ..models.vae import load_vae
from ..zoo.pipeline import assemble, save_pipeline

SHEET_STEPS, SHEET_GUIDANCE, SHEET_COLUMNS = 20, 4.5, 8
NOISE_SEED = 7  # of validations and sheets, so that they can be compared


@dataclass(frozen=True)
class DiffusionRecipe:
    """Every hyper-parameter of the painter."""

    seed: int
    clip: str  # whose text encoder is listened to: a path from the repository's root
    vae: str  # likewise
    model: UNetSpec
    scenes: int  # kept as latents
    captions: int  # wordings of each
    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    weight_decay: float
    drop_captions: float  # share of captions replaced by the empty one, for classifier-free guidance
    snr_floor: float
    snr_ceiling: float
    ema: float
    checkpoint_every: int
    held_out: int  # scenes that validations look at
    sheet: int  # prompts painted at each validation


@dataclass
class LatentBatch:
    """n scenes as latents, with one wording of each caption."""

    latents: torch.Tensor  # float32 (n, c, side, side), scaled
    tokens: torch.Tensor  # int64 (n, length)


def loss_weights(snr: torch.Tensor, floor: float, ceiling: float) -> torch.Tensor:
    """Weights of the squared errors of v at signal-to-noise ratios `snr` (n,): clamp(snr, floor, ceiling) / (snr + 1).

    With floor 0 this is min-SNR (Hang et al., 2023) for v-prediction. That weighs pure noise with 0, and a schedule
    that ends in pure noise is then never taught its first step, the one that lays out the picture; a floor of 1 is the
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
    noisy = scheduler.add_noise(latents, noise, times).contiguous(memory_format=torch.channels_last)
    predicted = unet(noisy, times, states).sample.float()
    return (predicted - scheduler.get_velocity(latents, noise, times)).square().mean(dim=(1, 2, 3))


class DiffusionTraining:
    """A `loop.Trainable` that trains a UNet2DConditionModel on a LatentStore."""

    def __init__(self, recipe: DiffusionRecipe, options: RunOptions, train: LatentStore, held_out: LatentStore):
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.text_encoder, self.tokenizer = load_text_encoder(resolve(recipe.clip))
        self.vae = load_vae(resolve(recipe.vae))
        self.scheduler = build_scheduler()
        size = self.vae.config.sample_size // 2 ** (len(self.vae.config.block_out_channels) - 1)
        width = self.text_encoder.config.hidden_size
        self.unet = build_unet(recipe.model, size, self.vae.config.latent_channels, width)
        self.ema = Ema(self.unet, recipe.ema)
        self.optimizer = adamw(self.unet.parameters(), recipe.weight_decay, betas=(0.9, 0.99))
        signal = self.scheduler.alphas_cumprod
        self._snr = signal / (1 - signal)
        self._empty = tokenise(self.tokenizer, [""])[0]
        self._options, self._train, self._held_out = options, train, held_out

    def batches(self, first: int, last: int) -> Iterator[LatentBatch]:
        size, per_epoch = self.recipe.batch_size, len(self._train) // self.recipe.batch_size

        def make(step: int) -> LatentBatch:
            epoch, position = divmod(step, per_epoch)
            order = np.random.default_rng((self.recipe.seed, epoch)).permutation(len(self._train))
            rng = np.random.default_rng((self.recipe.seed, epoch, position))
            wordings = rng.integers(self.recipe.captions, size=size)
            return LatentBatch(*self._train.rows(order[position * size : (position + 1) * size], wordings))

        return numbered_batches(make, first, last, self._options.workers)

    def step(self, step: int, batch: LatentBatch, learning_rate: float) -> dict[str, float]:
        count = len(batch.latents)
        tokens = torch.where(torch.rand(count, 1) < self.recipe.drop_captions, self._empty, batch.tokens)
        noise = torch.randn_like(batch.latents)
        times = spread_times(count, len(self._snr), torch.rand(count))
        loss, plain = self._loss(self.unet, batch.latents, tokens, noise, times)
        norm = optimizer_step(loss, self.optimizer, learning_rate)
        self.ema.update(self.unet)
        return {"loss": loss.item(), "v_error": plain.item(), "gradient": norm}

    def _loss(
        self,
        unet: UNet2DConditionModel,
        latents: torch.Tensor,
        tokens: torch.Tensor,
        noise: torch.Tensor,
        times: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The weighted and the plain mean squared error of v."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = text_states(self.text_encoder, tokens)
            errors = v_errors(unet, self.scheduler, latents, states, noise, times)
        weights = loss_weights(self._snr[times], self.recipe.snr_floor, self.recipe.snr_ceiling)
        return (weights * errors).mean(), errors.mean().detach()

    @torch.no_grad()
    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """The error of the averaged weights on held-out scenes, with the same noise every time, and a contact sheet."""
        self._write_sheet(step)
        generator = torch.Generator().manual_seed(NOISE_SEED)
        sums = np.zeros(2)
        for part in np.array_split(np.arange(len(self._held_out)), -(-len(self._held_out) // self.recipe.batch_size)):
            latents, tokens = self._held_out.rows(part, np.zeros_like(part))
            noise = torch.randn(latents.shape, generator=generator)
            times = spread_times(len(part), len(self._snr), torch.rand(len(part), generator=generator))
            found = self._loss(self.ema.model, latents, tokens, noise, times)
            sums += [len(part) * each.item() for each in found]
        loss, plain = (sums / len(self._held_out)).tolist()
        return {"held_out_loss": loss, "held_out_v_error": plain}, False

    def pipeline(self) -> StableDiffusionPipeline:
        """The painter as it stands, with the averaged weights: a StableDiffusionPipeline."""
        return assemble(self.ema.model, self.vae, self.text_encoder, self.tokenizer, self.scheduler)

    def _write_sheet(self, step: int) -> None:
        paintings = Paintings("validation", self.recipe.seed)
        prompts = [paintings.painting(i).captions[0] for i in range(self.recipe.sheet)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            painted = self.pipeline()(
                prompts,
                num_inference_steps=SHEET_STEPS,
                guidance_scale=SHEET_GUIDANCE,
                generator=torch.Generator().manual_seed(NOISE_SEED),
            ).images
        rows = range(0, len(prompts), SHEET_COLUMNS)
        sheet = contact_sheet(*([part[r : r + SHEET_COLUMNS] for r in rows] for part in (painted, prompts)))
        write_sheet(self._options.out / "sheets" / f"{step:06}.png", sheet)

    def state_dict(self) -> dict[str, Any]:
        return {
            "latents": self._train.key,
            "unet": self.unet.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["latents"] != self._train.key:
            raise CheckpointError(
                f"{self._options.out}: this run was trained on the latents of another autoencoder, tokenizer or data. "
                "Give the new one a folder of its own."
            )
        self.unet.load_state_dict(state["unet"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])


def spread_times(count: int, total: int, uniform: torch.Tensor) -> torch.Tensor:
    """`count` timesteps of 0 … total − 1, one from each of `count` equal stretches.

    `uniform` (count,), in [0, 1), says where in its stretch each lies. Every batch so sees all of the schedule, and
    the losses of neighbouring steps can be compared.
    """
    return ((torch.arange(count) + uniform) * (total / count)).long().clamp(max=total - 1)


def train(recipe: DiffusionRecipe, options: RunOptions) -> bool:
    """Train in `options.out`, resuming what is there; the pipeline goes to its `model`.

    Returns whether the run is complete. Raises CheckpointError when there is no VAE yet, or another than before.
    """
    if not (resolve(recipe.vae) / "config.json").is_file():
        raise CheckpointError(
            f"{recipe.vae}: there is no autoencoder. Train it with python -m training.recipes.vae first."
        )
    deadline = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    _, tokenizer = load_text_encoder(resolve(recipe.clip))
    stores = []
    for split, scenes in (("validation", recipe.held_out), ("train", recipe.scenes)):
        store = open_store(
            options.out / "latents",
            LatentsSpec(split, recipe.seed, scenes, recipe.captions),
            vae=resolve(recipe.vae),
            tokenizer=tokenizer,
            artwork=options.artwork,
            workers=options.workers,
            deadline=deadline,
            report=lambda line: print(line, file=sys.stderr, flush=True),
        )
        if store is None:
            return False
        stores.append(store)
    held_out, training_store = stores
    training = DiffusionTraining(recipe, options, training_store, held_out)
    schedule = Schedule(recipe.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
    left = max(1e-9, (deadline - time.monotonic()) / 60) if options.minutes else None
    pace = Pace(recipe.checkpoint_every, options.report_every, left)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    save_pipeline(options.out / "model", training.pipeline())
    return complete


if __name__ == "__main__":
    arguments = parse_run(__doc__)
    train(read_recipe(DiffusionRecipe, arguments.recipe), arguments)
