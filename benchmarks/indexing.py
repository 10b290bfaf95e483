"""Measures how fast the index builder embeds images, beside what the cores allow and beside a DataLoader loop.

    python -m benchmarks.indexing [--profile emoji] [--gallery DIR] [--images 1024] [--json FILE]

`index_builder bench` gives the builder's rate, and what the machine allows: all cores busy with decoding, preparing
and the forward pass, each measured alone. The loop is the straightforward way: torch's DataLoader decodes and prepares
in as many processes, and each encoder embeds every batch. On a machine with other work the rates by the clock mean
little; the processor time an image does.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import SafeClipError
from safeclip.images.loading import open_image
from safeclip.paths import resolve
from safeclip.profiles import load_profile
from safeclip.retrieval.gallery import Gallery

_BATCH = 64


class Images(Dataset[torch.Tensor]):
    """Pixels of a gallery's first images, by one preprocessing that all encoders share."""

    def __init__(self, gallery: Gallery, count: int, processor: Any) -> None:
        self._encoded = [gallery.image_bytes(item.image_id) for item in islice(gallery.items, count)]
        self._processor = processor

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self._processor([open_image(self._encoded[place])], return_tensors="pt")["pixel_values"][0]


def builder(profile: str, gallery: str | None, images: int, rounds: int) -> dict[str, Any]:
    """The figures of `index_builder bench`, in a process of its own. Raises SystemExit with its error."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rates.json"
        command = [sys.executable, "-m", "index_builder", "bench", "--profile", profile, "--json", str(file)]
        command += ["--images", str(images), "--rounds", str(rounds), "--batch-size", str(_BATCH)]
        command += ["--gallery", gallery] if gallery else []
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr.strip())
        return json.loads(file.read_text(encoding="utf-8"))


def loader_loop(profile: str, gallery: str | None, images: int) -> dict[str, float]:
    """Rate and processor time of the DataLoader loop, its start-up left out; torch has all cores for itself."""
    loaded = load_profile(profile)
    if loaded.retrieval is None and gallery is None:
        raise SystemExit(f"The profile {profile} has no [retrieval] section: give --gallery.")
    place = Path(gallery) if gallery or loaded.retrieval is None else resolve(loaded.retrieval.gallery)
    encoders = EncoderSet(loaded.seats)
    data = Images(Gallery.open(place), images, encoders[encoders.reference].image_processor)
    torch.set_num_threads(os.cpu_count() or 1)
    batches = iter(DataLoader(data, _BATCH, num_workers=os.cpu_count() or 1))
    next(batches)
    started, cpu, embedded = time.perf_counter(), _processor_seconds(), 0
    for batch in batches:
        for key in encoders:
            encoders[key].embed_pixels(batch)
        embedded += len(batch)
    seconds = time.perf_counter() - started
    del batches  # ends the workers, whose time is counted when they have ended
    return {"per_second": embedded / seconds, "cpu_ms_per_image": 1e3 * (_processor_seconds() - cpu) / embedded}


def _processor_seconds() -> float:
    """Of this process and of those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--gallery", help="a gallery in Parquet; the profile's when left out")
    parser.add_argument("--images", type=int, default=1024, help="images to embed (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="times that the builder embeds them (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    try:
        ours = builder(options.profile, options.gallery, options.images, options.rounds)
        theirs = loader_loop(options.profile, options.gallery, options.images)
    except SafeClipError as error:
        raise SystemExit(str(error)) from error
    together = ours["together"]
    print(
        f"embedding images        {together['per_second']:6.1f} a second of the {ours['allowed_per_second']:.1f} that "
        f"{ours['cores']} cores allow: {ours['share_of_allowed']:.2f} by the clock, {ours['cpu_share']:.2f} by "
        "processor time"
    )
    print(
        f"DataLoader loop         {theirs['per_second']:6.1f} a second   ratio "
        f"{together['per_second'] / theirs['per_second']:.2f}; processor time an image "
        f"{theirs['cpu_ms_per_image']:.2f} ms, ours {together['cpu_ms_per_image']:.2f} ms"
    )
    if options.json:
        options.json.write_text(json.dumps({"builder": ours, "loader_loop": theirs}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
