"""Quadruplets in Parquet files, as `datasets` writes them: texts and encoded images in one row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safeclip.errors import first_line

from ...errors import DataError
from .data_sets import image_bytes
from .folder import FIELDS, IMAGES
from .rows import Row, Skipped, checked_texts, cleaned, file_version, rows_of_files


@dataclass(frozen=True)
class ParquetSpec:
    """A folder with `train*.parquet` and `validation*.parquet`, or with any other Parquet files for both.

    Columns: text, unsafe_text, image, unsafe_image (encoded bytes, the Image feature of `datasets`, or paths of files,
    relative ones from the folder), and category, which may be absent. `held_out` is the share of validation in
    undivided files.
    """

    path: str
    held_out: float = 0.1


@dataclass(frozen=True)
class CellImage:
    """An image in a cell of a data set, or in the file at `path` that the cell names instead."""

    name: str
    file: Path
    rows: Any  # datasets.Dataset
    position: int
    column: str
    path: Path | None

    def version(self) -> str:
        named = self.path and self.path.is_file()
        return file_version(self.file) + (f", {file_version(self.path)}" if named else "")

    def read(self) -> bytes:
        data = image_bytes(self.rows[self.position][self.column], self.file.parent)
        if not data:
            raise FileNotFoundError("the cell is empty")
        return data


def read_parquet(spec: ParquetSpec, split: str) -> Iterator[Row | Skipped]:
    """The rows of a split. Raises DataError when there is no file or a column is missing."""
    return rows_of_files(Path(spec.path).expanduser(), ".parquet", split, spec.held_out, _rows)


def _rows(file: Path) -> Iterator[Row | Skipped]:
    from datasets import Image, load_dataset
    from pyarrow import parquet

    try:
        if not parquet.read_metadata(file).num_rows:  # which `datasets` cannot load
            return
        rows = load_dataset("parquet", data_files=str(file), split="train")
    except Exception as error:  # of a damaged file, of a full disk: many kinds
        yield Skipped(file.name, "the file cannot be read", first_line(error.__cause__ or error))
        return
    if absent := sorted({*FIELDS.values(), *IMAGES} - set(rows.column_names)):
        raise DataError(f"{file}: the columns {', '.join(absent)} are missing.")
    for column in IMAGES:
        if isinstance(rows.features[column], Image):
            rows = rows.cast_column(column, Image(decode=False))
    paths = {column: _paths(rows, column) for column in IMAGES}
    texts = rows.remove_columns(IMAGES)
    for position, table in enumerate(texts):
        id = f"{file.name}, row {position + 1}"
        found = checked_texts(id, table, FIELDS)
        if isinstance(found, Skipped):
            yield found
            continue
        images = (_image(file, rows, position, column, paths[column][position]) for column in IMAGES)
        yield Row(id, *found, *images, cleaned(table.get("category")))


def _image(file: Path, rows: Any, position: int, column: str, named: str | None) -> CellImage:
    path = file.parent / named if named else None
    name = f"{file}#{position}/{column}" + (f" ({path})" if path else "")
    return CellImage(name, file, rows, position, column, path)


def _paths(rows: Any, column: str) -> Sequence[str | None]:
    """What each cell of a column names as its file, without a look at the bytes of embedded images."""
    flat = rows.select_columns(column).flatten()
    found = next((name for name in (f"{column}.path", column) if name in flat.column_names), "")
    named = found and getattr(flat.features[found], "dtype", "") in ("string", "large_string")
    return flat[found][:] if named else [None] * len(rows)
