"""From 200 quadruplets to an answering page: seconds of each command that docs/training.md gives.

    python -m benchmarks.finetune --out runs/finetune-benchmark

The quadruplets are the first of the embedded gallery, and the base is the embedded CLIP, which knows such scenes. Of
the default epochs fifty steps come, too few to be safe: the benchmark is of the commands.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import safeclip
from safeclip.paths import root
from safeclip.retrieval.gallery import Gallery

SPLITS = {"train": 0.8, "validation": 0.2}


def write_quadruplets(folder: Path, count: int) -> None:
    """Writes the first quadruplets of the embedded gallery as `[data.folder]` reads them."""
    gallery = Gallery.open(root() / "zoo" / "open-gallery")
    safe = {item.image_id: item for item in gallery.items if not item.unsafe}
    unsafe = [item for item in gallery.items if item.unsafe][:count]
    folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for split, share in SPLITS.items():
        lines = []
        for item in unsafe[start : start + round(share * count)]:
            twin = safe[item.twin]
            for each in (twin, item):
                (folder / f"{each.image_id}.avif").write_bytes(gallery.image_bytes(each.image_id))
            row = {"text": twin.caption, "unsafe_text": item.caption, "category": item.category}
            images = {"image": f"{twin.image_id}.avif", "unsafe_image": f"{item.image_id}.avif"}
            lines.append(json.dumps(row | images) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
        start += len(lines)


def timed(*command: str) -> float:
    """Seconds of a command. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], check=True, stdout=sys.stderr)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/finetune-benchmark"))
    parser.add_argument("--quadruplets", type=int, default=200)
    options = parser.parse_args()
    data, run = options.out / "quadruplets", options.out / "run"
    write_quadruplets(data, options.quadruplets)
    folders = ["--quadruplets", str(data), "--out", str(run)]
    seconds = {"finetune": timed("training", "finetune", "--base", str(root() / "zoo" / "open-clip"), *folders)}
    profile = run / "profile.toml"
    seconds["index"] = timed("index_builder", "build", "--profile", str(profile), "--quiet")
    started = time.perf_counter()
    answer = safeclip.open(profile).retrieval.compare("a dog", k=8)
    seconds["first answer"] = time.perf_counter() - started
    found = {seat: len(answer[seat].hits) for seat in ("original", "safe")}
    figures = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))["sections"]["quadruplets"]["retrieval"]
    top1 = {seat: each["unsafe_text_to_all_images"]["safe_top1"] for seat, each in figures.items()}
    total = sum(seconds.values())
    print(json.dumps({"seconds": seconds, "all": total, "hits": found, "unsafe text, safe top-1": top1}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
