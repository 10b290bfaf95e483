"""The sources of images by the word before the colon: `folder:my/images`. A new source is a file and a line here."""

from importlib import import_module

from ..errors import BuildError
from ..options import SourceOptions
from .base import Source

# Module and class; imported when asked for, because some need packages of the extra `scale`.
SOURCES = {"folder": (".folder", "FolderSource")}


def open_source(spec: str, options: SourceOptions) -> Source:
    """Opens `KIND:PLACE`, or a folder given by its path alone. Raises BuildError for an unknown kind."""
    kind, colon, place = spec.partition(":")
    if not colon or kind not in SOURCES:
        kind, place = "folder", spec
    if not place:
        raise BuildError(f"The source {spec!r} needs a place: write {kind}:PLACE. Kinds: {', '.join(SOURCES)}.")
    module, name = SOURCES[kind]
    return getattr(import_module(module, __package__), name)(place, options)
