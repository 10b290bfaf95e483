"""Trains the zoo's autoencoder, mostly on crops around the objects of a scene: most of a whole scene is background.

safeclip-train vae.toml --out runs/vae [--minutes 9]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image

from ..data.vae_batches import PaintingBatches
from ..engine.checkpoints import Stateful
from ..engine.contact_sheets import contact_sheet, write_sheet
from ..engine.optimizer import adamw
from ..engine.options import RunOptions
from ..engine.recipe import TrainingRecipe
from ..engine.training import Training
from ..models.ema import Ema
from ..models.vae import VaeSpec, build_vae, encode, gradient_loss, reconstruct, save_vae, signed

ROW = 8  # images of a contact sheet
PART = 16  # images reconstructed at a time


@dataclass(frozen=True, kw_only=True)
class VaeRecipe(TrainingRecipe):
    """Every hyper-parameter of the zoo's autoencoder."""

    model: VaeSpec
    steps: int
    batch_size: int  # crops, two a scene
    crop: int  # px
    whole_every: int  # every so many steps the batch is whole scenes, of as many pixels
    weight_decay: float
    gradient_weight: float  # of the differences between neighbours beside L1
    kl_weight: float  # of the mean divergence of a latent number
    ema: float
    held_out: int  # scenes of a validation, and as many of training to measure the latents' scale on


class VaeTraining(Training[VaeRecipe, torch.Tensor]):
    """Trains an AutoencoderKL on batches of images, uint8 (n, 3, side, side)."""

    recipe_type = VaeRecipe

    def __init__(self, recipe: VaeRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self.model: AutoencoderKL = self.initialise(build_vae, recipe.model)
        self.ema = Ema(self.model, recipe.ema)
        self.optimizer = adamw(self.model.parameters(), recipe.weight_decay, betas=(0.9, 0.99))
        self._scenes = self._source("validation")

    def _source(self, split: str) -> PaintingBatches:
        return PaintingBatches(self.options.artwork, split, self.recipe.seed, self.recipe.model.image_size)

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def batch_maker(self) -> Callable[[int], torch.Tensor]:
        recipe, source = self.recipe, self._source("train")
        scenes = recipe.batch_size // 2
        whole = max(1, recipe.batch_size * recipe.crop**2 // recipe.model.image_size**2)

        def make(step: int) -> torch.Tensor:
            if step % recipe.whole_every == recipe.whole_every - 1:
                return source.whole(step * scenes, whole)
            return source.crops(step * scenes, scenes, recipe.crop)

        return make

    def losses(self, step: int, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        pixels = signed(batch)
        with self.placement.autocast():
            posterior = self.model.encode(pixels).latent_dist
            decoded = self.model.decode(posterior.sample()).sample.float()
        mean, log_variance = posterior.mean.float(), posterior.logvar.float()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        return {
            "l1_loss": F.l1_loss(decoded, pixels),
            "gradient_loss": self.recipe.gradient_weight * gradient_loss(decoded, pixels),
            "kl_loss": self.recipe.kl_weight * kl,
            "kl": kl,
        }

    def after_step(self, step: int) -> None:
        self.ema.update(self.model)

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """L1 (of the range 0 … 1) and PSNR (dB) on held-out scenes, over all pixels and over those of the objects."""
        pixels = self._scenes.whole(0, self.recipe.held_out)
        decoded = torch.cat([reconstruct(self.ema.model, part).cpu() for part in pixels.split(PART)])
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
        write_sheet(self.options.out / "sheets" / f"{step:06}.png", contact_sheet(rows))

    def parts(self) -> Mapping[str, Stateful]:
        return {"model": self.model, "ema": self.ema}

    def scaling_factor(self) -> float:
        """The factor that gives the latents of training scenes a standard deviation of 1."""
        pixels = self._source("train").whole(0, self.recipe.held_out)
        latents = torch.cat([encode(self.ema.model, part) for part in pixels.split(PART)])
        return self.ema.model.config.scaling_factor / latents.std().item()

    def save(self, folder: Path) -> None:
        save_vae(folder, self.ema.model, self.scaling_factor())
