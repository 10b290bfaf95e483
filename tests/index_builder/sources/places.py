"""The same images as every kind of source holds them."""

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
from PIL import Image

NAMES = ("apple", "bread", "cup", "dog", "egg", "fork", "goose")


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20 + number, 20), (30 * number, 10, 10)).save(buffer, "PNG")
    return buffer.getvalue()


IMAGES = [png(number) for number in range(len(NAMES))]
ROWS = [
    {"image": data, "caption": f"a {name}", "nsfw": number / 10, "nothing": None}
    for number, (name, data) in enumerate(zip(NAMES, IMAGES, strict=True))
]


def as_files(folder: Path) -> list[str]:
    """Writes the images as files; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{name}.png" for name in NAMES]
    for name, data in zip(names, IMAGES, strict=True):
        (folder / name).write_bytes(data)
    return names


def as_folder(folder: Path) -> Path:
    lines = [
        {"file_name": name, "caption": row["caption"], "nsfw": row["nsfw"]}
        for name, row in zip(as_files(folder), ROWS, strict=True)
    ]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def as_list(folder: Path) -> Path:
    names = as_files(folder / "images")
    with open(folder / "list.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "caption", "nsfw"])
        writer.writerows([f"images/{name}", row["caption"], row["nsfw"]] for name, row in zip(names, ROWS, strict=True))
    return folder / "list.csv"


def as_parquet(folder: Path) -> Path:
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS[:5]), folder / "0.parquet", row_group_size=2)
    pq.write_table(pa.Table.from_pylist(ROWS[5:]), folder / "1.parquet")
    return folder


def as_arrow(folder: Path) -> Path:
    """One file in the file format, one in the stream format."""
    folder.mkdir()
    pyarrow.feather.write_feather(pa.Table.from_pylist(ROWS[:5]), folder / "0.feather", chunksize=2)
    rest = pa.Table.from_pylist(ROWS[5:])
    with pa.OSFile(str(folder / "1.arrow"), "wb") as file, pa.ipc.new_stream(file, rest.schema) as stream:
        stream.write_table(rest)
    return folder


def as_tars(folder: Path) -> Path:
    folder.mkdir()
    for shard, rows in enumerate((ROWS[:4], ROWS[4:])):
        write_tar(folder / f"{shard:05d}.tar", rows, first=4 * shard)
    return folder


def write_tar(path: Path, rows: list[dict], first: int = 0) -> None:
    with tarfile.open(path, "w") as tar:
        for number, row in enumerate(rows, start=first):
            fields = json.dumps({"nsfw": row["nsfw"]}).encode()
            for suffix, data in (("png", row["image"]), ("txt", row["caption"].encode()), ("json", fields)):
                member = tarfile.TarInfo(f"some/{number:05d}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def as_dataset() -> datasets.Dataset:
    rows = [{**row, "image": {"bytes": row["image"], "path": None}} for row in ROWS]
    features = {"image": datasets.Image(), "caption": datasets.Value("string"), "nsfw": datasets.Value("float64")}
    return datasets.Dataset.from_list(rows).select_columns(list(features)).cast(datasets.Features(features))


def as_saved(folder: Path) -> Path:
    datasets.DatasetDict({"only": as_dataset()}).save_to_disk(folder)
    return folder


def as_embeddings(folder: Path) -> Path:
    """What clip-retrieval writes, in two parts, beside the images."""
    names = as_files(folder)
    for name in ("img_emb", "text_emb", "metadata"):
        (folder / name).mkdir()
    for part, place in enumerate((slice(0, 4), slice(4, 7))):
        rows = [
            {"image_path": name, "caption": row["caption"], "nsfw": row["nsfw"]}
            for name, row in zip(names[place], ROWS[place], strict=True)
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "metadata" / f"metadata_{part}.parquet")
        for name in ("img_emb", "text_emb"):
            np.save(folder / name / f"{name}_{part}.npy", np.ones((len(rows), 4), np.float16))
    return folder


PLACES: dict[str, Callable[[Path], Path]] = {
    "folder": as_folder,
    "list": as_list,
    "parquet": as_parquet,
    "arrow": as_arrow,
    "webdataset": as_tars,
    "hub": as_saved,
    "embeddings": as_embeddings,
}
