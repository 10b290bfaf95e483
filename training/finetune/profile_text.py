"""Profile of a fine-tune: the base beside the tuned model, and retrieval over the quadruplets' images."""

import json
from pathlib import Path

from ..models.encoder_kind import CLIP


def profile_text(called: str, base: str, adapter: Path, gallery: Path, index: Path, *, kind: str = CLIP) -> str:
    """The profile as TOML; `called` is the base's name for people, `kind` its one of `models.encoder_kind`.

    Folders are written as absolute paths, so that the file works from any place.
    """
    name = base if not Path(base).exists() else str(Path(base).absolute())
    title = called.rstrip("/").rsplit("/", 1)[-1]
    return f"""title = {json.dumps(f"{title}, made safe")}
description = {json.dumps(f"{called} beside its fine-tune by safeclip-train finetune.")}
license = "that of the base and of the quadruplets"

[[seats]]
key = "original"
label = {json.dumps(title)}
checkpoint = {json.dumps(name)}
kind = {json.dumps(kind)}

[[seats]]
key = "safe"
label = "Safe fine-tune"
checkpoint = {json.dumps(name)}
kind = {json.dumps(kind)}
adapter = {json.dumps(str(adapter.absolute()))}

[retrieval]
gallery = {json.dumps(str(gallery.absolute()))}
index = {json.dumps(str(index.absolute()))}
"""
