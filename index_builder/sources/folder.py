"""Makes a gallery from a folder of images.

An image's caption stands in a `.txt` file of the same name beside it, or in `captions.jsonl` at the top of the folder:
one JSON object a line with `file_name` (from the top of the folder) and `caption`, and optionally `unsafe` (true or
false), `category`, `subject`, `object`, `place`, `style`. Without a caption, only image queries find an image well.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from safeclip.errors import ImageError
from safeclip.hashing import content_id
from safeclip.images.loading import open_image
from safeclip.retrieval.gallery import Item
from safeclip.runtime.atomic_files import TEMPORARY

from ..errors import BuildError
from ..store.folders import sync_tree

CAPTIONS = "captions.jsonl"
SUFFIXES = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
# A group of rows is what the writer, and later a reader, holds in memory.
GROUP_ROWS, GROUP_BYTES = 128, 64 << 20
FILE_ROWS, FILE_BYTES = 4096, 400 << 20
_TEXTS = ("category", "subject", "object", "place", "style")

_COLUMNS = (
    {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "image_id": pa.string()}
    | {"caption": pa.string(), "caption_id": pa.string(), "unsafe": pa.bool_()}
    | dict.fromkeys(_TEXTS, pa.string())
    | {"twin": pa.string(), "width": pa.int32(), "height": pa.int32(), "file_name": pa.string()}
)
# What tells `datasets` that the first column holds pictures, not structs.
_FEATURES = {"image": {"_type": "Image"}} | {
    name: {"dtype": str(kind), "_type": "Value"} for name, kind in _COLUMNS.items() if name != "image"
}
_SCHEMA = pa.schema(_COLUMNS, {"huggingface": json.dumps({"info": {"features": _FEATURES}})})


@dataclass
class Counts:
    """Counts of a folder's images by what was done with them."""

    rows: int = 0
    without_caption: int = 0
    duplicates: int = 0
    quarantined: int = 0


def ingest(folder: str | Path, out: str | Path, *, license: str = "", max_side: int | None = None) -> Counts:
    """Writes the images under `folder`, in the order of their names, as a gallery in the new folder `out`.

    Images keep their bytes, except those longer than `max_side` pixels, which are made smaller (WebP). Unreadable
    files are listed in `out/quarantine.jsonl` with the reason, and repeated images are taken once. `out` appears when
    it is complete. Memory holds one group of 128 rows. Raises BuildError.
    """
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise BuildError(f"{folder} is not a folder. Give the folder that holds the images.")
    if out.exists():
        raise BuildError(f"{out} is there already. Give a new name, or delete it.")
    captions = _read_captions(folder)
    staging = out.with_name(out.name + TEMPORARY)
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "data").mkdir(parents=True)
    counts, faults = Counts(), []
    with _Writer(staging / "data") as writer:
        for row in _rows(folder, captions, max_side, counts, faults):
            writer.add(row)
    if not counts.rows:
        shutil.rmtree(staging)
        told = f"the first of {len(faults)} that cannot be read: {faults[0]['reason']}" if faults else "none was found"
        raise BuildError(f"{folder} has no usable image ({', '.join(SUFFIXES)}): {told}")
    if faults:
        lines = "".join(json.dumps(fault, ensure_ascii=False) + "\n" for fault in faults)
        (staging / "quarantine.jsonl").write_text(lines, encoding="utf-8")
    (staging / "README.md").write_text(_card(folder.name, license, counts), encoding="utf-8")
    sync_tree(staging / "data")
    sync_tree(staging)
    staging.rename(out)
    return counts


def _rows(
    folder: Path,
    captions: dict[str, dict[str, Any]],
    max_side: int | None,
    counts: Counts,
    faults: list[dict],
) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    unused = set(captions)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        unused.discard(name)
        try:
            data = path.read_bytes()
            image = open_image(data)
        except (OSError, ImageError) as error:
            counts.quarantined += 1
            faults.append({"file_name": name, "reason": str(error)})
            continue
        if max_side and max(image.size) > max_side:
            image.thumbnail((max_side, max_side))
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", quality=85)
            data = buffer.getvalue()
        id = content_id(data)
        if id in seen:
            counts.duplicates += 1
            continue
        seen.add(id)
        told = captions.get(name) or _caption_beside(path)
        item = _item(id, told)
        counts.rows += 1
        counts.without_caption += not item.caption
        yield {
            "image": {"bytes": data, "path": None},
            **asdict(item),
            "width": image.width,
            "height": image.height,
            "file_name": name,
        }
    if unused:
        raise BuildError(f"{folder / CAPTIONS}: there is no image {sorted(unused)[0]!r} ({len(unused)} such lines).")


def _item(id: str, told: dict[str, Any]) -> Item:
    caption = " ".join(told.get("caption", "").split())
    return Item(
        image_id=id,
        caption_id=content_id(caption),
        caption=caption,
        unsafe=told.get("unsafe", False),
        twin=id,
        **{key: told.get(key, "") for key in _TEXTS},
    )


def _caption_beside(path: Path) -> dict[str, Any]:
    text = path.with_suffix(".txt")
    if not text.is_file():
        return {}
    try:
        return {"caption": text.read_text(encoding="utf-8-sig")}
    except UnicodeDecodeError as error:
        raise BuildError(f"{text} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error


def _read_captions(folder: Path) -> dict[str, dict[str, Any]]:
    """`captions.jsonl` by file name, checked. Raises BuildError that names the line."""
    path = folder / CAPTIONS
    if not path.is_file():
        return {}
    types = {"file_name": str, "caption": str, "unsafe": bool} | dict.fromkeys(_TEXTS, str)
    captions: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BuildError(f"{path} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except ValueError as error:
            raise BuildError(f"{path}, line {number}: this is not JSON ({error}).") from error
        if not isinstance(told, dict) or "file_name" not in told:
            raise BuildError(f'{path}, line {number}: write an object with a "file_name" and a "caption".')
        for key, value in told.items():
            if key not in types:
                raise BuildError(f"{path}, line {number}: unknown key {key!r}. Known: {', '.join(types)}.")
            if type(value) is not types[key]:
                raise BuildError(f"{path}, line {number}: {key} must be {types[key].__name__}, not {value!r}.")
        if told["file_name"] in captions:
            raise BuildError(f"{path}, line {number}: {told['file_name']!r} has a line already.")
        captions[told["file_name"]] = told
    return captions


class _Writer:
    """Rows → Parquet files, cut by rows and bytes; `test-00000-of-00002.parquet` and so on at the end."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._group: list[dict[str, Any]] = []
        self._group_bytes = 0
        self._files = 0
        self._file_rows = self._file_bytes = 0
        self._open: pq.ParquetWriter | None = None

    def __enter__(self) -> _Writer:
        return self

    def add(self, row: dict[str, Any]) -> None:
        self._group.append(row)
        self._group_bytes += len(row["image"]["bytes"])
        if len(self._group) >= GROUP_ROWS or self._group_bytes >= GROUP_BYTES:
            self._flush()

    def __exit__(self, kind, error, trace) -> None:
        if kind is None:
            self._flush()
        self._close()
        if kind is None:
            for number in range(self._files):
                self._path(number).rename(self._folder / f"test-{number:05d}-of-{self._files:05d}.parquet")

    def _flush(self) -> None:
        if not self._group:
            return
        if self._open is None:
            self._open = pq.ParquetWriter(self._path(self._files), _SCHEMA)
            self._files += 1
        self._open.write_table(pa.Table.from_pylist(self._group, _SCHEMA))
        self._file_rows += len(self._group)
        self._file_bytes += self._group_bytes
        self._group, self._group_bytes = [], 0
        if self._file_rows >= FILE_ROWS or self._file_bytes >= FILE_BYTES:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open, self._file_rows, self._file_bytes = None, 0, 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:05d}.writing"


def _card(name: str, license: str, counts: Counts) -> str:
    lines = [f"license: {license}"] if license else []
    lines += [
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: test",
        "    path: data/test-*",
    ]
    front = "\n".join(lines)
    told = f"{counts.rows} images, {counts.without_caption} of them without a caption."
    return f"---\n{front}\n---\n\n# {name}\n\n{told}\n"
