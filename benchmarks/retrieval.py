"""Measures start-up and the time of queries, each beside its baseline in the same run.

    python -m benchmarks.retrieval [--profile emoji] [--queries 40]

The baseline is the straightforward way: every seat a pipeline of its own, which tokenises or preprocesses the query
itself, runs its own CLIP with the adapter left unmerged, and searches its own index.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

import safeclip
from safeclip.paths import resolve
from safeclip.retrieval.index import open_index
from safeclip.retrieval.stores.store import IndexStore

from .processes import clock, one_thread
from .served_page import served_page

ROUNDS = 3  # in which the two ways take turns


def start_up(profile: str) -> float:
    """Seconds from starting the command to the page's first answer."""
    with served_page(profile) as page:
        return page.seconds


class NaiveSide:
    """A seat as a pipeline of its own, with its adapter left unmerged."""

    def __init__(self, seat: Any, index: IndexStore):
        checkpoint = resolve(seat.checkpoint)
        model = CLIPModel.from_pretrained(checkpoint, dtype=torch.float32)
        self._model = (PeftModel.from_pretrained(model, resolve(seat.adapter)) if seat.adapter else model).eval()
        self._tokenizer = CLIPTokenizer.from_pretrained(checkpoint)
        self._processor = CLIPImageProcessor.from_pretrained(checkpoint)
        self._index = index

    @torch.inference_mode()
    def search(self, query: str | Image.Image, k: int) -> list[str]:
        if isinstance(query, str):
            embedding = self._model.get_text_features(**self._tokenizer(query, return_tensors="pt")).pooler_output
        else:
            pixels = self._processor(query, return_tensors="pt")
            embedding = self._model.get_image_features(**pixels).pooler_output
        embedding = torch.nn.functional.normalize(embedding, dim=-1)
        return self._index.search(embedding.numpy(), k).ids[0]


def median_seconds(work: Callable[[Any], Any], queries: Sequence[Any]) -> float:
    """Median seconds of `work` over the queries, after two unmeasured calls."""
    for query in queries[:2]:
        work(query)
    times = []
    for query in queries:
        started = clock()
        work(query)
        times.append(clock() - started)
    return statistics.median(times)


def compare_with_naive(profile: str, count: int, k: int = 8) -> dict[str, dict[str, Any]]:
    """Median seconds per query, side by side and naive, and their ratio in each round, for texts and for images."""
    lab = safeclip.open(profile)
    index = resolve(lab.profile.retrieval.index)
    sides = {
        seat.key: NaiveSide(seat, open_index(index / seat.key, "images", lab.encoders[seat.key]))
        for seat in lab.profile.seats
    }
    items = lab.gallery.items[:count]
    queries = {
        "text": [item.caption for item in items],
        "picture": [lab.gallery.image(item.image_id) for item in items],
    }
    for query in (queries["text"][0], queries["picture"][0]):  # the two ways must agree before they are raced
        found = lab.retrieval.compare(query, k=k)
        for seat, side in sides.items():
            if side.search(query, 1)[0] != found[seat].hits[0].id:
                raise SystemExit(f"the naive side of {seat} disagrees")
    result = {}
    for kind, asked in queries.items():
        rounds = [
            (
                median_seconds(lambda query: lab.retrieval.compare(query, k=k), asked),
                median_seconds(lambda query: [side.search(query, k) for side in sides.values()], asked),
            )
            for _ in range(ROUNDS)
        ]
        ours, naive = (statistics.median(each) for each in zip(*rounds, strict=True))
        ratios = [ours / naive for ours, naive in rounds]
        result[kind] = {"side_by_side_s": ours, "naive_s": naive, "ratio": statistics.median(ratios), "ratios": ratios}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    one_thread()
    figures = {"start_up_s": start_up(options.profile), **compare_with_naive(options.profile, options.queries)}
    print(f"start-up to page        {figures['start_up_s']:6.2f} s")
    for kind in ("text", "picture"):
        row = figures[kind]
        print(
            f"{kind:8} query, all seats {row['side_by_side_s'] * 1e3:6.1f} ms   naive {row['naive_s'] * 1e3:6.1f} ms   "
            f"ratio {row['ratio']:.2f}"
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
