"""A frozen Stable Diffusion that reads text states: how far a tuned tower leads it from one picture to another."""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DDIMScheduler

from safeclip.encoders import Encoder
from safeclip.errors import ProfileError
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.hashing import checkpoint_hashes, content_id
from safeclip.paths import resolve

from ..engine.device import channels_last
from ..losses.embeddings import Paintings

EARLY = 0.5  # share of the schedule, its noisy end, where a prompt decides what is painted
PREDICTIONS = ("epsilon", "v_prediction")
ALIKE = 0.01  # of the squared length of a prediction: two prompts that differ by less are painted alike


@dataclass
class Starts:
    """Where the painting of k prompts is looked at: noise float32 (k, c, side, side), timesteps int64 (k,)."""

    noise: torch.Tensor
    times: torch.Tensor

    def rows(self, rows: slice) -> "Starts":
        """Those of some rows of a batch, whose first k they belong to; perhaps none."""
        return Starts(self.noise[rows], self.times[rows])


class FrozenPainter:
    """The UNet and the noise schedule of a Stable Diffusion that reads the text states of `encoder`, a CLIP.

    Raises CheckpointError for a checkpoint that cannot be read, or that was trained with another text tower or other
    tokens, ProfileError for one whose UNet predicts neither noise nor velocities, DeviceError where the device cannot
    take it.
    """

    def __init__(self, name: str, encoder: Encoder, device: torch.device):
        folder = resolve(name)
        swap = StableDiffusionSwap.from_pretrained(folder, device=device, dtype="float32")
        swap.check(encoder)
        pipeline = swap.pipeline
        self._unet = channels_last(pipeline.unet.eval().requires_grad_(False))
        self._scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        if (kind := self._scheduler.config.prediction_type) not in PREDICTIONS:
            raise ProfileError(f"{name} predicts “{kind}”; take one that predicts {' or '.join(PREDICTIONS)}.")
        self.fingerprint = content_id("".join(checkpoint_hashes(folder)))

    def starts(self, indices: torch.Tensor, epoch: int) -> Starts:
        """Noise and a timestep for each of some quadruplets, int64 (k,): the same whenever it is asked in an epoch."""
        config = self._unet.config
        shape, total = (config.in_channels, config.sample_size, config.sample_size), len(self._signal)
        draws = [np.random.default_rng((index, epoch)) for index in indices.tolist()]
        noise = np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in draws])
        times = np.array([rng.integers(int(total * (1 - EARLY)), total) for rng in draws])
        return Starts(torch.from_numpy(noise), torch.from_numpy(times))

    def paintings(self, starts: Starts, tuned: torch.Tensor, frozen: torch.Tensor) -> Paintings:
        """What k pairs of prompts paint, with a gradient for `tuned` alone.

        `tuned` and `frozen` are states (2k, length, width) of the safe prompts and, after them, the unsafe ones. The
        painting is taken up where the frozen states would have led it by the timestep: at even ones those of the safe
        prompt, at odd ones those of the unsafe prompt.
        """
        with torch.no_grad():
            safe, unsafe = frozen.chunk(2)
            latents = self._under_way(starts, torch.where((starts.times % 2 == 0)[:, None, None], safe, unsafe))
            safe, unsafe = self._predict(latents, starts.times, frozen).chunk(2)
        safe_now, unsafe_now = self._predict(latents, starts.times, tuned).chunk(2)
        way, size = safe - unsafe, _squared(safe)
        advance = ((unsafe_now - unsafe) * way).sum((1, 2, 3)) / _squared(way).clamp(min=1e-12)
        advance = advance.where(_squared(way) > ALIKE * size, 1.0)
        return Paintings(advance, _squared(safe_now - safe) / size)

    @property
    def _signal(self) -> torch.Tensor:
        return self._scheduler.alphas_cumprod

    def _under_way(self, starts: Starts, states: torch.Tensor) -> torch.Tensor:
        """Noisy latents at the timesteps of `starts`: one step from noise to a picture, and the noise added again."""
        last = len(self._signal) - 1
        predicted = self._predict(starts.noise, torch.full_like(starts.times, last), states)
        signal = self._signal[last].to(predicted)
        if self._scheduler.config.prediction_type == "v_prediction":
            picture = signal.sqrt() * starts.noise - (1 - signal).sqrt() * predicted
        else:
            picture = (starts.noise - (1 - signal).sqrt() * predicted) / signal.sqrt()
        return self._scheduler.add_noise(picture, starts.noise, starts.times)

    def _predict(self, latents: torch.Tensor, times: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Predictions float32 (n, c, side, side) for states (n, length, width); n is k, or 2k: the rows twice."""
        turns = len(states) // len(times)
        latents, times = channels_last(latents.repeat(turns, 1, 1, 1)), times.repeat(turns)
        return self._unet(latents, times, states).sample.float()


def _squared(predictions: torch.Tensor) -> torch.Tensor:
    """Squared lengths (n,) of predictions (n, c, side, side)."""
    return predictions.square().sum((1, 2, 3))
