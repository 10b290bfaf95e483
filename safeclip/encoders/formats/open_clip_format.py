"""A CLIP of `open_clip`: by its name, or a directory with its configuration and one file of weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...runtime.checkpoint_names import Repository, is_open_clip, is_repository
from ...runtime.hub_files import HubFiles
from .declaration import CheckpointSource, EncoderFormat
from .layouts import CLIP_MODEL, OPEN_CLIP, OPEN_CLIP_WEIGHTS, one_file

if TYPE_CHECKING:
    import torch

    from ..parts import EncoderParts


class OpenClipFormat(EncoderFormat):
    """Claims names of open_clip, and directories with weights of open_clip's and none of transformers'."""

    kind = "clip"

    def claims(self, source: CheckpointSource) -> bool:
        if is_open_clip(source.checkpoint) and not Path(source.checkpoint).exists():
            return True
        directory = Path(source.checkpoint)
        return not CLIP_MODEL.weight_files(directory) and bool(OPEN_CLIP_WEIGHTS.weight_files(directory))

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        scheme, _, name = str(source.checkpoint).partition(":")
        if scheme == "local-dir" or Path(source.checkpoint).exists():
            return
        files = OPEN_CLIP if scheme == "hf-hub" else OPEN_CLIP_WEIGHTS
        if scheme != "hf-hub" and not is_repository(name):
            from open_clip.pretrained import get_pretrained_cfg  # imports torch: only for profiles with such a name

            tag = get_pretrained_cfg(scheme.replace("/", "-"), name)
            if not tag:
                return  # a file or a folder, or nothing: `read` will tell
            name, _, file = tag["hf_hub"].rpartition("/")
            files = one_file(file) if file else files
        yield HubFiles(Repository.parse(name, source.revision), files)

    def read(self, source: CheckpointSource, dtype: "torch.dtype") -> "EncoderParts":
        from .open_clip_model import read_parts

        here = Path(source.checkpoint)
        processor = None if source.processor is None else Path(source.processor)
        return read_parts(here if here.exists() else source.checkpoint, source.revision, processor, dtype)
