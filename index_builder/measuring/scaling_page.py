"""Writes the tables of docs/scaling.md, from `measured.json` and the formulae beside it.

    python -m index_builder.measuring.scaling_page

`measured.json` holds what `bench --json` and `index_builder.measuring.large_indexes --json` wrote.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..indexes.kinds import KINDS
from .scaling import HOUR, Encoders, Gallery, Machine
from .shard_plan import ShardPlan, expected_hours, simulate

MEASURED = Path(__file__).with_name("measured.json")
PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

SIZES = {"1 M": 10**6, "100 M": 10**8, "5 B": 5 * 10**9}
IMAGE_BYTES = 30_000  # a photograph of 256 px as WebP or JPEG; assumed
# Operations of the forward pass of one image: twice the multiplications of ViT-L/14 at 224 px (Radford et al., 2021).
VIT_L = Encoders("ViT-L/14, two seats", seats=2, dim=768, flops=2 * 162e9)
# 40 % of the 989 TFLOP/s that NVIDIA gives for an H100 in bfloat16; and rents of a machine an hour. All assumed.
GPU_FLOPS, GPU_PRICE, GPU_CORES, CORE_PRICE = 0.4 * 989e12, 3.0, 26, 0.05
DISK_PRICE = 0.023  # dollars a gigabyte and month of object storage; assumed
CRASHES = (1.0, 24.0)  # hours between two crashes


def tables(measured: dict[str, Any]) -> dict[str, str]:
    """Name of the marks on the page → the table between them."""
    return {
        "rates": _rates(measured["rates"]),
        "sizes": _sizes(),
        "hours": _hours(measured["rates"]),
        "shards": _shards(measured["rates"]),
        "recall": _recall(measured["indexes"]),
    }


def filled(page: str, content: dict[str, str]) -> str:
    """The page with each table between its marks, <!-- name --> and <!-- /name -->."""
    for name, table in content.items():
        page = _with_table(page, name, table)
    return page


def _with_table(page: str, name: str, table: str) -> str:
    marks = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return marks.sub(lambda match: f"{match[1]}{table}\n{match[2]}", page)


def machines(rates: dict[str, Any]) -> tuple[Machine, Machine]:
    """The machine that was measured, and one with a GPU whose cores decode as fast as the measured ones."""
    cpu = {stage: spent["cpu_ms_per_image"] for stage, spent in rates["alone"].items()}
    decoding = {stage: cpu[stage] for stage in ("decode", "prepare")}
    cores = int(rates["cores"])
    return (
        Machine(f"{cores} cores, no GPU", cores, 0.0, cores * CORE_PRICE, cpu),
        Machine("one H100, 26 cores", GPU_CORES, GPU_FLOPS, GPU_PRICE, decoding),
    )


def measured_encoders(rates: dict[str, Any]) -> Encoders:
    widths = rates["widths"]
    return Encoders(f"{rates['profile']}, {len(widths)} seats", len(widths), max(widths.values()), 0.0)


def _rates(rates: dict[str, Any]) -> str:
    rows = [(stage, f"{spent['cpu_ms_per_image']:.2f}") for stage, spent in rates["alone"].items()]
    rows.append(("together", f"{rates['together']['cpu_ms_per_image']:.2f}"))
    return _table(("stage", "ms of a core an image"), rows)


def _sizes() -> str:
    rows = []
    for name, n in SIZES.items():
        gallery = Gallery(n, IMAGE_BYTES, VIT_L)
        indexes = [_bytes(gallery.index_bytes(kind)) for kind in KINDS]
        rows.append(
            (
                name,
                _bytes(gallery.parquet_bytes),
                _bytes(gallery.shard_bytes),
                *indexes,
                _bytes(gallery.page_bytes("ivf-pq4")),
            )
        )
    return _table(("images", "gallery", "shards", *KINDS, "page, ivf-pq4"), rows)


def _hours(rates: dict[str, Any]) -> str:
    small, gpu = machines(rates)
    rows = []
    for machine, encoders in ((small, measured_encoders(rates)), (gpu, VIT_L)):
        for name, n in SIZES.items():
            gallery = Gallery(n, IMAGE_BYTES, encoders)
            hours, disk = gallery.hours(machine), gallery.parquet_bytes + gallery.shard_bytes
            cells = (f"{machine.rate(encoders):,.0f}", _duration(hours), _duration(hours / 100))
            money = (_dollars(gallery.dollars(machine)), _dollars(disk / 1e9 * DISK_PRICE))
            rows.append((machine.name, encoders.name, name, *cells, *money))
    names = (
        "machine",
        "encoders",
        "images",
        "images/s",
        "one machine",
        "100 machines",
        "$ embedding",
        "$ disk a month",
    )
    return _table(names, rows)


def _shards(rates: dict[str, Any]) -> str:
    _, gpu = machines(rates)
    rate = gpu.rate(VIT_L) * HOUR
    rows = []
    for name, n in list(SIZES.items())[:2]:
        for shard_rows in (2048, 65_536):
            plan = ShardPlan(n, VIT_L.seats, VIT_L.dim, shard_rows)
            cells = [f"{plan.shards:,}", _bytes(plan.shard_bytes)]
            for between in CRASHES:
                outcome = simulate(plan, rate, between)
                expected = expected_hours(plan, rate, between)
                cells.append(f"{outcome.hours:,.2f} ({expected:,.2f}); {outcome.crashes:,}; {outcome.rows_again:,}")
            rows.append((name, f"{shard_rows:,}", *cells))
    crashes = [f"a crash every {between:g} h" for between in CRASHES]
    return _table(("images", "rows a shard", "shards", "a shard", *crashes), rows)


def _recall(indexes: dict[str, Any]) -> str:
    rows = []
    for kind, each in indexes["kinds"].items():
        recall, ms = each["recall@10"], each["milliseconds"]
        rows.append(
            (
                kind,
                f"`{each['factory'].removeprefix('IDMap,')}`",
                each["effort"],
                *(f"{recall[query]:.1%}" for query in ("text", "image")),
                _bytes(each["bytes"]),
                *(f"{ms[query]:.2f}" for query in ("text", "image")),
            )
        )
    names = ("kind", "factory", "effort", "recall, texts", "recall, images", "memory", "ms a text", "ms an image")
    return _table(names, rows)


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(names)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bytes(number: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.3g} {unit}"
    return f"{number / 1e3:,.3g} kB"


def _duration(hours: float) -> str:
    for unit, size in (("days", 48.0), ("h", 1.0), ("min", 1 / 60)):
        if hours >= size:
            return f"{hours / (24 if unit == 'days' else size):,.1f} {unit}"
    return f"{HOUR * hours:,.0f} s"


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}" if amount < 10 else f"{amount:,.0f}"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), tables(measured)), encoding="utf-8")


if __name__ == "__main__":
    main()
