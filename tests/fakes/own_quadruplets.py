"""Quadruplets of one's own in a folder, as `[data.folder]` reads them, from the rows of the tiny world."""

import json
from pathlib import Path

from tests.fakes.tiny_world import tiny_rows


def write_own_quadruplets(folder: Path, splits: dict[str, int]) -> Path:
    """Writes a table for each split with so many quadruplets, the tiny world's over and over with other captions."""
    rows = tiny_rows()
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    for number, pair in enumerate(pairs):
        for kind, row in zip(("safe", "unsafe"), pair, strict=True):
            (folder / f"{kind}-{number}.webp").write_bytes(row["image"]["bytes"])
    for split, count in splits.items():
        lines = []
        for number in range(count):
            safe, unsafe = pairs[number % len(pairs)]
            image = number % len(pairs)
            lines.append(
                {
                    "text": f"{safe['caption']} {number}",
                    "unsafe_text": f"{unsafe['caption']} {number}",
                    "image": f"safe-{image}.webp",
                    "unsafe_image": f"unsafe-{image}.webp",
                    "category": unsafe["category"],
                }
            )
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder
