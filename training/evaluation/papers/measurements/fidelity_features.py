"""Features that a Fréchet distance compares: Inception's, those of a user's module, or the reference encoder's."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from safeclip.encoders import Encoder
from safeclip.errors import first_line

from ..context import Unavailable
from ..spec import FidelitySpec

INCEPTION_FEATURES = 2048
INCEPTION_SIZE = 299  # px


@dataclass(frozen=True)
class Features:
    """A network for torchmetrics and what prepares images for it.

    `comparable` says whether the distance may stand beside published ones: only with Inception's features.
    """

    name: str
    network: torch.nn.Module
    prepare: Callable[[list[Image.Image]], torch.Tensor]
    comparable: bool = False


class EncoderFeatures(torch.nn.Module):
    """Image embeddings of an encoder in place of Inception's features, as a module for torchmetrics."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.num_features = encoder.dim
        self._encoder = encoder

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Float pixels (n, 3, H, W), prepared by the encoder, to float32 (n, d)."""
        return torch.from_numpy(self._encoder.embed_pixels(pixels))


class OwnFeatures(torch.nn.Module):
    """A user's module, on whatever device it is, as a module for torchmetrics. Raises Unavailable unless it fits."""

    def __init__(self, name: str, network: torch.nn.Module):
        super().__init__()
        self._name = name
        self._network = network.eval()
        with torch.inference_mode():
            self.num_features = self(torch.zeros(1, 3, INCEPTION_SIZE, INCEPTION_SIZE, dtype=torch.uint8)).shape[1]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 pixels (n, 3, 299, 299) to float32 (n, d)."""
        weight = next(self._network.parameters(), pixels)
        try:
            found = self._network(pixels.to(weight.device))
        except Exception as error:  # of a user's code: any kind
            raise Unavailable(f"{self._name}: the module fails on uint8 images (n, 3, 299, 299): {error}") from error
        if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != len(pixels):
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise Unavailable(f"{self._name}: the module must map {len(pixels)} images to (n, d), not to {shape}.")
        return found.float().cpu()


def choose_features(spec: FidelitySpec, encoder: Encoder) -> Features:
    """The features that a table asks for, the encoder's when it names none.

    Raises Unavailable when what it names is not there, or when it names two.
    """
    if spec.inception and spec.features:
        raise Unavailable("[fidelity] names both `inception` and `features`. Leave one out.")
    if spec.inception:
        return _inception(Path(spec.inception).expanduser())
    if spec.features:
        return Features(spec.features, OwnFeatures(spec.features, _imported(spec.features)), _bytes)
    return Features("reference encoder", EncoderFeatures(encoder), encoder.pixels)


def _imported(name: str) -> torch.nn.Module:
    """The module at "package.module:attribute"; a class or a function there is called without arguments."""
    try:
        found = pkgutil.resolve_name(name)
        network = found if isinstance(found, torch.nn.Module) else found()
    except Exception as error:  # of a user's code: any kind
        raise Unavailable(
            f"{name}: the feature module cannot be imported ({first_line(error)}). `features` is "
            "“package.module:attribute”, installed or on PYTHONPATH."
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise Unavailable(f"{name}: this is no torch.nn.Module, nor does it return one.")
    return network


def _inception(path: Path) -> Features:
    """Raises Unavailable when the weights are not there, or the package that reads them is missing."""
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
    return Features(f"Inception, {path.name}", network, _bytes, comparable=True)


def _bytes(images: list[Image.Image]) -> torch.Tensor:
    """Images as uint8 (n, 3, 299, 299)."""
    sized = [
        image.convert("RGB").resize((INCEPTION_SIZE, INCEPTION_SIZE), Image.Resampling.BICUBIC) for image in images
    ]
    return torch.from_numpy(np.stack([np.asarray(image) for image in sized])).permute(0, 3, 1, 2)
