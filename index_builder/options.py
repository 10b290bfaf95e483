"""Options of each command, as its flags and its TOML file name them."""

from __future__ import annotations

from dataclasses import dataclass

from .flags import Ranged, option

LONGEST_SIDE = 16_383  # pixels of a WebP
MOST_GB = 1_000_000


@dataclass(frozen=True)
class ProfileOptions(Ranged):
    """Options of every command that opens encoders: the profile, its gallery, which seats, and the device."""

    profile: str = option("emoji", "a profile's name, or the path of its TOML file", "NAME")
    gallery: str | None = option(None, "a gallery in Parquet; the profile's when left out", "DIR")
    seats: tuple[str, ...] = option((), "only these encoders; all of the profile when left out", "SEAT")
    device: str | None = option(None, "torch device; a GPU when there is one", "DEVICE")
    output: str | None = option(None, "folder of the indexes; the profile's when left out", "DIR")


@dataclass(frozen=True)
class SourceOptions(Ranged):
    """Options of the commands that take images in: how a source is read, labelled and stored."""

    captions: str = option("", "a folder's caption file; or names: the files' names; or none", "FILE")
    first_line: bool = option(False, "take only the first line of a .txt caption")
    caption_column: str = option("", "column of the captions; caption or text when left out", "NAME")
    image_column: str = option("", "column of the images, or their suffix in tar shards; found when left out", "NAME")
    limit: int | None = option(None, "only the first images of the source", "N", least=1)
    subset: str = option("", "subset (configuration) of a dataset of the hub", "NAME")
    split: str = option("", "split of a dataset; train, or the only one, when left out", "NAME")
    images: str = option("", "folder or tar shards of the images that embeddings were made of", "PLACE")
    unsafe: str = option("", "which rows are unsafe: a column, or a rule such as 'nsfw >= 0.5'", "RULE")
    judges: tuple[str, ...] = option((), "judges of unlabelled images; the profile's when left out; or none", "JUDGE")
    license: str = option("", "licence of the images; what the source says when left out", "ID")
    blocklist: str | None = option(None, "file of hashes whose images are never stored, one a line", "FILE")
    max_side: int | None = option(
        None, "make images longer than this smaller; kept as they are when left out", "PX", least=1, most=LONGEST_SIDE
    )
    thumbnails: int = option(384, "longest side of the thumbnails; 0: none", "PX", least=0, most=LONGEST_SIDE)


@dataclass(frozen=True)
class BuildOptions(SourceOptions, ProfileOptions):
    """Options of `build`: what to embed, how, and where the indexes go.

    `near` is the cosine from which two images are reported as near duplicates; above 1 none are looked for.
    """

    sources: tuple[str, ...] = option((), "sources to import into the gallery first, as `import` does", "SOURCE")
    batch_size: int = option(64, "rows embedded at a time", "N", least=1)
    shard_rows: int = option(2048, "rows of a shard, at most 65536: what a crash can cost", "N", least=1, most=65_536)
    workers: int | None = option(
        None,
        "processes that decode images, and on a CPU embed them; one a core for 1000 images or more, else 0",
        "N",
        least=0,
    )
    engine: str = option("local", "where embedding runs: local, or ray: the cluster at RAY_ADDRESS or one here", "NAME")
    index: str = option("flat16", "auto, flat32, flat16, hnsw, ivf-flat, ivf-sq8, ivf-sq6, ivf-pq", "KIND")
    factory: str = option("", "a FAISS index factory instead of a kind; it begins with IDMap,", "FACTORY")
    milvus: str = option("", "keep vectors in Milvus: a server's address, or lite, a folder of Milvus Lite", "URI")
    memory_gb: float | None = option(
        None, "memory for the indexes of a seat, for --index auto and ivf-pq", "GB", least=0, most=MOST_GB
    )
    recall_floor: float = option(
        0.8, "refuse an index whose recall@10 of text or image queries is less", "SHARE", least=0, most=1
    )
    fresh: bool = option(False, "discard all embeddings and embed every row again; without it, a stopped call goes on")
    remove: tuple[str, ...] = option((), "ids of images or captions to leave out of the indexes", "ID")
    restore: tuple[str, ...] = option((), "removed ids to take in again", "ID")
    near: float = option(0.99, "report images with at least this cosine as near duplicates; 2: none", "COSINE")
    dry_run: bool = option(False, "count, and estimate time, disk and memory from a short sample; write nothing")
    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class FolderOptions(ProfileOptions):
    """Options of the commands on a folder of indexes, which they take as an argument."""

    output: str | None = option(None, "folder of the indexes; the profile's when left out", "DIR", positional=True)


@dataclass(frozen=True)
class ImportOptions(SourceOptions):
    """Options of `import`: a source of images, and the gallery to make of it."""

    source: str = option("", "KIND:PLACE, or a path alone", "SOURCE", positional=True)
    gallery: str = option("", "folder of the gallery; images are added to one that exists", "GALLERY", positional=True)
    profile: str = option("emoji", "profile whose judges label images that the source does not", "NAME")
    dry_run: bool = option(False, "count, and estimate time and disk from a short sample; write nothing")
    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class BenchOptions(ProfileOptions):
    """Options of `bench`: how much to embed, and how."""

    images: int = option(512, "images to embed, the first of the gallery", "N", least=1)
    rounds: int = option(4, "times that they are embedded at full speed", "N", least=1)
    batch_size: int = option(64, "rows embedded at a time", "N", least=1)
    workers: int | None = option(None, "processes that decode images, as for build", "N", least=0)
    engine: str = option("local", "where embedding runs", "NAME")
    json: str | None = option(None, "write the figures to this file too", "FILE")


@dataclass(frozen=True)
class AddOptions(SourceOptions, ProfileOptions):
    """Options of `add`: sources to take into a gallery that has indexes. The rest is as in the last build."""

    sources: tuple[str, ...] = option((), "KIND:PLACE, or folders of images", "SOURCE", positional=True)
    workers: int | None = option(None, "processes that decode images, as for build", "N", least=0)
    engine: str = option("local", "where embedding runs", "NAME")
    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class RemoveOptions(ProfileOptions):
    """Options of `remove`: images and captions by id or hash, and whether to delete them for good."""

    what: tuple[str, ...] = option((), "ids, or MD5, SHA-1 or SHA-256 sums of images", "ID", positional=True)
    list: str | None = option(None, "file of ids or sums, one a line, of which the gallery need not hold all", "FILE")
    purge: bool = option(False, "delete the images and all that was made of them, and check that nothing is left")
    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class CompactOptions(FolderOptions):
    """Options of `compact`."""

    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class InfoOptions(FolderOptions):
    """Options of `info`."""

    json: bool = option(False, "print JSON")


@dataclass(frozen=True)
class DuplicatesOptions(FolderOptions):
    """Options of `duplicates`: how alike two images must be."""

    bits: int = option(3, "bits of 64 in which the hashes of their pixels may differ, at most 3", "N")
    near: float = option(0.99, "least cosine of their embeddings", "COSINE")
    quiet: bool = option(False, "print the result only")


@dataclass(frozen=True)
class PushOptions(ProfileOptions):
    """Options of `push`."""

    repository: str = option("", "dataset repository to make or to add to", "OWNER/NAME", positional=True)
    public: bool = option(False, "let everybody see a repository that is made")
    dry_run: bool = option(False, "check everything and print the card, but upload nothing")
