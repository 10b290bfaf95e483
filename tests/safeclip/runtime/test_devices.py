"""Memory that runs out, devices that are not there, which precision goes where: no GPU is needed, errors are put in."""

import numpy as np
import pytest
import torch
from PIL import Image

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import DeviceError
from safeclip.profiles import Seat
from safeclip.runtime import devices
from safeclip.runtime.machine import zero_gpu
from safeclip.runtime.quiet import quiet_loading

OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.fixture
def encoder(tiny_clip):
    return Encoder.from_pretrained(tiny_clip, device="cpu")


class SmallMemory:
    """Towers on a device whose memory holds `room` inputs at a time; `sizes` are the batches that they were given."""

    def __init__(self, towers, room, error):
        self.towers, self.room, self.error, self.sizes = towers, room, error, []

    def __getattr__(self, name):
        return getattr(self.towers, name)

    def text_features(self, ids, mask):
        return self.limited(self.towers.text_features, ids, mask)

    def image_features(self, pixels):
        return self.limited(self.towers.image_features, pixels)

    def limited(self, compute, batch, *more):
        self.sizes.append(len(batch))
        if len(batch) > self.room:
            raise self.error
        return compute(batch, *more)


def with_room_for(encoder, monkeypatch, room, error=OUT_OF_MEMORY):
    """Give the encoder a small memory; returns the sizes of the batches that it tries."""
    monkeypatch.setattr(encoder, "towers", SmallMemory(encoder.towers, room, error))
    return encoder.towers.sizes


@pytest.mark.parametrize(
    "error",
    [
        OUT_OF_MEMORY,
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_batches_are_halved_until_they_fit(encoder, monkeypatch, error):
    pictures = [Image.new("RGB", (32, 32), (i * 20, 0, 0)) for i in range(11)]
    expected = encoder.encode_images(pictures)
    sizes = with_room_for(encoder, monkeypatch, 3, error)
    found = encoder.embed_pixels(encoder.pixels(pictures), batch_size=8)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 1], "halved twice, and not tried in vain again"


def test_texts_are_halved_too_and_the_log_says_so(encoder, monkeypatch, caplog):
    texts = [f"a dog {i}" for i in range(5)]
    expected = encoder.encode_texts(texts)
    with_room_for(encoder, monkeypatch, 2)
    np.testing.assert_allclose(encoder.encode_texts(texts), expected, atol=1e-6)
    assert "going on with batches of 2" in caplog.text


def test_too_little_memory_for_one_input_is_reported_by_that_seat(tiny_clip, monkeypatch):
    encoders = EncoderSet([Seat("a", "A", str(tiny_clip)), Seat("b", "B", str(tiny_clip))], device="cpu")
    with_room_for(encoders["b"], monkeypatch, 0)
    encoded = encoders.encode_texts(["a dog"])
    assert set(encoded.embeddings) == {"a"}
    assert 'does not suffice for a single input. Close other programs, or set device = "cpu"' in encoded.errors["b"]


def test_another_error_is_not_taken_for_one_of_memory(encoder, monkeypatch):
    sizes = with_room_for(encoder, monkeypatch, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        encoder.encode_texts(["a", "b"])
    assert sizes == [2]


class Full(torch.nn.Linear):
    def to(self, *_):
        raise OUT_OF_MEMORY


def test_weights_that_do_not_fit_say_how_large_they_are():
    with pytest.raises(DeviceError, match=r"0\.\d GB of weights do not fit"):
        devices.place(Full(5000, 5000), "cuda")


NOT_THERE = [
    ("cuda", "cannot take the model"),
    ("gpu", "is no device"),
    ("meta", "is no device"),
    ("hpu", "cannot take the model: No module named 'torch.hpu'. Choose another device"),
]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize(("device", "says"), NOT_THERE)
def test_a_device_that_is_not_there_is_reported_by_its_seat(tiny_clip, device, says):
    encoders = EncoderSet([Seat("a", "A", str(tiny_clip), device=device), Seat("b", "B", str(tiny_clip))])
    encoded = encoders.encode_texts(["a dog"])
    assert says in encoded.errors["a"] and device in encoded.errors["a"]
    assert set(encoded.embeddings) == {"b"}


def test_half_precision_is_for_accelerators(tiny_clip):
    assert devices.precision(torch.device("cuda", 1), "bfloat16") is torch.bfloat16
    assert devices.precision(torch.device("cpu"), "float16") is torch.float32
    assert devices.precision(torch.device("cpu"), "bfloat16") is torch.bfloat16
    encoders = EncoderSet([Seat("a", "A", str(tiny_clip), dtype="float16")], device="cpu")
    assert encoders["a"].dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_embeds_nearly_alike_with_fused_attention(tiny_clip, tiny_open_clip, encoder, dtype):
    texts, pictures = ["a dog", "a chef holding a knife"], [Image.new("RGB", (32, 32), (9, 200, 90))]
    for checkpoint in (tiny_clip, tiny_open_clip):
        half = Encoder.from_pretrained(checkpoint, dtype=dtype, device="cpu")
        assert half.dtype == dtype
        for name, inputs in (("encode_texts", texts), ("encode_images", pictures)):
            found = getattr(half, name)(inputs)
            assert found.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
            assert ((found * getattr(encoder, name)(inputs)).sum(1) > 0.995).all()
    assert encoder.model.config._attn_implementation == "sdpa"


def test_zero_gpu_leaves_encoders_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.default_device().type == "cuda"
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert zero_gpu() and devices.default_device().type == "cpu"


def test_loading_is_quiet_and_leaves_the_terminal_as_it_was(tiny_clip, capfd, monkeypatch):
    from transformers.utils import logging

    monkeypatch.setattr(logging, "_tqdm_active", True)
    Encoder.from_pretrained(tiny_clip)
    assert "Loading weights" not in capfd.readouterr().err
    with quiet_loading(), quiet_loading():
        assert not logging.is_progress_bar_enabled()
    assert logging.is_progress_bar_enabled()
