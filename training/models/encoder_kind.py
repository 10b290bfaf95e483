"""Kinds of encoder that can be tuned, as a seat's `kind` names them, and the one that a checkpoint is of."""

import torch
from transformers import PreTrainedModel

from safeclip.encoders import Encoder
from safeclip.encoders.formats.declaration import directory_of
from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_files import CONFIG, CheckpointFiles, model_type
from safeclip.runtime.checkpoint_names import locate

CLIP, SIGLIP = "clip", "siglip"
CONFIGURATION = CheckpointFiles("configuration", required=(CONFIG,))


def kind_of(name: str) -> str:
    """The encoder format of a checkpoint of transformers by its configuration: SIGLIP or, for all others, CLIP.

    Raises HubError when the hub does not give it.
    """
    return SIGLIP if model_type(directory_of(locate(name), CONFIGURATION)) == SIGLIP else CLIP


def tunable_encoder(name: str, kind: str = CLIP, *, device: torch.device) -> Encoder:
    """A checkpoint whose layers a recipe changes. Raises CheckpointError for one in open_clip's layout."""
    encoder = Encoder.from_pretrained(locate(name), device=device, kind=kind)
    if not isinstance(encoder.model, PreTrainedModel):
        raise CheckpointError(
            f"{name}: a recipe changes checkpoints in transformers' layout alone. safeclip-train finetune takes this "
            "one too, and writes it in that layout to the folder base of its --out."
        )
    return encoder
