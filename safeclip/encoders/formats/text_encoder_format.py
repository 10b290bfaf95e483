"""A text encoder of Stable Diffusion alone, as SAGE publishes it: one file of weights and nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from ...runtime.checkpoint_files import CheckpointFiles
from .declaration import CheckpointSource, DirectoryFormat

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts

TEXT_ENCODER = CheckpointFiles("text encoder", weights=(("*.safetensors",), ("*.pt",)))


class TextEncoderFormat(DirectoryFormat):
    """A repository with one state dict of a `CLIPTextModel`; `processor` names the CLIP that it was tuned from.

    A seat of this kind can take part in generation alone, as it has no image tower and no projection.
    """

    kind = "text"

    def files(self, source: CheckpointSource) -> CheckpointFiles:
        return TEXT_ENCODER

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .text_encoder_model import read_parts

        directory = self.directory(source)
        TEXT_ENCODER.require(directory)
        if source.processor is None:
            raise CheckpointError(f"{source.checkpoint}: name the CLIP that it was tuned from, as processor = “…”.")
        files = TEXT_ENCODER.weight_files(directory)
        if len(files) > 1:
            names = ", ".join(file.name for file in files)
            raise CheckpointError(f"{directory}: there are several files of weights: {names}. Keep one.")
        return read_parts(files[0], Path(source.processor), dtype)
