"""The sources of images by the word before the colon: `folder:my/images`. A new source is a file and a line here."""

from ..errors import BuildError
from ..extras import load
from ..options import SourceOptions
from .base import Source
from .guess import guess_source
from .limited import Limited

# Module and class; imported when asked for, because some need packages of the extra `scale`.
SOURCES = {
    "folder": (".folder", "FolderSource"),
    "list": (".image_list", "ImageListSource"),
    "parquet": (".tables.parquet", "ParquetSource"),
    "arrow": (".tables.arrow", "ArrowSource"),
    "webdataset": (".tar_shards", "TarShardsSource"),
    "hub": (".hub", "HubSource"),
    "embeddings": (".embeddings", "EmbeddingsSource"),
}


def open_source(spec: str, options: SourceOptions = SourceOptions()) -> Source:  # noqa: B008 (it is frozen)
    """Opens `KIND:PLACE`, or a path alone, whose kind is guessed from what is there. Raises BuildError."""
    kind, place = split_spec(spec)
    source = load(*SOURCES[kind], __package__, f"The source {kind}:{place}")(place, options)
    return source if options.limit is None else Limited(source, options.limit)


def split_spec(spec: str) -> tuple[str, str]:
    """The kind and the place of a source. Raises BuildError for a spec without a place."""
    kind, colon, place = spec.partition(":")
    if not colon or kind not in SOURCES:
        kind, place = guess_source(spec, SOURCES)
    if not place:
        raise BuildError(f"The source {spec!r} needs a place: write {kind}:PLACE. Kinds: {', '.join(SOURCES)}.")
    return kind, place
