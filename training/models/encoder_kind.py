"""Kinds of encoder that can be tuned, as a seat's `kind` names them, and the one that a checkpoint is of."""

import json

from safeclip.encoders.formats.declaration import directory_of
from safeclip.runtime.checkpoint_files import CONFIG, CheckpointFiles
from safeclip.runtime.checkpoint_names import locate

CLIP, SIGLIP = "clip", "siglip"
CONFIGURATION = CheckpointFiles("configuration", required=(CONFIG,))


def kind_of(name: str) -> str:
    """The encoder format of a checkpoint of transformers by its configuration: SIGLIP or, for all others, CLIP.

    Raises HubError when the hub does not give it.
    """
    try:
        config = json.loads((directory_of(locate(name), CONFIGURATION) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return CLIP  # whoever loads the model tells what is wrong with its files
    return SIGLIP if config.get("model_type") == SIGLIP else CLIP
