"""The encoder against plain transformers and PEFT code."""

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from safeclip.encoders import Encoder
from safeclip.encoders.formats.layouts import CLIP
from safeclip.errors import CheckpointError, ImageError, QueryError
from safeclip.images.loading import open_image

TEXTS = ["a chef holding a knife in the kitchen", "a dog", "", "料理人がナイフを持つ", "A CHEF  holding…", "x " * 60]


@pytest.fixture(scope="module")
def encoder(tiny_clip):
    return Encoder.from_pretrained(tiny_clip)


@pytest.fixture(scope="module")
def images(tiny_lab):
    sizes = [(64, 48), (20, 90), (1, 1), (33, 32)]
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    return [Image.fromarray(noise).resize(size) for size in sizes]


@pytest.fixture
def copy(tiny_clip, tmp_path):
    """A copy of the checkpoint that a test may damage."""
    return shutil.copytree(tiny_clip, tmp_path / "copy")


def plain_embeddings(checkpoint, texts, images, adapter=None):
    """What a user of transformers and PEFT would write; the adapter is not merged."""
    from peft import PeftModel
    from transformers import CLIPModel, CLIPProcessor

    processor = CLIPProcessor.from_pretrained(checkpoint)
    model = CLIPModel.from_pretrained(checkpoint, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    model.eval()
    tokens = processor(text=texts, padding=True, truncation=True, max_length=32, return_tensors="pt")
    pixels = processor(images=images, return_tensors="pt")
    with torch.no_grad():
        text = model.get_text_features(**tokens).pooler_output
        image = model.get_image_features(**pixels).pooler_output
    return (text / text.norm(dim=-1, keepdim=True)).numpy(), (image / image.norm(dim=-1, keepdim=True)).numpy()


def test_tokens_and_pixels_are_those_of_clip_processor(encoder, images, tiny_clip):
    from transformers import CLIPProcessor

    processor = CLIPProcessor.from_pretrained(tiny_clip)
    expected = processor(text=TEXTS, padding=True, truncation=True, max_length=32, return_tensors="pt")
    tokens = encoder.tokenize(TEXTS)
    assert torch.equal(tokens["input_ids"], expected["input_ids"])
    assert torch.equal(tokens["attention_mask"], expected["attention_mask"])
    assert torch.equal(encoder.pixels(images), processor(images=images, return_tensors="pt")["pixel_values"])


def test_embeddings_are_those_of_plain_transformers(encoder, images, tiny_clip):
    texts, pictures = plain_embeddings(tiny_clip, TEXTS, images)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), texts, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_images(images), pictures, atol=1e-6)


def test_the_merged_adapter_embeds_as_the_unmerged_model(tiny_clip, tiny_adapter, images, encoder):
    merged = Encoder.from_pretrained(tiny_clip, tiny_adapter)
    texts, pictures = plain_embeddings(tiny_clip, TEXTS, images, tiny_adapter)
    np.testing.assert_allclose(merged.encode_texts(TEXTS), texts, atol=1e-5)
    np.testing.assert_allclose(merged.encode_images(images), pictures, atol=1e-5)
    assert np.abs(merged.encode_texts(TEXTS) - encoder.encode_texts(TEXTS)).max() > 0.01
    assert np.abs(merged.encode_images(images) - encoder.encode_images(images)).max() > 0.01


def test_embeddings_are_normalised_float32(encoder, images):
    for embeddings in (encoder.encode_texts(TEXTS), encoder.encode_images(images)):
        assert embeddings.dtype == np.float32
        assert embeddings.shape[1] == encoder.dim == 16
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_neither_company_nor_batch_size_changes_an_embedding(encoder, images):
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), alone, atol=1e-6)
    np.testing.assert_allclose(encoder.embed_tokens(encoder.tokenize(TEXTS), batch_size=2), alone, atol=1e-6)
    alone = np.concatenate([encoder.encode_images([image]) for image in images])
    np.testing.assert_allclose(encoder.embed_pixels(encoder.pixels(images), batch_size=3), alone, atol=1e-6)


@pytest.mark.parametrize("size", [0, -1, 2.5, "3", None])
def test_a_batch_size_is_a_whole_number_from_1(encoder, images, size):
    with pytest.raises(QueryError, match="The batch size must be a whole number from 1, not"):
        encoder.embed_tokens(encoder.tokenize(TEXTS), batch_size=size)
    with pytest.raises(QueryError, match="The batch size must be a whole number from 1, not"):
        encoder.embed_pixels(encoder.pixels(images), batch_size=size)


def test_nothing_gives_no_rows(encoder):
    assert encoder.encode_texts([]).shape == (0, 16)
    assert encoder.encode_images([]).shape == (0, 16)
    assert encoder.pixels([]).shape == (0, 3, 32, 32)


@pytest.mark.parametrize("texts", ["a dog", [None], ["a dog", 3], [b"a dog"], None, 3])
def test_what_is_no_list_of_texts_is_refused(encoder, texts):
    with pytest.raises(QueryError, match="Give a list of texts|Give the texts as a list"):
        encoder.encode_texts(texts)


@pytest.mark.parametrize("images", [Image.new("RGB", (9, 9)), ["x.png"], [np.zeros((9, 9, 3), np.uint8)], "x.png"])
def test_what_is_no_list_of_images_is_refused(encoder, images):
    with pytest.raises(ImageError, match=r"Give a list of PIL images; .*open_image|Give the images as a list"):
        encoder.encode_images(images)


def test_images_without_pixels_and_from_a_damaged_file_are_refused(encoder):
    buffer = io.BytesIO()
    Image.new("RGB", (90, 90), "red").save(buffer, "PNG")
    for image, says in (
        (Image.new("RGB", (0, 5)), "0 × 5 pixels shows nothing"),
        (Image.open(io.BytesIO(buffer.getvalue()[:80])), "damaged or incomplete"),
    ):
        with pytest.raises(ImageError, match=says):
            encoder.encode_images([image])


def test_names_are_found_as_those_of_a_seat(encoder, tiny_clip, tiny_adapter, tmp_path, monkeypatch):
    adapted = Encoder.from_pretrained(tiny_clip, tiny_adapter)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "clip").symlink_to(tiny_clip)
    (tmp_path / "models" / "adapter").symlink_to(tiny_adapter)
    for variable in ("SAFECLIP_ROOT", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert Encoder.from_pretrained("models/clip", "models/adapter").fingerprint == adapted.fingerprint
    assert Encoder.from_pretrained("~/models/clip", processor="~/models/clip").fingerprint == encoder.fingerprint
    assert Encoder.from_pretrained("models/clip", "", processor="").fingerprint == encoder.fingerprint


def test_the_length_before_the_cut_is_reported(encoder):
    tokens = encoder.tokenize(["a dog", "a dog " * 30])
    assert tokens["length"].tolist() == [4, 62]
    assert encoder.tokenize(["x" + " " * 10_050 + "knife"])["length"] == encoder.tokenize(["x knife"])["length"]
    assert tokens["input_ids"].shape == (2, encoder.max_length) == (2, 32)
    assert tokens["input_ids"][1, -1] == encoder.tokenizer.eos_token_id


@pytest.mark.parametrize("text", ["\ud800", "\0", "a" * 1_000_000, "🔪" * 50, "\u202e\u0301"])
def test_any_text_has_an_embedding(encoder, text):
    assert np.isfinite(encoder.encode_texts([text])).all()


def test_images_of_other_modes_are_converted(encoder):
    grey, rgb = Image.new("L", (9, 9), 100), Image.new("RGB", (9, 9), (100, 100, 100))
    np.testing.assert_array_equal(encoder.encode_images([grey]), encoder.encode_images([rgb]))


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "RGB"])
def test_an_image_is_embedded_as_the_page_opens_it(encoder, mode):
    if mode == "I;16":
        image = Image.fromarray(np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) * 28)
    else:
        image = Image.new(mode, (48, 48), (255, 0, 0, 0)[: len(mode)])
        image.paste((0, 0, 255, 255)[: len(mode)], (8, 8, 24, 24))
    np.testing.assert_array_equal(encoder.encode_images([image]), encoder.encode_images([open_image(image)]))


def test_half_precision_weights_are_computed_in_single_precision(encoder, copy):
    weights = load_file(copy / "model.safetensors")
    save_file({name: tensor.half() for name, tensor in weights.items()}, copy / "model.safetensors", {"format": "pt"})
    half = Encoder.from_pretrained(copy)
    assert half.model.dtype == torch.float32
    np.testing.assert_allclose(half.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=2e-2)


def test_a_fingerprint_names_what_decides_an_embedding(encoder, tiny_clip, tiny_adapter, tiny_adapter_mixed, copy):
    assert Encoder.from_pretrained(copy).fingerprint == encoder.fingerprint
    assert len(encoder.fingerprint) == 64
    seen = {encoder.fingerprint}
    seen.add(Encoder.from_pretrained(tiny_clip, tiny_adapter).fingerprint)
    seen.add(Encoder.from_pretrained(tiny_clip, tiny_adapter_mixed).fingerprint)
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(json.dumps(settings | {"image_mean": [0, 0, 0]}))
    darker = Encoder.from_pretrained(copy)
    seen.add(darker.fingerprint)
    assert len(seen) == 4
    assert darker.tokenizer_hash == encoder.tokenizer_hash
    assert darker.preprocessing_hash != encoder.preprocessing_hash


def test_options_that_do_not_change_a_pixel_keep_the_preprocessing_hash(encoder, copy):
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(json.dumps(settings | {"processor_class": "CLIPProcessor"}))
    assert Encoder.from_pretrained(copy).preprocessing_hash == encoder.preprocessing_hash


def test_a_missing_checkpoint_is_reported(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere: there is no such checkpoint"):
        Encoder.from_pretrained(tmp_path / "nowhere")


def test_a_processor_that_transformers_5_saved_is_read(copy, encoder, images):
    from transformers import CLIPProcessor

    (copy / "preprocessor_config.json").unlink()
    CLIPProcessor(encoder.image_processor, encoder.tokenizer).save_pretrained(copy)
    assert not (copy / "preprocessor_config.json").exists()
    assert CLIP.missing(copy) == ()
    read = Encoder.from_pretrained(copy)
    np.testing.assert_array_equal(read.encode_images(images), encoder.encode_images(images))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"])
def test_a_missing_file_is_reported(copy, name):
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=str(copy)):
        Encoder.from_pretrained(copy)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"])
def test_a_damaged_file_is_reported(copy, name):
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=str(copy)):
        Encoder.from_pretrained(copy)


def test_weights_that_are_missing_are_reported(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="safetensors is missing"):
        Encoder.from_pretrained(copy)


def test_a_checkpoint_of_another_type_is_reported(copy):
    (copy / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="type 'bert'"):
        Encoder.from_pretrained(copy)


def test_weights_that_lack_a_tensor_are_refused_and_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="lack 1 tensors.*text_projection.weight"):
        Encoder.from_pretrained(copy)


def test_an_adapter_that_is_none_is_reported(tiny_clip, tiny_adapter, tmp_path):
    with pytest.raises(CheckpointError, match="adapter_config.json is missing"):
        Encoder.from_pretrained(tiny_clip, tmp_path)
    damaged = shutil.copytree(tiny_adapter, tmp_path / "damaged")
    (damaged / "adapter_model.safetensors").write_bytes(b"junk")
    with pytest.raises(CheckpointError, match="adapter cannot be loaded"):
        Encoder.from_pretrained(tiny_clip, damaged)


def test_an_adapter_on_a_base_of_another_width_names_both(tiny_clip, tiny_adapter, tmp_path):
    wide = shutil.copytree(tiny_adapter, tmp_path / "wide")
    weights = load_file(wide / "adapter_model.safetensors")
    doubled = {name: each.repeat_interleave(2, 0) for name, each in weights.items()}
    save_file(doubled, wide / "adapter_model.safetensors")
    config = json.loads((wide / "adapter_config.json").read_text())
    (wide / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "owner/wide"}))
    with pytest.raises(CheckpointError) as caught:
        Encoder.from_pretrained(tiny_clip, wide)
    said = str(caught.value)
    assert f"of another model than {tiny_clip}: tensors of another shape" in said and "Error(s)" not in said
    assert said.endswith("names owner/wide; set that as the checkpoint beside it.")


def test_an_adapter_of_another_model_is_refused(tiny_clip, tiny_adapter, tmp_path):
    other = shutil.copytree(tiny_adapter, tmp_path / "other")
    weights = load_file(other / "adapter_model.safetensors")
    renamed = {name.replace("layers.1", "layers.9"): tensor for name, tensor in weights.items()}
    save_file(renamed, other / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match="adapter is of another model"):
        Encoder.from_pretrained(tiny_clip, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_embeds_as_the_cpu(tiny_clip, images):
    gpu, cpu = Encoder.from_pretrained(tiny_clip), Encoder.from_pretrained(tiny_clip, device="cpu")
    assert (gpu.device.type, cpu.device.type) == ("cuda", "cpu")
    np.testing.assert_allclose(gpu.encode_texts(TEXTS), cpu.encode_texts(TEXTS), atol=1e-3)
    np.testing.assert_allclose(gpu.encode_images(images), cpu.encode_images(images), atol=1e-3)


def test_an_adapter_whose_rank_is_not_that_of_its_weights_is_not_sent_to_its_base(tiny_clip, tiny_adapter, tmp_path):
    adapter = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    changed = {**config, "r": config["r"] + 4, "base_model_name_or_path": str(tiny_clip)}
    (adapter / "adapter_config.json").write_text(json.dumps(changed))
    with pytest.raises(CheckpointError, match="which its adapter_config.json names: tensors of another shape"):
        Encoder.from_pretrained(tiny_clip, adapter, device="cpu")
