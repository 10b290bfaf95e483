"""SigLIP of `transformers`: two towers trained by a sigmoid over each pair (Zhai et al., ICCV 2023)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...runtime.checkpoint_files import CheckpointFiles
from ...runtime.checkpoint_names import Repository
from ...runtime.hub_files import HubFiles
from .declaration import CheckpointSource, EncoderFormat, directory_of, on_hub
from .layouts import ADAPTER, SIGLIP

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class SiglipFormat(EncoderFormat):
    """The layout of `SiglipModel.save_pretrained`, with a tokenizer.json; SigLIP 2 of one fixed resolution too.

    Embeddings are compared by their cosine. Scale and bias of the sigmoid change no ranking and are left out.
    """

    kind = "siglip"
    takes_adapter = True

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        if on_hub(source.checkpoint):
            yield HubFiles(Repository.parse(str(source.checkpoint), source.revision), _files(source))

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .siglip_model import read_parts

        directory = directory_of(source.checkpoint, _files(source), source.revision)
        adapter = None if source.adapter is None else directory_of(source.adapter, ADAPTER)
        return read_parts(directory, adapter, dtype, half=source.half)


def _files(source: CheckpointSource) -> CheckpointFiles:
    return replace(SIGLIP, half=source.half)
