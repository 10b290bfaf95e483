"""What loading a pipeline does for a GPU, which is named here and not there: nothing is computed on one."""

import pytest
import torch

from safeclip.errors import CheckpointError
from safeclip.generation import pipeline
from safeclip.generation.families import FAMILIES
from safeclip.generation.loading import Wanted
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.runtime.quantization import BITS
from tests.fakes.side_by_side import PROMPT, with_spec


@pytest.fixture
def unmoved(monkeypatch):
    """Pipelines that are set up for the device that is asked for, and stay where they are."""
    monkeypatch.setattr(pipeline, "move", lambda pipeline, device: None)


def latents(swap: StableDiffusionSwap) -> torch.Tensor:
    return swap.denoise(swap.prompts([PROMPT]).embeds(), [3], steps=2, guidance=3.0)


def channels_are_last(part: torch.nn.Module) -> set[bool]:
    kernels = [each for each in part.parameters() if each.ndim == 4 and each.shape[1] > 1 and each.shape[2] > 1]
    assert kernels
    return {each.stride()[1] == 1 for each in kernels}


def test_convolutions_have_their_channels_last_on_a_gpu_alone(tiny_stable_diffusion, unmoved):
    on_cpu = StableDiffusionSwap.from_pretrained(tiny_stable_diffusion, device="cpu", dtype="float32")
    on_gpu = StableDiffusionSwap.from_pretrained(tiny_stable_diffusion, device="cuda", dtype="float32")
    for name in ("unet", "vae"):
        assert channels_are_last(getattr(on_gpu.pipeline, name)) == {True}
        assert channels_are_last(getattr(on_cpu.pipeline, name)) == {False}
    torch.testing.assert_close(latents(on_gpu), latents(on_cpu), atol=1e-4, rtol=0)


@pytest.mark.parametrize("bits", BITS)
def test_fewer_bits_need_a_gpu_and_a_package(tiny_stable_diffusion, painting_lab, monkeypatch, bits):
    with pytest.raises(CheckpointError, match=f"{bits} needs an NVIDIA GPU. Leave `quantize` out"):
        with_spec(painting_lab, quantize=bits).generation.compare(PROMPT)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=f"{bits} needs a package: pip install bitsandbytes"):
        StableDiffusionSwap.from_pretrained(tiny_stable_diffusion, device="cuda", quantize=bits)


@pytest.mark.parametrize(
    ("family", "parts"),
    [
        ("stable-diffusion", {"unet"}),
        ("sdxl", {"unet"}),
        ("sd3", {"transformer", "text_encoder_3"}),
        ("sd3-without-t5", {"transformer"}),
    ],
)
def test_the_largest_parts_alone_are_quantised(monkeypatch, family, parts):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    wanted = Wanted(torch.bfloat16, torch.device("cuda:1"), "8bit")
    for library, names in (("transformers", FAMILIES[family].text_encoders), ("diffusers", FAMILIES[family].models)):
        for name in names:
            options = wanted.options(library, name, FAMILIES[family])
            assert ("quantization_config" in options) == (name in parts), name
            if name in parts:
                config = options["quantization_config"]
                assert type(config).__module__.startswith(library) and config.load_in_8bit
                assert options["device_map"] == {"": torch.device("cuda:1")}
            in_full = name == "vae" and family == "sdxl"
            assert options["dtype"] == (torch.float32 if in_full else torch.bfloat16)


def test_what_is_quantised_stays_where_it_was_loaded(tiny_stable_diffusion):
    swap = StableDiffusionSwap.from_pretrained(tiny_stable_diffusion, device="cpu", dtype="float32")
    swap.pipeline.unet.hf_quantizer = object()
    pipeline.move(swap.pipeline, torch.device("meta"))
    assert swap.pipeline.unet.device.type == "cpu"
    assert swap.pipeline.vae.device.type == swap.pipeline.text_encoder.device.type == "meta"


@pytest.mark.full  # compiling takes a minute, and a C++ compiler
@pytest.mark.timeout(900)
def test_a_compiled_unet_gives_the_latents_of_one_that_is_not(tiny_stable_diffusion):
    import shutil
    import time

    if shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler for torch.compile")
    plain = latents(StableDiffusionSwap.from_pretrained(tiny_stable_diffusion, device="cpu"))
    swap = StableDiffusionSwap.from_pretrained(tiny_stable_diffusion, device="cpu", compile=True)
    torch._dynamo.utils.counters.clear()
    started = time.perf_counter()
    compiled = latents(swap)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    latents(swap)
    frames = torch._dynamo.utils.counters["frames"]
    off = float((compiled - plain).abs().max())
    print(f"first {seconds:.1f} s, then {time.perf_counter() - started:.2f} s; {frames['ok']} frames; off by {off:.1e}")
    assert frames["ok"] == frames["total"] > 0
    assert off <= 1e-4
