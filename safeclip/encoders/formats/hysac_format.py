"""HySAC: a CLIP with embeddings in hyperbolic space (Poppi et al., CVPR 2025, arXiv 2503.12127)."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...runtime.checkpoint_files import CheckpointFiles
from .declaration import CheckpointSource, DirectoryFormat
from .layouts import CLIP_PROCESSOR, HYSAC

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class HysacFormat(DirectoryFormat):
    """The published layout of HySAC; config, tokenizer and image processor come from `processor`."""

    kind = "hyperbolic"

    def files(self, source: CheckpointSource) -> CheckpointFiles:
        return HYSAC | CLIP_PROCESSOR if source.processor is None else HYSAC

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .hysac_model import read_parts

        directory = self.directory(source)
        backbone = directory if source.processor is None else Path(source.processor)
        return read_parts(directory, backbone, dtype, traverse=source.traverse)
