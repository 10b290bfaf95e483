"""Profile of a fine-tune: the base beside the tuned model, and retrieval over the quadruplets' images."""

from pathlib import Path

from safeclip.schema import toml_string

from ..models.encoder_kind import CLIP


def profile_text(called: str, base: str, adapter: Path, gallery: Path, index: Path, *, kind: str = CLIP) -> str:
    """The profile as TOML; `called` is the base's name for people, `kind` its one of `models.encoder_kind`.

    Folders are written as absolute paths, so that the file works from any place.
    """
    name = base if not Path(base).exists() else str(Path(base).absolute())
    title = called.rstrip("/").rsplit("/", 1)[-1]
    return f"""title = {toml_string(f"{title}, made safe")}
description = {toml_string(f"{called} beside its fine-tune by safeclip-train finetune.")}
license = "that of the base and of the quadruplets"

[[seats]]
key = "original"
label = {toml_string(title)}
checkpoint = {toml_string(name)}
kind = {toml_string(kind)}

[[seats]]
key = "safe"
label = "Safe fine-tune"
checkpoint = {toml_string(name)}
kind = {toml_string(kind)}
adapter = {toml_string(str(adapter.absolute()))}

[retrieval]
gallery = {toml_string(str(gallery.absolute()))}
index = {toml_string(str(index.absolute()))}
"""
