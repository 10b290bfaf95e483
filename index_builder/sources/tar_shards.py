"""Source: WebDataset tar shards, through the library `webdataset`."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from webdataset.tariterators import group_by_keys, tar_file_expander

from safeclip.errors import first_line
from safeclip.tar_files import damage_behind

from ..options import SourceOptions
from .base import SourceItem
from .captions import as_caption, not_utf8, plain_caption
from .files import IMAGES, SHARDS, find_files, state_of
from .tables.columns import scalars

CAPTIONS = ("txt", "caption", "text")
_LEFT_OUT = "the sample has a file of this name already: this one is left out"
_CUT = "the shard cannot be read from here on"
_REPEATED = re.compile(r"(.*): duplicate file name in tar file", re.DOTALL)
_ADDED = re.compile(r" @ <| \S+ dict_keys\(")


class TarShardsSource:
    """The samples of tar shards, shard after shard: the files of a sample share their name up to the first dot.

    Shards may be compressed by gzip. A sample's image has a usual suffix, or that of `--image-column`; its caption is
    its .txt, or that field of its .json that `--caption-column` names. The .json's other fields are columns for labels.
    """

    license = ""
    count = None  # a tar does not say how many samples it holds

    def __init__(self, place: str, options: SourceOptions):
        self.origin = place
        self._shards = find_files(place, SHARDS)
        self.fingerprint = state_of(self._shards)
        self._images = (options.image_column.lower(),) if options.image_column else IMAGES
        self._caption = options.caption_column
        self._first_line = options.first_line

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        passed = 0
        for shard in self._shards:
            for name, sample in _samples(shard):
                passed += 1
                if passed > skip:
                    yield self._item(name, sample)

    def _item(self, name: str, sample: Mapping[str, Any] | str) -> SourceItem:
        if isinstance(sample, str):
            return SourceItem(name, None, fault=sample)
        fields = _json(sample.get("json"))
        try:
            caption = self._caption_of(sample, fields)
        except UnicodeDecodeError as error:
            return SourceItem(name, None, fault=f"the sample's text {not_utf8(error)}")
        data = next((sample[suffix] for suffix in self._images if isinstance(sample.get(suffix), bytes)), None)
        fault = "" if data is not None else f"the sample has no image: its files are {', '.join(_suffixes(sample))}"
        return SourceItem(name, data, caption, scalars(fields), fault)

    def _caption_of(self, sample: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
        """Raises UnicodeDecodeError."""
        for key in (self._caption,) if self._caption else CAPTIONS:
            if key in fields:
                return as_caption(fields[key])
            if key in CAPTIONS and isinstance(text := sample.get(key), bytes):
                return plain_caption(text, self._first_line)
        return ""


def _samples(shard: Path) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Name and files of each sample; a shard that ends early or is no tar ends with the reason in a sample's place.

    A file of a sample whose name the sample has already is left out, with the reason behind the sample.
    """
    repeated: list[str] = []

    def pass_over(error: Exception) -> bool:
        if (found := _REPEATED.match(_reason(error))) is None:
            raise error
        repeated.append(found[1])
        return True

    try:
        with shard.open("rb") as stream:  # WebDataset itself takes a name for an address, and cuts it at # and ?
            files = tar_file_expander([{"url": str(shard), "stream": stream}], handler=pass_over)
            for sample in group_by_keys(files, handler=pass_over):
                yield f"{shard.name} {sample['__key__']}", sample
                yield from ((f"{shard.name} {name}", _LEFT_OUT) for name in repeated)
                repeated.clear()
        if fault := _damage(shard):
            yield shard.name, f"{_CUT}: {fault}"
    except (OSError, ValueError, tarfile.TarError) as error:
        yield shard.name, f"{_CUT}: {_reason(error)}"


def _damage(shard: Path) -> str:
    """What `webdataset` has not come to see of a shard; "" where it came to the end."""
    with tarfile.open(shard) as archive:
        archive.getmembers()  # to its end
        return damage_behind(archive)


def _reason(error: Exception) -> str:
    """The message of an error without what `webdataset` adds to it: the open file, its name, a dictionary's keys."""
    texts = (argument for argument in error.args if isinstance(argument, str))
    return _ADDED.split(next(texts, ""))[0] or first_line(error)


def _json(data: bytes | None) -> dict[str, Any]:
    try:
        fields = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _suffixes(sample: Mapping[str, Any]) -> list[str]:
    return [key for key in sample if not key.startswith("__")] or ["none"]
