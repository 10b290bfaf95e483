"""A CLIP of `transformers`: config.json and weights, with a PEFT adapter merged in where one is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from ...runtime import hub
from ...runtime.hub_files import HubFiles
from .declaration import CheckpointSource, EncoderFormat, directory_of, on_hub

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class TransformersFormat(EncoderFormat):
    """The layout of `CLIPModel.save_pretrained`, and of every checkpoint that no other format claims."""

    kind = "clip"
    takes_adapter = True

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        if on_hub(source.checkpoint):
            inputs = () if source.processor else hub.PROCESSOR
            repository = hub.Repository.parse(str(source.checkpoint), source.revision)
            yield HubFiles(repository, hub.CONFIG + inputs, hub.TRANSFORMERS_WEIGHTS)

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .transformers_model import read_parts

        own_inputs = source.processor is None
        if on_hub(source.checkpoint):
            directory = hub.fetch_clip(str(source.checkpoint), source.revision, processor=own_inputs)
        else:
            directory = Path(source.checkpoint)
            if not directory.is_dir():
                raise CheckpointError(f"{directory}: there is no such checkpoint. Correct its path in the profile.")
        return read_parts(
            directory,
            directory if source.processor is None else Path(source.processor),
            None if source.adapter is None else directory_of(source.adapter, hub.ADAPTER),
            dtype,
            name=str(source.checkpoint),
        )
