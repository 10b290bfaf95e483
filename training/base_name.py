"""Name of a fine-tune's base for other people, to whom a path of this machine says nothing."""

from pathlib import Path

from safeclip.paths import resolve
from safeclip.runtime.checkpoint_names import Repository, is_open_clip, is_repository

CONVERTED_FROM = "converted_from.txt"  # of a copy in transformers' layout: the name of the open_clip model
_LOCAL = "local-dir:"  # begins open_clip's names of folders


def base_name(base: str) -> str:
    """That of the hub or of open_clip, and of a folder its last part; of a converted copy that of the original."""
    if base.startswith(_LOCAL):
        return Path(base.removeprefix(_LOCAL)).name
    if is_repository(base):
        return Repository.parse(base).id
    folder = resolve(base)
    if is_open_clip(base) and not folder.exists():
        return base
    original = folder / CONVERTED_FROM
    return original.read_text(encoding="utf-8").strip() if original.is_file() else folder.name
