"""Erases rows of a gallery's Parquet file by writing the others anew."""

from __future__ import annotations

from collections.abc import Iterable, Set
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from safeclip.retrieval.row_groups import reading
from safeclip.runtime.atomic_files import TEMPORARY, replacing

from .files import read_ids


def erase_rows(file: Path, ids: Set[str]) -> None:
    """Replaces `file` by one without the images of these ids, a group of rows in memory at a time.

    An image whose safe twin is erased becomes its own. The file stays when no row is left: its number is taken.
    """
    numbers = {int(id, 16) for id in ids}
    file.with_name(file.name + TEMPORARY).unlink(missing_ok=True)
    if not any(numbers.intersection(read_ids(file, column).tolist()) for column in ("image_id", "twin")):
        return
    gone = pa.array(sorted(ids), pa.string())
    with reading(file) as old, replacing(file) as temporary, pq.ParquetWriter(temporary, old.schema_arrow) as new:
        for group in range(old.num_row_groups):
            table = old.read_row_group(group)
            table = table.filter(pc.invert(pc.is_in(table["image_id"], gone)))
            twins = pc.if_else(pc.is_in(table["twin"], gone), table["image_id"], table["twin"])
            new.write_table(table.set_column(table.column_names.index("twin"), table.schema.field("twin"), twins))


def captions_only_of(files: Iterable[Path], images: np.ndarray) -> np.ndarray:
    """The caption ids (m,) int64 of the images with these ids (n,) that no other image of the files has."""
    theirs, others = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for file in files:
        of_images = np.isin(read_ids(file), images)
        captions = read_ids(file, "caption_id")
        theirs.append(captions[of_images])
        others.append(captions[~of_images])
    return np.setdiff1d(np.concatenate(theirs), np.concatenate(others))
