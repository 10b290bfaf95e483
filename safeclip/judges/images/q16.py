"""Judge of photographs by Q16 (Schramowski et al., FAccT 2022): two prompts tuned for original CLIP ViT-L/14. Optional.

The prompts are published as a pickle, which may run code when it is read, so it is not read here. Convert it once,
where you trust it, into the folder that the judge is opened with:

    prompts = torch.as_tensor(numpy.asarray(pickle.load(open("prompts.p", "rb")), dtype="float32"))
    safetensors.torch.save_file({"prompts": prompts}, "FOLDER/prompts.safetensors")
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ...errors import CheckpointError, DeviceError, JudgeError, first_line
from ...hashing import json_sha256
from ..declaration import JudgeDeclaration
from ..inputs import as_rgb
from ..scores import Score

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from ...encoders import Encoder

CLIP = "openai/clip-vit-large-patch14"
PROMPTS = "prompts.safetensors"
SCALE = 100.0  # that the prompts were tuned with

_WIDEST = 4  # times as long as it is high; what lies beyond the middle is never read
_BATCH = 64  # images


class Q16:
    """Scores an image by softmax(100 · cos) over two prompts: the share of the inappropriate one."""

    name = "Q16"
    threshold = 0.5
    covers = "what people call inappropriate"

    def __init__(self, encoder: "Encoder", prompts: np.ndarray) -> None:
        """Judges with `prompts` float (2, d): the appropriate one, then the inappropriate one.

        Raises JudgeError when they do not fit the encoder's width, are not finite, or are no directions.
        """
        prompts = np.asarray(prompts, np.float32)
        if prompts.shape != (2, encoder.dim):
            raise JudgeError(
                f"Q16 needs two prompts of {encoder.dim} numbers, but they are of shape {prompts.shape}. "
                f"They belong to {CLIP}."
            )
        lengths = np.linalg.norm(prompts, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise JudgeError("The prompts of Q16 are damaged. Convert them again.")
        self._encoder = encoder
        self._prompts = prompts / lengths
        self.version = json_sha256([encoder.fingerprint, self._prompts.tolist()])[:8]

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        encoder: "Encoder | None" = None,
        device: "str | torch.device | None" = None,
    ) -> Self:
        """Reads the prompts in `folder`; `encoder` is original CLIP ViT-L/14, which is loaded where none is given.

        Raises JudgeError when the prompts or the encoder cannot be had, DeviceError when the device cannot take it.
        """
        prompts = _read(Path(folder) / PROMPTS)
        if encoder is None:
            from ...encoders import Encoder  # imports torch

            try:
                encoder = Encoder.from_pretrained(CLIP, device=device)
            except CheckpointError as error:
                raise JudgeError(f"Q16 judges by {CLIP}, which cannot be had: {error}") from error
        return cls(encoder, prompts)

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        scores = []
        for start in range(0, len(images), _BATCH):
            rgb = [_middle(as_rgb(image)) for image in images[start : start + _BATCH]]
            try:
                embeddings = self._encoder.encode_images(rgb)
            except (DeviceError, RuntimeError) as error:
                raise JudgeError(f"{self.name} could not judge: {first_line(error)}") from error
            appropriate, inappropriate = SCALE * (embeddings.astype(np.float64) @ self._prompts.T.astype(np.float64)).T
            values = 1 / (1 + np.exp(np.clip(appropriate - inappropriate, -700, 700)))
            scores += [
                Score(self.name, self.version, self.threshold, float(value), covers=self.covers) for value in values
            ]
        return scores


def _read(path: Path) -> np.ndarray:
    """Reads the only tensor of a file, whatever its name."""
    from safetensors.numpy import load_file

    if not path.is_file():
        raise JudgeError(
            f"{path}: the prompts of Q16 are missing. Convert its prompts.p to this file; "
            "safeclip/judges/images/q16.py says how."
        )
    try:
        (prompts,) = load_file(path).values()
    except Exception as error:  # safetensors raises several kinds for what is no such file
        raise JudgeError(f"{path}: this is no .safetensors file with one tensor. Convert it again.") from error
    return prompts


def _middle(image: "Image.Image") -> "Image.Image":
    """Cuts the ends off a very long image, of which CLIP would crop the middle after enlarging all of it."""
    width, height = image.size
    short = _WIDEST * min(width, height)
    left, top = max(0, (width - short) // 2), max(0, (height - short) // 2)
    return image.crop((left, top, min(width, left + short), min(height, top + short)))


JUDGE = JudgeDeclaration(
    "q16",
    lambda folder, device: Q16.open(folder, device=device),
    argument="FOLDER",
    files=(PROMPTS,),
    encoder=CLIP,
)
