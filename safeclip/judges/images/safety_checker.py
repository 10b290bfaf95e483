"""Judge of photographs by the safety checker of Stable Diffusion 1, whose published concepts are of sexual content.

A profile names the folder of the checker, such as the copy that `hf download CompVis/stable-diffusion-safety-checker
--local-dir FOLDER` makes. Only safetensors are read.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import JudgeError, first_line
from ...hashing import checkpoint_hashes, json_sha256
from ..declaration import JudgeDeclaration
from ..domains import PHOTOGRAPHS, SEXUAL
from ..inputs import as_rgb
from ..packages import named_errors
from ..scores import Score
from .head_judge import middle

if TYPE_CHECKING:
    import torch
    from PIL import Image

CONFIG, WEIGHTS, PROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"

_CARE = 0.01  # by which concepts are nearer in an image that is near a concept of special care
_DIGITS = 3  # to which the checker rounds a margin before it compares it with 0
_BATCH = 16  # images


class SafetyChecker:
    """Scores 0.5 + the largest margin, cosine minus threshold, of the checker's concepts, as diffusers computes it.

    At the threshold it flags what diffusers would paint black: margins from 0.001 on.
    """

    name = "safety checker"
    covers = "sexual content"
    threshold = 0.5005

    def __init__(self, model: Any, image_processor: Any, *, version: str) -> None:
        """Judges by a `StableDiffusionSafetyChecker` and the image processor of its CLIP."""
        self.version = version
        self._model = model.eval().requires_grad_(False)
        self._image_processor = image_processor

    @classmethod
    def open(cls, folder: Path, *, device: "str | torch.device | None" = None) -> Self:
        """Loads the checker in `folder`. Raises JudgeError when it cannot be read, DeviceError without room for it."""
        from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
        from transformers import CLIPImageProcessor

        from ...runtime.devices import as_device, place  # import torch, as the above do
        from ...runtime.quiet import quiet_loading

        with named_errors(f"{folder}: the {cls.name} cannot be loaded"), quiet_loading():
            model, info = StableDiffusionSafetyChecker.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                attn_implementation="eager",  # its class knows no other
                output_loading_info=True,
            )
            image_processor = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
        if info["missing_keys"]:
            raise JudgeError(f"{folder / WEIGHTS}: the weights lack {sorted(info['missing_keys'])[0]}.")
        version = json_sha256(checkpoint_hashes(folder))[:8]
        return cls(place(model, as_device(device)), image_processor, version=version)

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        rgb = [middle(as_rgb(image)) for image in images]
        values: list[float] = []
        try:
            for start in range(0, len(rgb), _BATCH):
                values += self._values(rgb[start : start + _BATCH])
        except RuntimeError as error:  # torch's: out of memory, a lost device
            raise JudgeError(f"The {self.name} could not judge: {first_line(error)}") from error
        return [Score(self.name, self.version, self.threshold, value, covers=self.covers) for value in values]

    def _values(self, images: list["Image.Image"]) -> list[float]:
        import torch

        from ...encoders.pixels import pixels
        from ...runtime.device_lock import computing_on

        model = self._model
        with torch.inference_mode(), computing_on(model.device):
            pooled = model.vision_model(pixels(self._image_processor, images).to(model.device)).pooler_output
            embedded = torch.nn.functional.normalize(model.visual_projection(pooled).float())
            care = self._margins(embedded, model.special_care_embeds, model.special_care_embeds_weights)
            found = self._margins(embedded, model.concept_embeds, model.concept_embeds_weights)
        careful = (np.round(care, _DIGITS) > 0).any(axis=1, keepdims=True)
        largest = np.round(found + _CARE * careful, _DIGITS).max(axis=1)
        return np.clip(0.5 + largest, 0, 1).tolist()

    @staticmethod
    def _margins(embedded: "torch.Tensor", concepts: "torch.Tensor", thresholds: "torch.Tensor") -> np.ndarray:
        """Cosines minus thresholds (n, concepts) float64 of embeddings (n, d), L2-normalised."""
        import torch

        cosines = embedded @ torch.nn.functional.normalize(concepts.float()).T
        return (cosines.double() - thresholds.double()).cpu().numpy()


JUDGE = JudgeDeclaration(
    "safety-checker",
    lambda folder, device: SafetyChecker.open(folder, device=device),
    argument="FOLDER",
    files=(CONFIG, WEIGHTS, PROCESSOR),
    memory_gb=1.22,  # the image encoder of ViT-L/14
    title=SafetyChecker.name,
    domain=PHOTOGRAPHS,
    harms=(SEXUAL,),
)
