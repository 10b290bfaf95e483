"""SigLIP of `transformers`: two towers trained by a sigmoid over each pair (Zhai et al., ICCV 2023)."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ...runtime.checkpoint_files import CheckpointFiles
from .declaration import CheckpointSource, DirectoryFormat, directory_of
from .layouts import ADAPTER, SIGLIP

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class SiglipFormat(DirectoryFormat):
    """The layout of `SiglipModel.save_pretrained`, with a tokenizer.json; SigLIP 2 of one fixed resolution too.

    Embeddings are compared by their cosine. Scale and bias of the sigmoid change no ranking and are left out.
    """

    kind = "siglip"
    takes_adapter = True

    def files(self, source: CheckpointSource) -> CheckpointFiles:
        return replace(SIGLIP, half=source.half)

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .siglip_model import read_parts

        directory = self.directory(source)
        adapter = None if source.adapter is None else directory_of(source.adapter, ADAPTER)
        return read_parts(directory, adapter, dtype, half=source.half)
