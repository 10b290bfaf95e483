"""Quadruplets in the tar shards of WebDataset, read in place: any row is one seek away, so an epoch can be shuffled."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from safeclip.errors import first_line
from safeclip.tar_files import damage_behind

from .folder import FIELDS, IMAGES
from .rows import Row, Skipped, checked_texts, cleaned, file_version, rows_of_files

TABLE = "json"


@dataclass(frozen=True)
class ShardsSpec:
    """A folder with `train*.tar` and `validation*.tar`, or with any other tar files for both.

    A sample's files share their name up to the first dot: NAME.json with text, unsafe_text and, where known, category;
    NAME.image.jpg and NAME.unsafe_image.jpg, of any image format. `held_out` is the share of validation in undivided
    shards.
    """

    path: str
    held_out: float = 0.1


@dataclass(frozen=True)
class TarImage:
    """An image file inside of a shard, as so many bytes from an offset on."""

    name: str
    shard: Path
    offset: int
    size: int

    def version(self) -> str:
        return file_version(self.shard)

    def read(self) -> bytes:
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def read_shards(spec: ShardsSpec, split: str) -> Iterator[Row | Skipped]:
    """The rows of a split. Raises DataError when there is no shard."""
    return rows_of_files(Path(spec.path).expanduser(), ".tar", split, spec.held_out, _rows)


def _rows(shard: Path) -> Iterator[Row | Skipped]:
    """The samples of a shard in order; a damaged shard ends with the reason in a row's place."""
    try:
        with tarfile.open(shard, "r:") as archive:
            members, fault = _members(archive)
            for name, files in groupby(filter(tarfile.TarInfo.isfile, members), _sample):
                yield _row(shard, name, {_suffix(each): each for each in files}, archive)
    except (OSError, tarfile.TarError) as error:
        fault = first_line(error)
    if fault:
        yield Skipped(shard.name, "the shard cannot be read from here on", fault)


def _members(archive: tarfile.TarFile) -> tuple[list[tarfile.TarInfo], str]:
    """What a shard holds up to its damage, and the damage; "" where there is none."""
    found = []
    try:
        for member in archive:
            found.append(member)
        return found, damage_behind(archive)
    except (OSError, tarfile.TarError) as error:
        return found, first_line(error)


def _sample(member: tarfile.TarInfo) -> str:
    """Folder and name, up to the first dot of the name."""
    path = PurePosixPath(member.name)
    return str(path.parent / path.name.partition(".")[0])


def _suffix(member: tarfile.TarInfo) -> str:
    """What follows the first dot, without the format of an image: "json", "image", "unsafe_image"."""
    return PurePosixPath(member.name).name.partition(".")[2].partition(".")[0]


def _row(shard: Path, name: str, files: dict[str, tarfile.TarInfo], archive: tarfile.TarFile) -> Row | Skipped:
    id = f"{shard.name}, {name}"
    try:
        table = json.loads(archive.extractfile(files[TABLE]).read()) if TABLE in files else {}
    except (ValueError, OSError, tarfile.TarError) as error:
        return Skipped(id, "its .json is damaged", first_line(error))
    texts = checked_texts(id, table, FIELDS)
    if isinstance(texts, Skipped):
        return texts
    for field in IMAGES:
        if field not in files:
            return Skipped(id, f"{field.replace('_', ' ')} is missing", f"no file {name}.{field}.*")
    found = (files[field] for field in IMAGES)
    images = (_image(shard, each) for each in found)
    return Row(id, *texts, *images, cleaned(table.get("category")))


def _image(shard: Path, file: tarfile.TarInfo) -> TarImage:
    """An image of a shard. Its offset is in its name, as a tar may hold two files of one name."""
    offset = file.offset_data
    return TarImage(f"{shard}#{file.name}, byte {offset:,}", shard, offset, file.size)
