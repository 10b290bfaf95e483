"""Table of the encoder formats. A new format is one file with its `EncoderFormat`, and one entry of `FORMATS`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from ...runtime.checkpoint_names import Repository
from ...runtime.hub_files import HubFiles
from .declaration import CheckpointSource, EncoderFormat, directory_of, on_hub
from .hysac_format import HysacFormat
from .layouts import ADAPTER, CLIP_PROCESSOR
from .open_clip_format import OpenClipFormat
from .siglip_format import SiglipFormat
from .text_encoder_format import TextEncoderFormat
from .transformers_format import TransformersFormat

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts

# Of the formats of one kind the first that claims a checkpoint reads it.
FORMATS: tuple[EncoderFormat, ...] = (
    OpenClipFormat(),
    TransformersFormat(),
    HysacFormat(),
    SiglipFormat(),
    TextEncoderFormat(),
)
KINDS = tuple(dict.fromkeys(format.kind for format in FORMATS))  # values of a seat's `kind`


def find(source: CheckpointSource) -> EncoderFormat:
    """Returns the format that reads `source`. Raises CheckpointError for an unknown kind."""
    for format in FORMATS:
        if format.kind == source.kind and format.claims(source):
            return format
    raise CheckpointError(
        f"{source.checkpoint}: there is no encoder format of kind “{source.kind}”. Use one of: {', '.join(KINDS)}."
    )


def read(source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
    """Loads an encoder's parts on the CPU, weights in `dtype`, by the format that `source` is stored in.

    Raises CheckpointError when a file is missing or does not fit the architecture, HubError when the hub does not give
    it.
    """
    format = find(source)
    if source.adapter is not None and not format.takes_adapter:
        raise CheckpointError(f"{source.checkpoint}: an adapter can only be merged into a checkpoint of transformers.")
    if source.processor is not None:
        source = replace(source, processor=directory_of(source.processor, CLIP_PROCESSOR))
    parts = format.read(source, dtype)
    from ..weights import require_finite  # imports torch

    require_finite(parts.towers.model, str(source.checkpoint))
    return parts


def hub_files(source: CheckpointSource) -> Iterator[HubFiles]:
    """Yields the hub files of an encoder: those of its checkpoint, then of its processor and of its adapter."""
    yield from find(source).hub_files(source)
    for name, files in ((source.processor, CLIP_PROCESSOR), (source.adapter, ADAPTER)):
        if name is not None and on_hub(name):
            yield HubFiles(Repository.parse(str(name)), files)
