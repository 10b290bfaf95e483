"""Thumbnails of a gallery: small WebP files beside its Parquet files, with a blurred twin for each unsafe image.

They are a cache that the index builder writes. Where one is missing, or was cut short by a crash, the image serves.
"""

from pathlib import Path

FOLDER = "thumbnails"
_HEADER = 8  # bytes of a RIFF file before what its size field counts


def thumbnail_path(gallery: Path, id: str, *, blurred: bool = False) -> Path:
    """Path of an image's thumbnail: in one of 4,096 folders, by the last digits of its id."""
    return gallery / FOLDER / id[-3:] / f"{id}{'.blurred' if blurred else ''}.webp"


def read_thumbnail(gallery: Path, id: str, *, blurred: bool = False) -> bytes | None:
    """Reads a thumbnail as WebP; None when there is none, or its file is not whole."""
    try:
        data = thumbnail_path(gallery, id, blurred=blurred).read_bytes()
    except OSError:
        return None
    whole = data[:4] == b"RIFF" and data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + _HEADER == len(data)
    return data if whole else None
