"""Options of each command, as its flags and its TOML file name them."""

from __future__ import annotations

from dataclasses import dataclass

from .flags import option


@dataclass(frozen=True)
class ProfileOptions:
    """Options of every command that opens encoders: the profile, its gallery, which seats, and the device."""

    profile: str = option("emoji", "a profile's name, or the path of its TOML file", "NAME")
    gallery: str | None = option(None, "a gallery in Parquet; the profile's when left out", "DIR")
    seats: tuple[str, ...] = option((), "only these encoders; all of the profile when left out", "SEAT")
    device: str | None = option(None, "torch device; a GPU when there is one", "DEVICE")
    output: str | None = option(None, "folder of the indexes; the profile's when left out", "DIR")


@dataclass(frozen=True)
class SourceOptions:
    """Options of the commands that take images in: how a source is read, labelled and stored."""

    captions: str = option("", "a folder's caption file; or names: the files' names; or none", "FILE")
    first_line: bool = option(False, "take only the first line of a .txt caption")
    caption_column: str = option("", "column of the captions; caption or text when left out", "NAME")
    unsafe: str = option("", "which rows are unsafe: a column, or a rule such as 'nsfw >= 0.5'", "RULE")
    license: str = option("", "licence of the images; what the source says when left out", "ID")
    blocklist: str | None = option(None, "file of hashes whose images are never stored, one a line", "FILE")
    max_side: int | None = option(None, "make images longer than this smaller; kept as they are when left out", "PX")


@dataclass(frozen=True)
class BuildOptions(SourceOptions, ProfileOptions):
    """Options of `build`: what to embed, how, and where the indexes go.

    `near` is the cosine from which two images are reported as near duplicates; above 1 none are looked for.
    """

    sources: tuple[str, ...] = option((), "sources to import into the gallery first, as `import` does", "SOURCE")
    batch_size: int = option(64, "rows embedded at a time", "N")
    shard_rows: int = option(2048, "rows of a shard, at most 65536: what a crash can cost", "N")
    engine: str = option("local", "where embedding runs: local", "NAME")
    index: str = option("flat16", "auto, flat32, flat16, hnsw, ivf-flat or ivf-pq", "KIND")
    factory: str = option("", "a FAISS index factory instead of a kind; it begins with IDMap,", "FACTORY")
    memory_gb: float | None = option(None, "memory for the indexes of a seat, for --index auto", "GB")
    recall_floor: float = option(0.8, "refuse an index whose recall@10 of text or image queries is less", "SHARE")
    fresh: bool = option(False, "discard the embeddings that are there and embed every row again")
    remove: tuple[str, ...] = option((), "ids of images or captions to leave out of the indexes", "ID")
    restore: tuple[str, ...] = option((), "removed ids to take in again", "ID")
    near: float = option(0.99, "report images with at least this cosine as near duplicates; 2: none", "COSINE")
    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class FolderOptions(ProfileOptions):
    """Options of the commands on a folder of indexes, which they take as an argument."""

    output: str | None = option(None, "folder of the indexes; the profile's when left out", "DIR", positional=True)


@dataclass(frozen=True)
class ImportOptions(SourceOptions):
    """Options of `import`: a source of images, and the gallery to make of it."""

    source: str = option("", "KIND:PLACE, or a folder of images", "SOURCE", positional=True)
    gallery: str = option("", "folder of the gallery; images are added to one that exists", "GALLERY", positional=True)
    quiet: bool = option(False, "print the result only")
