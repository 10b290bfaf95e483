"""Folders of images and lists of prompts that an evaluation reads."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from PIL import Image

from safeclip.errors import ImageError, QueryError
from safeclip.failures.texts import read_texts
from safeclip.images.loading import open_image

from ....data.quadruplets.visu import image_files
from ..context import Unavailable

T = TypeVar("T")

PROMPTS = "Put a file there with a prompt a line (.txt) or a column “prompt” (.csv, .jsonl)."


def images_below(folder: str) -> list[Path]:
    """The image files below a folder, sorted. Raises DataError without the folder, Unavailable when it is empty."""
    paths = image_files(folder)
    if not paths:
        raise Unavailable(f"{folder}: there is no image in this folder.")
    return paths


def readable_images(
    places: Iterable[T], damaged: list[str], read: Callable[[T], Image.Image] = open_image
) -> Iterator[Image.Image]:
    """Opens images one by one with `read`, by default files as RGB; those that cannot be read are left out.

    `damaged` gets what is said of each that is. Raises Unavailable when there is nothing else.
    """
    opened = 0
    for place in places:
        try:
            image = read(place)
        except ImageError as error:
            damaged.append(str(error))
        else:
            opened += 1
            yield image
    if damaged and not opened:
        raise Unavailable(f"No image can be read. The first: {damaged[0]}")


def read_prompts(file: str, *, unsafe: bool = False) -> list[str]:
    """The prompts of a file that `safeclip.failures.texts` reads, whatever their length; empty ones are left out.

    With `unsafe` those that the file calls safe, as ViSU's does, are left out too. Raises Unavailable when the file is
    missing, of another kind or without prompts.
    """
    try:
        return [found.text for found in read_texts(Path(file).expanduser(), longest=None) if found.unsafe or not unsafe]
    except QueryError as error:
        raise Unavailable(f"The prompts cannot be read. {error} {PROMPTS}") from error
