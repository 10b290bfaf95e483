"""The published profiles on checkpoints of the true format: small ones, and in the full tier the true size.

The folders stand where the profile's names point to, so that everything goes through the profile's own code.
"""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import safeclip
from index_builder.cli import main as build_index
from index_builder.gallery.importer import import_source
from index_builder.options import SourceOptions
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.encoders.processors import openai_tokenizer
from safeclip.preflight import inspect
from safeclip.profiles import RetrievalSpec, load_profile

ORIGINAL, SAFE = "openai/clip-vit-large-patch14", "aimagelab/safeclip_vit-l_14"
TEXTS = ["a photo of a cat", "a chef holding a knife in the kitchen", "word " * 100]

TINY = {
    "text": {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2},
    "vision": {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2},
    "projection": 32,
}
TRUE = {
    "text": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
    "vision": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16},
    "projection": 768,
}


def write_clip(folder: Path, size: dict, seed: int, *, processor: bool, image_size: int = 224) -> Path:
    """A random CLIP of OpenAI's architecture in float16, as on the hub."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    folder.mkdir(parents=True)
    config = CLIPConfig(
        text_config={**size["text"], "hidden_act": "quick_gelu"},
        vision_config={**size["vision"], "patch_size": 14, "image_size": image_size, "hidden_act": "quick_gelu"},
        projection_dim=size["projection"],
    )
    with torch.device("meta"):
        shapes = {name: each.shape for name, each in CLIPModel(config).named_parameters()}
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes.items():
        if name == "logit_scale":
            tensor = torch.tensor(4.6052)
        elif "norm" in name:
            tensor = torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
        else:
            tensor = torch.randn(shape, generator=generator) * (0.02 if "embedding" in name else shape[-1] ** -0.5)
        weights[name] = tensor.half()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config.save_pretrained(folder)
    if processor:
        openai_tokenizer()[0].save_pretrained(folder)
        edge = {"height": image_size, "width": image_size}
        CLIPImageProcessor(size={"shortest_edge": image_size}, crop_size=edge).save_pretrained(folder)
    return folder


def pictures(n: int) -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 255, (n, 12, 16, 3), dtype=np.uint8)
    return [Image.fromarray(each).resize((320, 240)) for each in noise]


def plain_transformers(folder: Path, processor: Path, images: list[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
    from transformers import CLIPModel, CLIPProcessor

    inputs = CLIPProcessor.from_pretrained(processor)(
        text=TEXTS, images=images, padding=True, truncation=True, max_length=77, return_tensors="pt"
    )
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        output = model(**inputs)
    return output.text_embeds.numpy(), output.image_embeds.numpy()


def plain_open_clip(weights: Path, pixels: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    model = open_clip.create_model("ViT-L-14-quickgelu", pretrained=str(weights)).eval()
    with torch.inference_mode():
        texts = model.encode_text(open_clip.get_tokenizer("ViT-L-14-quickgelu")(TEXTS), normalize=True)
        return texts.numpy(), model.encode_image(pixels, normalize=True).numpy()


@pytest.mark.parametrize(
    "size",
    [pytest.param(TINY, id="tiny"), pytest.param(TRUE, id="true", marks=[pytest.mark.full, pytest.mark.timeout(600)])],
)
def test_both_formats_through_the_profile_embed_as_the_plain_libraries(size, tmp_path, monkeypatch, formats):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    original = write_clip(tmp_path / ORIGINAL, size, 0, processor=True)
    safe = write_clip(tmp_path / SAFE, size, 1, processor=False)
    weights = formats.convert(load_file(safe / "model.safetensors"))
    (tmp_path / "open").mkdir()
    torch.save(weights, tmp_path / "open" / "open_clip_pytorch_model.bin")
    del weights
    if size is TINY:
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-L-14-quickgelu", formats.config(safe))
    else:
        config = open_clip.get_model_config("ViT-L-14-quickgelu")
        assert config["embed_dim"] == 768 and config["vision_cfg"]["width"] == 1024

    seats = load_profile("vit-l-14").seats
    in_open_clip = replace(seats[1], key="open", checkpoint="ViT-L-14-quickgelu:open")
    images = pictures(2)
    found, pixels = {}, None
    for seat in (*seats, in_open_clip):  # one at a time: three of the true size would not fit a small machine
        encoders = EncoderSet([seat], device="cpu")
        encoder = encoders[seat.key]
        assert encoder.warnings == () and encoder.dim == size["projection"] and encoder.max_length == 77
        encoded = encoders.encode_texts(TEXTS)
        assert "longer than the 77 tokens" in encoded.notes[0]
        pixels = encoder.pixels(images)
        found[seat.key] = encoded.embeddings[seat.key], encoder.embed_pixels(pixels)
        del encoders, encoder
        gc.collect()

    for key, plain in (
        ("original", plain_transformers(original, original, images)),
        ("safe", plain_transformers(safe, original, images)),
        ("open", plain_open_clip(tmp_path / "open" / "open_clip_pytorch_model.bin", pixels)),
    ):
        for ours, theirs in zip(found[key], plain, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=key)
    for a, b in zip(found["safe"], found["open"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert np.abs(found["original"][0] - found["safe"][0]).max() > 0.01


def test_from_own_images_to_an_answer(tmp_path, monkeypatch, capsys):
    """What docs/deployment.md tells a researcher to do, step after step, and what --check says before each."""
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    original = write_clip(tmp_path / ORIGINAL, TINY, 0, processor=True)
    write_clip(tmp_path / SAFE, TINY, 1, processor=False)
    retrieval = RetrievalSpec(gallery="my/gallery", index="my/index")
    profile = replace(load_profile("vit-l-14"), retrieval=retrieval, generation=None, captioning=None)
    own = ["--profile", "vit-l-14", "--gallery", str(tmp_path / "my" / "gallery"), "--device", "cpu"]
    (problem,) = inspect(profile).problems
    assert "index_builder import IMAGES my/gallery" in problem

    (tmp_path / "photos").mkdir()
    for i, picture in enumerate(pictures(5)):
        picture.save(tmp_path / "photos" / f"{i}.png")
        (tmp_path / "photos" / f"{i}.txt").write_text(f"picture number {i}")
    import_source(str(tmp_path / "photos"), tmp_path / "my" / "gallery", SourceOptions())
    (problem,) = inspect(profile).problems
    assert problem == "There is no index for CLIP, Safe-CLIP yet: python -m index_builder --profile vit-l-14"
    lab = safeclip.open(profile, device="cpu")
    assert "no index was built here yet" in lab.retrieval.compare("a cat")["safe"].error

    assert build_index([*own, "--output", str(tmp_path / "my" / "index"), "--quiet"]) == 0
    assert inspect(profile).can_run, inspect(profile).problems
    assert build_index(["verify", str(tmp_path / "my" / "index"), *own]) == 0
    assert "FAULT" not in capsys.readouterr().out

    query = lab.gallery.image(lab.gallery.items[3].image_id)
    answer = safeclip.open(profile, device="cpu").retrieval.compare(query, k=5)
    images = [lab.gallery.image(item.image_id) for item in lab.gallery.items]
    _, plain = plain_transformers(original, original, images)
    truth = plain @ plain[3]
    hits = answer["original"].hits
    assert hits[0].item.image_id == lab.gallery.items[3].image_id
    expected = {item.image_id: float(score) for item, score in zip(lab.gallery.items, truth, strict=True)}
    assert [hit.score for hit in hits] == pytest.approx([expected[hit.id] for hit in hits], abs=2e-3)
    assert answer["safe"].error is None and len(answer["safe"].hits) == 5
