"""Rows of a table as dictionaries, whatever file or data set of the hub holds them."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safeclip.errors import first_line, short_reason

from ...errors import DataError
from .data_sets import open_split

COCO = {"images", "annotations"}  # keys of a file of COCO's captions
SUFFIXES = (".json", ".jsonl", ".csv", ".parquet")


def rows_of(place: str, split: str) -> Iterator[Any]:
    """The rows of a file, or of a split of a data set of the hub. Raises DataError when there is neither."""
    path = Path(place).expanduser()
    if path.suffix in SUFFIXES:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file of rows. Put it there, or name a data set of the hub.")
        return rows_of_file(path)
    return rows_of_hub(place, split)


def rows_of_file(path: Path) -> Iterator[Any]:
    """The rows of a file, read by its suffix; of JSON lines a damaged one is given as it stands.

    Raises DataError when the file is missing or damaged.
    """
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:  # Excel writes a byte order mark
                yield from csv.DictReader(file)
        elif path.suffix == ".parquet":
            from pyarrow import parquet

            yield from parquet.read_table(path).to_pylist()
        else:
            yield from _json_rows(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: this is not text in UTF-8 ({first_line(error)}). Save it as UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path}: the rows cannot be read ({short_reason(error)}).") from error
    except (ValueError, csv.Error) as error:  # not JSON, not Parquet, not CSV
        raise DataError(f"{path}: this is no {path.suffix[1:].upper()}: {error}.") from error


def rows_of_hub(name: str, split: str) -> Iterator[Any]:
    """The rows of a split of a data set, as `data_sets.open_split` finds it. Raises DataError."""
    yield from open_split(name, split)


def _json_rows(content: str) -> Iterator[Any]:
    """The rows of a JSON list, of COCO's annotations, or of one JSON value a line."""
    start = content.lstrip()[:1]
    if start == "[":
        yield from json.loads(content)
    elif start == "{" and (table := _whole(content)) is not None and table.keys() >= COCO:
        yield from _coco_rows(table)
    else:
        yield from _json_lines(content)


def _json_lines(content: str) -> list[Any]:
    """The value of every line, or its text where it is damaged. Raises ValueError when no line is an object."""
    rows = [_value(line) for line in content.split("\n") if line.strip()]  # a text may hold Unicode's other line breaks
    if rows and not any(isinstance(row, dict) for row in rows):
        raise ValueError("no line is a JSON object")
    return rows


def _value(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _whole(content: str) -> dict[str, Any] | None:
    """The content as one JSON object; None when it is several lines of them."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def _coco_rows(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each caption of COCO's annotations: "text", "image" (its file name, "" when it is not listed)."""
    names = {image.get("id"): image.get("file_name", "") for image in table["images"]}
    for each in table["annotations"]:
        yield {"text": each.get("caption"), "image": names.get(each.get("image_id"), "")}
