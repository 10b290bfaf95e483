"""A text encoder of Stable Diffusion alone, as SAGE publishes it: one file of weights and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from ...runtime.checkpoint_files import CheckpointFiles
from ...runtime.checkpoint_names import Repository
from ...runtime.hub_files import HubFiles
from .declaration import CheckpointSource, EncoderFormat, directory_of, on_hub

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts

TEXT_ENCODER = CheckpointFiles("text encoder", weights=(("*.safetensors",), ("*.pt",)))


class TextEncoderFormat(EncoderFormat):
    """A repository with one state dict of a `CLIPTextModel`; `processor` names the CLIP that it was tuned from.

    A seat of this kind can take part in generation alone, as it has no image tower and no projection.
    """

    kind = "text"

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        if on_hub(source.checkpoint):
            yield HubFiles(Repository.parse(str(source.checkpoint), source.revision), TEXT_ENCODER)

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .text_encoder_model import read_parts

        directory = directory_of(source.checkpoint, TEXT_ENCODER, source.revision)
        TEXT_ENCODER.require(directory)
        if source.processor is None:
            raise CheckpointError(f"{source.checkpoint}: name the CLIP that it was tuned from, as processor = “…”.")
        files = TEXT_ENCODER.weight_files(directory)
        if len(files) > 1:
            names = ", ".join(file.name for file in files)
            raise CheckpointError(f"{directory}: there are several files of weights: {names}. Keep one.")
        return read_parts(files[0], Path(source.processor), dtype)
