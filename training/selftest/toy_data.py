"""Quadruplets of random images and a small random CLIP, so that a self-test needs neither network nor artwork."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64  # px
NAMES = ("image", "unsafe_image")


def write_quadruplets(folder: Path, count: int) -> None:
    """Writes `count` quadruplets for each split, always the same ones."""
    noise = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "validation"):
        lines = []
        for number in range(count):
            row = {"text": f"a dog {number}", "unsafe_text": f"a bad dog {number}", "category": "violence"}
            for name in NAMES:
                row[name] = f"{split}-{name}-{number}.png"
                Image.fromarray(noise.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(folder / row[name])
            lines.append(json.dumps(row) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
