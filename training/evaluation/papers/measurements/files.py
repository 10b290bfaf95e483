"""Folders of images and lists of prompts that an evaluation reads."""

import csv
import json
from pathlib import Path

from ....data.quadruplets.visu import image_files
from ..context import Unavailable

COLUMN = "prompt"


def images_below(folder: str) -> list[Path]:
    """The image files below a folder, sorted. Raises DataError without the folder, Unavailable when it is empty."""
    paths = image_files(folder)
    if not paths:
        raise Unavailable(f"{folder}: there is no image in this folder.")
    return paths


def read_prompts(file: str) -> list[str]:
    """The prompts of a file: a line each (.txt), or the column `prompt` (.csv, .jsonl); empty ones are left out.

    Raises Unavailable when the file is missing, of another kind or without prompts.
    """
    path = Path(file).expanduser()
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            if path.suffix == ".csv":
                found = [row.get(COLUMN) for row in csv.DictReader(lines)]
            elif path.suffix == ".jsonl":
                found = [json.loads(line).get(COLUMN) for line in lines if line.strip()]
            elif path.suffix == ".txt":
                found = list(lines)
            else:
                raise Unavailable(f"{path}: prompts are read from a .txt, .csv or .jsonl file.")
    except OSError as error:
        raise Unavailable(f"{path}: the prompts cannot be read ({error.strerror}).") from error
    except (ValueError, AttributeError) as error:
        raise Unavailable(f"{path}: a line is no JSON object in UTF-8 ({error}).") from error
    prompts = [prompt.strip() for prompt in found if prompt and prompt.strip()]
    if not prompts:
        raise Unavailable(f"{path}: there is no prompt; a table needs the column “{COLUMN}”.")
    return prompts
