"""Measures what the GPU is claimed to speed up, each beside its baseline in the same run, with the card's name.

    python -m benchmarks.gpu [--rows 1000000] [--json figures.json]

Search: FAISS on the GPU against the same vectors on the CPU, and against the time that the card needs merely to read
them once. Encoding: the library's encoder against a plain forward pass of transformers, same weights and batches.
Painting: two seats of SD 1.4 side by side against two pipelines one after the other. Weights and vectors are random, as
neither changes the time. Without a GPU it says so and measures nothing.
"""

import argparse
import gc
import json
import tempfile
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from benchmarks import gpu_painting
from benchmarks.processes import seconds
from safeclip.encoders import Encoder
from safeclip.encoders.processors import openai_tokenizer
from safeclip.retrieval.stores.faiss_gpu import gpu_count
from safeclip.retrieval.stores.faiss_store import FaissStore

DIM = 768
K = 10
_CHUNK = 50_000
# ViT-L/14
TEXT = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
VISION = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}


def unit_vectors(n: int, dim: int, seed: int) -> np.ndarray:
    """Draws n random vectors of length 1: (n, dim) float32."""
    vectors = np.random.default_rng(seed).standard_normal((n, dim), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_index(rows: int, dim: int) -> faiss.IndexIDMap:
    """Makes a flat float16 index of random vectors, as the library keeps them, filled in pieces."""
    index = faiss.index_factory(dim, "IDMap,SQfp16", faiss.METRIC_INNER_PRODUCT)
    for start in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - start)
        index.add_with_ids(unit_vectors(count, dim, seed=start), np.arange(start, start + count))
    return index


def compare_search(on_cpu: FaissStore, on_gpu: FaissStore, batch: int, bandwidth: float) -> dict[str, float]:
    """Seconds per batch of queries on either, the share of equal ids, and the bound set by `bandwidth` (bytes/s)."""
    queries = unit_vectors(batch, on_cpu.dim, seed=7)
    found = [index.search(queries, K).ids for index in (on_cpu, on_gpu)]
    equal = [len(set(a) & set(b)) / len(a) for a, b in zip(*found, strict=True)]
    cpu = seconds(lambda: on_cpu.search(queries, K), repeats=3)
    gpu = seconds(lambda: on_gpu.search(queries, K), repeats=20)
    bound = 2 * len(on_cpu) * on_cpu.dim / bandwidth  # every float16 once
    return {
        "batch": batch,
        "same_ids": float(np.mean(equal)),
        "cpu_s": cpu,
        "gpu_s": gpu,
        "speed_up": cpu / gpu,
        "bound_s": bound,
        "times_bound": gpu / bound,
    }


def measured_bandwidth(device: str, size: int = 2 << 30) -> float:
    """Bytes per second that `device` reads, measured by summing a large tensor."""
    data = torch.ones(size // 2, dtype=torch.float16, device=device)
    return data.nbytes / seconds(lambda: data.sum(dtype=torch.float32).item(), repeats=10)


def make_encoder(device: str, dtype: torch.dtype, text: dict[str, int], vision: dict[str, int]) -> Encoder:
    """Makes the library's encoder over random weights, loaded from a checkpoint like any other."""
    tokenizer, _ = openai_tokenizer()
    config = CLIPConfig(text_config=text, vision_config={**vision, "patch_size": 14}, projection_dim=DIM)
    with tempfile.TemporaryDirectory() as folder:
        CLIPModel(config).to(dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        CLIPImageProcessor().save_pretrained(folder)
        return Encoder.from_pretrained(folder, device=device, dtype=dtype)


@torch.inference_mode()
def plain_forward(model: CLIPModel, pixels: torch.Tensor, batch: int) -> np.ndarray:
    """Embeds pixels (n, 3, H, W) with plain transformers: (n, d) float32, L2-normalised."""
    out = []
    for rows in pixels.split(batch):
        features = model.get_image_features(pixel_values=rows.to(model.device, model.dtype)).pooler_output
        out.append(torch.nn.functional.normalize(features.float(), dim=-1).cpu())
    return torch.cat(out).numpy()


def compare_encoding(encoder: Encoder, pictures: int, batch: int) -> dict[str, float]:
    """Images per second through the library and through plain transformers, and how far their embeddings differ."""
    size = encoder.image_processor.crop_size["height"]
    pixels = torch.randn(pictures, 3, size, size, generator=torch.Generator().manual_seed(0))
    ours, plain = encoder.embed_pixels(pixels, batch_size=batch), plain_forward(encoder.model, pixels, batch)
    library = pictures / seconds(lambda: encoder.embed_pixels(pixels, batch_size=batch), repeats=3)
    forward = pictures / seconds(lambda: plain_forward(encoder.model, pixels, batch), repeats=3)
    return {
        "batch": batch,
        "library_per_s": library,
        "plain_per_s": forward,
        "ratio": library / forward,
        "largest_difference": float(np.abs(ours - plain).max()),
    }


def measure(rows: int) -> dict[str, Any]:
    """Measures all figures of the first GPU."""
    bandwidth = measured_bandwidth("cuda")
    index = make_index(rows, DIM)
    on_cpu = FaissStore(index)
    on_gpu = on_cpu.to_gpu()
    if not on_gpu.on_gpu:
        raise SystemExit(f"The GPU has no room for {rows:,} vectors: choose fewer with --rows.")
    figures = {
        "card": torch.cuda.get_device_name(),
        "bandwidth_bytes_per_s": bandwidth,
        "rows": rows,
        "search": [compare_search(on_cpu, on_gpu, batch, bandwidth) for batch in (1, 16, 256)],
        "encoding": {},
    }
    for dtype in (torch.float16, torch.bfloat16):
        encoder = make_encoder("cuda", dtype, TEXT, VISION)
        figures["encoding"][str(dtype).removeprefix("torch.")] = compare_encoding(encoder, 512, 64)
    del encoder, index, on_cpu, on_gpu  # a peak of memory is measured next
    gc.collect()
    figures["painting"] = gpu_painting.compare_painting("cuda", torch.float16, gpu_painting.Shapes(), steps=30)
    return figures


def report(figures: dict[str, Any]) -> str:
    """Formats the figures as a table to read."""
    lines = [
        f"{figures['card']}, which reads {figures['bandwidth_bytes_per_s'] / 1e9:,.0f} GB/s",
        f"search of {figures['rows']:,} × {DIM} in float16, k = {K}",
    ]
    lines += [
        f"  {row['batch']:4} queries   GPU {row['gpu_s'] * 1e3:8.2f} ms   CPU {row['cpu_s'] * 1e3:9.1f} ms   "
        f"{row['speed_up']:7.0f}× faster   {row['times_bound']:.2f} × the time to read it once   "
        f"{row['same_ids']:.1%} of ids the same"
        for row in figures["search"]
    ]
    lines.append("pictures through ViT-L/14, 224 px")
    lines += [
        f"  {dtype:9}   library {row['library_per_s']:7.0f}/s   plain transformers {row['plain_per_s']:7.0f}/s   "
        f"ratio {row['ratio']:.2f}   largest difference {row['largest_difference']:.1e}"
        for dtype, row in figures["encoding"].items()
    ]
    lines.append(gpu_painting.report(figures["painting"]))
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="vectors in the index (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args(argv)
    if not torch.cuda.is_available() or not gpu_count():
        raise SystemExit(
            "No GPU that both torch and FAISS can use is here, so nothing was measured. Run this on a machine with one."
        )
    figures = measure(options.rows)
    print(report(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
