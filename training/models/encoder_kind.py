"""Kinds of encoder that can be tuned, as a seat's `kind` names them, and the one that a checkpoint is of."""

import re
from pathlib import Path

import torch
from transformers import PreTrainedModel

from safeclip.encoders import Encoder
from safeclip.encoders.formats.declaration import directory_of
from safeclip.errors import CheckpointError
from safeclip.paths import resolve
from safeclip.runtime.checkpoint_files import CONFIG, CheckpointFiles, model_type
from safeclip.runtime.checkpoint_names import locate

KINDS = CLIP, SIGLIP = "clip", "siglip"
RESULT = "model"  # folder of a run with a whole model
CONFIGURATION = CheckpointFiles("configuration", required=(CONFIG,))


def kind_of(name: str) -> str:
    """The encoder format of a checkpoint of transformers by its configuration: SIGLIP or, for all others, CLIP.

    Raises HubError when the hub does not give it.
    """
    return SIGLIP if model_type(directory_of(locate(name), CONFIGURATION)) == SIGLIP else CLIP


def named_here(name: str) -> str:
    """A checkpoint's name on a command line; a folder of the working directory becomes its absolute path."""
    path = Path(name).expanduser().absolute()
    return str(path) if path.is_dir() and path != resolve(name).absolute() else name


def check_made(name: str) -> None:
    """Raises CheckpointError for a checkpoint that another recipe is to leave in `runs/` first."""
    if (made := re.fullmatch(rf"runs/([^/]+)/{RESULT}", name)) and not resolve(name).is_dir():
        raise CheckpointError(
            f"{name} is not there yet: another recipe makes it. "
            f"Run `safeclip-train {made[1]} --out runs/{made[1]}` first."
        )


def encoder_of(name: str, kind: str = CLIP, *, device: torch.device) -> Encoder:
    """The `checkpoint` of a recipe. Raises CheckpointError for one that is not made yet, and for a path of none."""
    check_made(name)
    place = locate(name)
    if not name or (isinstance(place, Path) and not place.is_dir()):
        raise CheckpointError(
            f"the key “checkpoint” is {name!r}, and {place} is no folder with a checkpoint. "
            "Name a folder, or OWNER/NAME of the hub."
        )
    return Encoder.from_pretrained(place, device=device, kind=kind)


def tunable_encoder(name: str, kind: str = CLIP, *, device: torch.device) -> Encoder:
    """A checkpoint whose layers a recipe changes. Raises as `encoder_of`, and for one in open_clip's layout."""
    encoder = encoder_of(name, kind, device=device)
    if not isinstance(encoder.model, PreTrainedModel):
        raise CheckpointError(
            f"{name}: a recipe changes checkpoints in transformers' layout alone. safeclip-train finetune takes this "
            "one too, and writes it in that layout to the folder base of its --out."
        )
    return encoder
