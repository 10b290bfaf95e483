"""A CLIP of `transformers`: config.json and weights, with a PEFT adapter merged in where one is named."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from ...runtime.checkpoint_files import CheckpointFiles
from .declaration import CheckpointSource, DirectoryFormat, directory_of
from .layouts import ADAPTER, CLIP, CLIP_MODEL

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class TransformersFormat(DirectoryFormat):
    """The layout of `CLIPModel.save_pretrained`, and of every checkpoint that no other format claims."""

    kind = "clip"
    takes_adapter = True

    def files(self, source: CheckpointSource) -> CheckpointFiles:
        return replace(CLIP if source.processor is None else CLIP_MODEL, half=source.half)

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .transformers_model import read_parts

        directory = self.directory(source)
        if not directory.is_dir():
            raise CheckpointError(f"{directory}: there is no such checkpoint. Correct its path in the profile.")
        return read_parts(
            directory,
            directory if source.processor is None else Path(source.processor),
            None if source.adapter is None else directory_of(source.adapter, ADAPTER),
            dtype,
            half=source.half,
            name=str(source.checkpoint),
        )
