"""Trains the zoo's autoencoder, mostly on crops around the things in a scene: most of a whole scene is background.

python -m training.recipes.vae training/recipes/vae.toml --out runs/vae [--minutes 9]
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from ..data.batches import numbered_batches
from ..data.vae_batches import PaintingBatches
from ..engine.cli import RunOptions, parse_run
from ..engine.contact_sheets import contact_sheet, write_sheet
from ..engine.loop import Pace, Schedule, is_complete, run
from ..engine.optimizer_step import adamw, optimizer_step
from ..engine.recipe import read_recipe
from ..models.ema import Ema
from ..models.vae import VaeSpec, build_vae, encode, gradient_loss, reconstruct, save_vae, signed

ROW = 8  # pictures


@dataclass(frozen=True)
class VaeRecipe:
    """Every hyper-parameter of the zoo's autoencoder."""

    seed: int
    model: VaeSpec
    steps: int
    batch_size: int  # crops, two a scene
    crop: int  # px
    whole_every: int  # every so many steps the batch is whole scenes, of as many pixels
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    weight_decay: float
    gradient_weight: float  # of the differences between neighbours beside L1
    kl_weight: float  # of the mean divergence of a latent number
    ema: float
    checkpoint_every: int
    held_out: int  # scenes that validations look at, and as many of training to measure the latents' scale on


class VaeTraining:
    """A `loop.Trainable` that trains an AutoencoderKL on paintings."""

    def __init__(self, recipe: VaeRecipe, options: RunOptions):
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.model = build_vae(recipe.model)
        self.ema = Ema(self.model, recipe.ema)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.99))
        self._options = options
        self._scenes = self._source("validation")

    def _source(self, split: str) -> PaintingBatches:
        return PaintingBatches(self._options.artwork, split, self.recipe.seed, self.recipe.model.image_size)

    def batches(self, first: int, last: int) -> Iterator[torch.Tensor]:
        recipe, source = self.recipe, self._source("train")
        scenes = recipe.batch_size // 2
        whole = max(1, recipe.batch_size * recipe.crop**2 // recipe.model.image_size**2)

        def make(step: int) -> torch.Tensor:
            if step % recipe.whole_every == recipe.whole_every - 1:
                return source.whole(step * scenes, whole)
            return source.crops(step * scenes, scenes, recipe.crop)

        return numbered_batches(make, first, last, self._options.workers)

    def step(self, step: int, batch: torch.Tensor, learning_rate: float) -> dict[str, float]:
        recipe, pixels = self.recipe, signed(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            posterior = self.model.encode(pixels).latent_dist
            decoded = self.model.decode(posterior.sample()).sample.float()
        l1 = F.l1_loss(decoded, pixels)
        gradient = gradient_loss(decoded, pixels)
        mean, log_variance = posterior.mean.float(), posterior.logvar.float()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        loss = l1 + recipe.gradient_weight * gradient + recipe.kl_weight * kl
        optimizer_step(loss, self.optimizer, learning_rate)
        self.ema.update(self.model)
        return {"loss": loss.item(), "l1": l1.item(), "gradient": gradient.item(), "kl": kl.item()}

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """L1 (of the range 0 … 1) and PSNR (dB) on held-out scenes, over all pixels and over those of the things."""
        pixels = self._scenes.whole(0, self.recipe.held_out)
        decoded = torch.cat([reconstruct(self.ema.model, part) for part in pixels.split(16)])
        self._write_sheet(step, pixels, decoded)
        error = (decoded.float() - pixels.float()).permute(0, 2, 3, 1) / 255
        things = error[self._scenes.masks(0, self.recipe.held_out)]
        measured = {}
        for name, part in (("all", error), ("things", things)):
            measured[f"l1_{name}"] = part.abs().mean().item()
            measured[f"psnr_{name}"] = -10 * part.square().mean().log10().item()
        return measured, False

    def _write_sheet(self, step: int, pixels: torch.Tensor, decoded: torch.Tensor) -> None:
        rows = []
        for start in range(0, 2 * ROW, ROW):
            for side in (pixels, decoded):
                shown = side[start : start + ROW].permute(0, 2, 3, 1).numpy()
                rows.append([Image.fromarray(picture) for picture in shown])
        write_sheet(self._options.out / "sheets" / f"{step:06}.png", contact_sheet(rows))

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])

    def scaling_factor(self) -> float:
        """What brings the latents of training scenes to a standard deviation of 1."""
        pixels = self._source("train").whole(0, self.recipe.held_out)
        latents = torch.cat([encode(self.ema.model, part) for part in pixels.split(16)])
        return self.ema.model.config.scaling_factor / latents.std().item()

    def save(self, folder: Path) -> None:
        save_vae(folder, self.ema.model, self.scaling_factor())


def train(recipe: VaeRecipe, options: RunOptions) -> bool:
    """Train in `options.out`, resuming what is there; the VAE goes to its `model`. Returns whether it is complete."""
    if is_complete(options.out) and (options.out / "model").is_dir():
        return True  # saved again, its scale might differ in a last bit, and latents made with it would be of another
    training = VaeTraining(recipe, options)
    schedule = Schedule(recipe.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
    pace = Pace(recipe.checkpoint_every, options.report_every, options.minutes)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    training.save(options.out / "model")
    return complete


if __name__ == "__main__":
    arguments = parse_run(__doc__)
    train(read_recipe(VaeRecipe, arguments.recipe), arguments)
