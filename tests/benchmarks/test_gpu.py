"""The GPU benchmark's arithmetic at toy size on the CPU, and what it says where there is no GPU."""

import faiss
import numpy as np
import pytest
import torch

from benchmarks import gpu, gpu_painting
from safeclip.retrieval.stores.faiss_gpu import OnGpu
from safeclip.retrieval.stores.faiss_store import FaissStore

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_it_says_so_and_measures_nothing(capsys):
    with pytest.raises(SystemExit, match="No GPU .* nothing was measured"):
        gpu.main([])
    assert capsys.readouterr().out == ""


def test_search_is_compared_by_ids_time_and_bandwidth():
    index = gpu.make_index(300, 16)
    assert index.ntotal == 300
    stand_in = OnGpu(faiss.clone_index(index.index), faiss.vector_to_array(index.id_map))
    row = gpu.compare_search(FaissStore(index), FaissStore(stand_in), batch=4, bandwidth=1e9)
    assert row["same_ids"] == 1.0
    assert row["bound_s"] == pytest.approx(2 * 300 * 16 / 1e9)
    assert row["speed_up"] == pytest.approx(row["cpu_s"] / row["gpu_s"])
    assert row["times_bound"] == pytest.approx(row["gpu_s"] / row["bound_s"])
    other = OnGpu(faiss.clone_index(index.index), np.arange(1000, 1300))
    assert gpu.compare_search(FaissStore(index), FaissStore(other), batch=4, bandwidth=1e9)["same_ids"] == 0.0


def test_the_library_and_the_plain_forward_are_compared_on_the_same_images():
    encoder = gpu.make_encoder("cpu", torch.float32, SMALL, SMALL)
    row = gpu.compare_encoding(encoder, pictures=3, batch=2)
    assert row["largest_difference"] < 1e-6
    assert row["ratio"] == pytest.approx(row["library_per_s"] / row["plain_per_s"])


def test_bandwidth_is_bytes_over_time():
    assert 1e7 < gpu.measured_bandwidth("cpu", size=1 << 22) < 1e13


def test_the_report_names_the_card():
    search = {"batch": 1, "same_ids": 1.0, "cpu_s": 1.0, "gpu_s": 0.001, "speed_up": 1000.0, "times_bound": 1.2}
    encoding = {"library_per_s": 900.0, "plain_per_s": 880.0, "ratio": 1.02, "largest_difference": 1e-4}
    figures = {"card": "NVIDIA X", "bandwidth_bytes_per_s": 3e12, "rows": 1_000_000}
    painting = {"dtype": "float16", "steps": 30, "side_by_side_s": 3.0, "two_pipelines_s": 4.0, "time_ratio": 0.75}
    painting |= {"side_by_side_bytes": 3e9, "two_pipelines_bytes": 6e9, "memory_ratio": 0.5}
    parts = {"search": [search], "encoding": {"float16": encoding}, "painting": painting}
    text = gpu.report({**figures, **parts})
    assert text.startswith("NVIDIA X, which reads 3,000 GB/s")
    assert "1000× faster" in text and "100.0% of ids the same" in text and "ratio 1.02" in text
    assert "ratio 0.75" in text and "3.00 GB" in text


def test_side_by_side_generation_is_compared_with_two_pipelines():
    shapes = gpu_painting.Shapes((16, 16, 32, 32), (8, 8, 8, 8), norm_groups=8, latent=8, width=64, layers=1)
    row = gpu_painting.compare_painting("cpu", torch.float32, shapes, steps=2, repeats=1)
    assert row["time_ratio"] == pytest.approx(row["side_by_side_s"] / row["two_pipelines_s"])
    assert row["steps"] == 2 and row["dtype"] == "float32"
