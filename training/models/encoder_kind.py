"""Kinds of encoder that can be tuned, as a seat's `kind` names them, and the one that a checkpoint is of."""

from safeclip.encoders.formats.declaration import directory_of
from safeclip.runtime.checkpoint_files import CONFIG, CheckpointFiles, model_type
from safeclip.runtime.checkpoint_names import locate

CLIP, SIGLIP = "clip", "siglip"
CONFIGURATION = CheckpointFiles("configuration", required=(CONFIG,))


def kind_of(name: str) -> str:
    """The encoder format of a checkpoint of transformers by its configuration: SIGLIP or, for all others, CLIP.

    Raises HubError when the hub does not give it.
    """
    return SIGLIP if model_type(directory_of(locate(name), CONFIGURATION)) == SIGLIP else CLIP
