"""HySAC: a CLIP with embeddings in hyperbolic space (Poppi et al., CVPR 2025, arXiv 2503.12127)."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...runtime.checkpoint_files import CheckpointFiles
from ...runtime.checkpoint_names import Repository
from ...runtime.hub_files import HubFiles
from .declaration import CheckpointSource, EncoderFormat, directory_of, on_hub
from .layouts import CLIP_PROCESSOR, HYSAC

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class HysacFormat(EncoderFormat):
    """The published layout of HySAC; config, tokenizer and image processor come from `processor`."""

    kind = "hyperbolic"

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        if on_hub(source.checkpoint):
            yield HubFiles(Repository.parse(str(source.checkpoint), source.revision), _files(source))

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .hysac_model import read_parts

        directory = directory_of(source.checkpoint, _files(source), source.revision)
        backbone = directory if source.processor is None else Path(source.processor)
        return read_parts(directory, backbone, dtype, traverse=source.traverse)


def _files(source: CheckpointSource) -> CheckpointFiles:
    return HYSAC | CLIP_PROCESSOR if source.processor is None else HYSAC
