"""Data sets of `datasets`: a split of one on this machine or of the hub, and its column of images."""

from pathlib import Path
from typing import Any

from PIL import Image

from safeclip.errors import ImageError, first_line
from safeclip.images.loading import open_image

from ...errors import DataError

SAVED = ("state.json", "dataset_dict.json")  # written by save_to_disk: one split, all of them


def open_split(place: str, split: str) -> Any:
    """A split as a `datasets.Dataset`. Raises DataError when it cannot be loaded.

    `place` is a folder that `save_to_disk` wrote (of a Dataset, which is one split, `split` is not asked), a folder of
    files that `datasets` loads, or a name of the hub, NAME or NAME@REVISION.
    """
    import datasets

    path = Path(place).expanduser()
    try:
        if any((path / mark).is_file() for mark in SAVED):
            return _of_split(datasets.load_from_disk(str(path)), place, split)
        if path.exists():
            return datasets.load_dataset(str(path), split=split)
        name, _, revision = place.partition("@")
        return datasets.load_dataset(name, split=split, **({"revision": revision} if revision else {}))
    except DataError:
        raise
    except Exception as error:  # of the hub, of the network, of access that is not granted: many kinds
        raise DataError(
            f"{place}: this is neither a folder nor a data set that can be loaded, split “{split}”: {first_line(error)}"
        ) from error


def _of_split(saved: Any, place: str, split: str) -> Any:
    """The split of a DatasetDict; a Dataset, which is one split, as it is."""
    import datasets

    if not isinstance(saved, datasets.DatasetDict):
        return saved
    if split not in saved:
        raise DataError(f"{place}: there is no split “{split}”, but: {', '.join(saved)}.")
    return saved[split]


def image_bytes(cell: Any, folder: Path = Path()) -> bytes:
    """The encoded image of a cell, or of the file that it names, from `folder` on; empty when it holds neither.

    Raises OSError when there is no such file, ValueError for a path with a null byte.
    """
    data, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, cell)
    if isinstance(data, bytes) and data:
        return data
    return (folder / path).read_bytes() if path and isinstance(path, str) else b""


class ImageColumn:
    """The images of a column, opened when they are asked for."""

    def __init__(self, rows: Any, column: str, place: str):
        """`rows` is a `datasets.Dataset`; `place` names it in messages. Raises DataError for no column of images."""
        from datasets import Image as ImageFeature
        from datasets import Value

        feature = rows.features.get(column)
        if isinstance(feature, ImageFeature):
            rows = rows.cast_column(column, ImageFeature(decode=False))
        elif not isinstance(feature, Value) or "binary" not in feature.dtype:
            raise DataError(f"{place}: “{column}” is no column of images; there are: {', '.join(rows.column_names)}.")
        self._rows = rows.select_columns(column)
        self._column = column

    def __len__(self) -> int:
        return len(self._rows)

    def open(self, index: int) -> Image.Image:
        """The image of a row as RGB. Raises ImageError, which names the row, when there is none or it is damaged."""
        cell = self._rows[index][self._column]
        try:
            return open_image(image_bytes(cell))
        except (ImageError, OSError, ValueError) as error:
            raise ImageError(f"row {index}: {first_line(error)}") from error
