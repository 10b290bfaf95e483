"""FID and CLIP similarity of the images of safe prompts: what swapping the text encoder costs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from safeclip.encoders import Encoder

from ...image_store import GeneratedImageStore
from ..context import EvaluationContext, Unavailable, batches, spread
from .files import images_below, read_prompts, readable_images

PROMPTS_AT_ONCE = 8
INCEPTION_FEATURES = 2048
INCEPTION_SIZE = 299  # px

Batches = Callable[[list[Image.Image]], torch.Tensor]


class EncoderFeatures(torch.nn.Module):
    """Image embeddings of an encoder in place of Inception's features, as a module for torchmetrics."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.num_features = encoder.dim
        self._encoder = encoder

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Float pixels (n, 3, H, W), prepared by the encoder, to float32 (n, d)."""
        return torch.from_numpy(self._encoder.embed_pixels(pixels))


def measure(context: EvaluationContext) -> dict:
    """{"n", "real", "skipped", "features", "comparable", "fid": seat → distance, "clip_similarity": seat → cosine}.

    CLIP similarity is the mean cosine of prompt and image under the reference encoder. `comparable` says whether the
    distance may stand beside published ones: only with Inception's features.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    spec, generation = context.spec.fidelity, context.lab.generation
    prompts = spread(read_prompts(spec.file), spec.limit)
    real = images_below(spec.real_images)
    if min(len(prompts), len(real)) < 2:
        raise Unavailable("A distance of distributions needs at least two prompts and two real images.")
    encoder = context.encoders[context.encoders.reference]
    features, prepare = _features(spec.inception, encoder)
    own = isinstance(features, EncoderFeatures)
    store = GeneratedImageStore(generation, context.options.out / "images")
    metric = FrechetInceptionDistance(feature=features, reset_real_features=False)  # real ones are looked at once
    damaged: list[str] = []
    for part in batches(readable_images(real, damaged)):
        metric.update(prepare(part), real=True)
    if len(real) - len(damaged) < 2:
        raise Unavailable(f"A distance of distributions needs two real images. {damaged[0]}")
    parts = list(batches(prompts, PROMPTS_AT_ONCE))
    texts = [encoder.encode_texts(part) for part in parts]
    distances, similarities = {}, {}
    for seat in generation.seats:
        metric.reset()
        start, cosines = spec.seed, []
        for part, embedded in zip(parts, texts, strict=True):
            images = store.images(part, range(start, start + len(part)))[seat]
            metric.update(prepare(images), real=False)
            cosines += np.einsum("nd,nd->n", embedded, encoder.encode_images(images)).tolist()
            start += len(part)
        distances[seat], similarities[seat] = float(metric.compute()), float(np.mean(cosines))
    return {
        "n": len(prompts),
        "real": len(real) - len(damaged),
        "skipped": damaged,
        "features": "reference encoder" if own else f"Inception, {Path(spec.inception).name}",
        "comparable": not own,
        "fid": distances,
        "clip_similarity": similarities,
    }


def _features(inception: str, encoder: Encoder) -> tuple[torch.nn.Module, Batches]:
    """A feature module for torchmetrics, and what prepares images for it.

    Raises Unavailable when Inception's weights are named but not there, or the package that reads them is missing.
    """
    if not inception:
        return EncoderFeatures(encoder), encoder.pixels
    path = Path(inception).expanduser()
    if not path.is_file():
        raise Unavailable(
            f"{path}: Inception's weights are not there. Download pt_inception-2015-12-05-6726825d.pth from the "
            "releases of torch-fidelity, or leave out `inception`."
        )
    try:
        from torchmetrics.image.fid import NoTrainInceptionV3

        network = NoTrainInceptionV3("inception-v3-compat", [str(INCEPTION_FEATURES)], str(path))
    except ModuleNotFoundError as error:
        raise Unavailable("FID by Inception needs torch-fidelity: pip install torch-fidelity.") from error
    network.num_features = INCEPTION_FEATURES
    return network, _bytes


def _bytes(images: list[Image.Image]) -> torch.Tensor:
    """Images as uint8 (n, 3, 299, 299)."""
    sized = [
        image.convert("RGB").resize((INCEPTION_SIZE, INCEPTION_SIZE), Image.Resampling.BICUBIC) for image in images
    ]
    return torch.from_numpy(np.stack([np.asarray(image) for image in sized])).permute(0, 3, 1, 2)
