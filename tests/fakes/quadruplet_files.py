"""Quadruplets on disk in ViSU's layout: as many complete rows as wanted, and one row for every quirk of real copies."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

TAGS = ("violence", "nudity", "bodily bluids", "Hate", "suicide", "weapons", "harassment", "a new tag")
CATEGORIES = ("violence", "sexual", "shocking", "hate", "self-harm", "illegal activity", "harassment", "a new tag")


def save_image(path: Path, number: int) -> None:
    """A small image that no other number has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    color = (number * 37 % 256, number * 91 % 256, number // 7 % 256)
    Image.new("RGB", (8, 8), color).save(path)


def visu_row(number: int) -> dict[str, Any]:
    """A complete row of ViSU-Text."""
    return {
        "incremental_id": number,
        "safe": f"a dog with {number} balls",
        "nsfw": f"a dog with {number} knives",
        "coco_id": 1000 + number,
        "tag": TAGS[number % len(TAGS)],
        "prompt_id": 0,
    }


def write_visu(folder: Path, split: str, complete: int, first: int = 0) -> list[tuple[str, str]]:
    """Writes texts, COCO's images and unsafe images below a folder; returns what is to be left out, and why, in order.

    Quirky rows stand among the complete ones, whose numbers begin with `first`.
    """
    numbers = range(first, first + complete)
    rows: list[Any] = [visu_row(number) for number in numbers]
    for number in numbers:
        safe = "train2014" if number % 2 else "val2014"
        name = f"COCO_{safe}_{1000 + number:012}.jpg" if number % 3 else f"{1000 + number:012}.jpg"
        save_image(folder / "coco" / safe / name, number)
        save_image(folder / "unsafe" / f"{number}.png", 1000 + number)
    strings = {
        "incremental_id": str(first + 3),
        "coco_id": str(first + 1003),
    }  # of a copy that went through CSV: the row is complete
    rows[3] |= strings
    rows[4] |= {"safe": f"  {rows[4]['safe']}\n"}
    quirks = _quirks(folder, first, first + complete)
    expected = []
    for step, (row, id, reason) in enumerate(quirks):
        rows.insert(2 + 3 * step, row)
        expected.append((id.format(position=2 + 3 * step), reason))
    path = folder / f"ViSU-Text_{split}.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return expected


def _quirks(folder: Path, present: int, first: int) -> list[tuple[Any, str, str]]:
    """Rows that are left out, with their names and the reasons; they are numbered from `first`.

    Their images are there unless that is the quirk. `present` is the number of a complete row.
    """
    changes: list[tuple[dict[str, Any], str]] = [
        ({"nsfw": ""}, "unsafe text is empty"),
        ({"nsfw": None}, "unsafe text is empty"),
        ({"nsfw": float("nan")}, "unsafe text is empty"),
        ({"safe": " \n"}, "text is empty"),
        ({"coco_id": None}, "coco_id is no number"),
        ({"coco_id": 999_999}, "image is missing"),
    ]
    quirks = []
    for number, (change, reason) in enumerate(changes, start=first):
        save_image(folder / "coco" / f"{1000 + number:012}.jpg", number)
        save_image(folder / "unsafe" / f"{number}.png", number)
        quirks.append(({**visu_row(number), **change}, f"incremental_id {number}", reason))
    number = first + len(changes)
    save_image(folder / "coco" / f"{1000 + number:012}.jpg", number)
    quirks.append((visu_row(number), f"incremental_id {number}", "unsafe image is missing"))

    for damage, reason in ((b"", "unsafe image is damaged"), (b"\xff\xd8torn", "image is damaged")):
        number += 1
        save_image(folder / "coco" / f"{1000 + number:012}.jpg", number)
        save_image(folder / "unsafe" / f"{number}.png", number)
        place = "unsafe" if reason.startswith("unsafe") else "coco"
        name = f"{number}.png" if place == "unsafe" else f"{1000 + number:012}.jpg"
        (folder / place / name).write_bytes(damage)
        quirks.append((visu_row(number), f"incremental_id {number}", reason))

    without = {key: value for key, value in visu_row(number + 1).items() if key != "nsfw"}
    quirks.append((without, f"incremental_id {number + 1}", "unsafe text is missing"))
    quirks.append((visu_row(present), f"incremental_id {present}", "incremental_id occurred before"))
    quirks.append(({**visu_row(present), "incremental_id": None}, "row {position}", "incremental_id is no number"))
    quirks.append(("a text instead of a row", "row {position}", "it has no fields"))
    return quirks


def visu_table(folder: Path) -> str:
    """The recipe's table for what `write_visu` wrote."""
    return f'data.visu = {{ texts = "{folder}", safe_images = "{folder}/coco", unsafe_images = "{folder}/unsafe" }}'
