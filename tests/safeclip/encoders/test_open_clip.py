"""open_clip's format against transformers' and against plain open_clip code; QuickGELU; pickles."""

import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from safeclip.encoders import Encoder
from safeclip.encoders.blending import blend
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.encoders.formats.open_clip_names import find
from safeclip.encoders.processors import image_processor, openai_tokenizer, preprocessing_hash
from safeclip.encoders.quick_gelu import doubts
from safeclip.encoders.tokens import tokenize
from safeclip.errors import CheckpointError
from safeclip.profiles import Seat
from safeclip.runtime import hub

TEXTS = ["a chef holding a knife in the kitchen", "a dog", "", "x " * 60]


@pytest.fixture(scope="module")
def images():
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    return [Image.fromarray(noise).resize(size) for size in [(64, 48), (20, 90), (33, 32)]]


@pytest.fixture(scope="module")
def theirs(tiny_open_clip):
    return Encoder.from_pretrained(tiny_open_clip)


@pytest.fixture(scope="module")
def ours(tiny_clip):
    return Encoder.from_pretrained(tiny_clip)


def assert_alike(a, b, images, tolerance=1e-4):
    np.testing.assert_allclose(a.encode_texts(TEXTS), b.encode_texts(TEXTS), atol=tolerance)
    np.testing.assert_allclose(a.encode_images(images), b.encode_images(images), atol=tolerance)


def test_both_formats_of_the_same_weights_embed_alike(ours, theirs, images):
    assert_alike(ours, theirs, images)
    assert type(theirs.towers) is not type(ours.towers)
    assert (theirs.dim, theirs.max_length) == (ours.dim, ours.max_length) == (16, 32)
    assert theirs.logit_scale == pytest.approx(ours.logit_scale)
    assert theirs.fingerprint != ours.fingerprint


def test_embeddings_are_those_of_plain_open_clip(theirs, tiny_open_clip, images):
    model = open_clip.create_model(f"local-dir:{tiny_open_clip}").eval()
    tokens = theirs.tokenize(TEXTS)
    ids = torch.zeros(len(TEXTS), 32, dtype=torch.int64)  # open_clip pads with zeros to the full width
    for row, (kept, mask) in enumerate(zip(tokens["input_ids"], tokens["attention_mask"], strict=True)):
        ids[row, : mask.sum()] = kept[mask.bool()]
    with torch.no_grad():
        texts = model.encode_text(ids, normalize=True).numpy()
        pictures = model.encode_image(theirs.pixels(images), normalize=True).numpy()
    np.testing.assert_allclose(theirs.encode_texts(TEXTS), texts, atol=1e-6)
    np.testing.assert_allclose(theirs.encode_images(images), pictures, atol=1e-6)


def test_seats_of_both_formats_share_tokens_and_pixels(ours, theirs):
    assert theirs.tokenizer_hash == ours.tokenizer_hash
    assert theirs.preprocessing_hash == ours.preprocessing_hash


@pytest.mark.parametrize("archive", [False, True], ids=["safetensors", "bin"])
def test_a_directory_without_tokenizer_takes_another_ones(tiny_clip, tmp_path, formats, ours, images, archive):
    bare = formats.write(tmp_path / "bare", tiny_clip, archive=archive)
    for path in (*bare.glob("tokenizer*"), bare / "preprocessor_config.json"):
        path.unlink()
    assert_alike(Encoder.from_pretrained(bare, processor=tiny_clip), ours, images)


def test_weights_beside_a_transformers_config_need_no_config_of_their_own(tiny_clip, tmp_path, formats, ours, images):
    directory = formats.write(tmp_path / "clip", tiny_clip)
    shutil.copy(tiny_clip / "config.json", directory)
    (directory / "open_clip_config.json").unlink()
    assert_alike(Encoder.from_pretrained(directory), ours, images)


def test_weights_without_any_config_ask_for_the_architecture(tiny_clip, tmp_path, formats):
    directory = formats.write(tmp_path / "clip", tiny_clip)
    (directory / "open_clip_config.json").unlink()
    with pytest.raises(CheckpointError, match=f"ViT-L-14-quickgelu:{directory}"):
        Encoder.from_pretrained(directory)


def test_an_architecture_of_a_name_and_weights_of_a_path(monkeypatch, tiny_clip, tiny_open_clip, formats, ours, images):
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny-quickgelu", formats.config(tiny_clip))
    for source in (tiny_open_clip, tiny_open_clip / "open_clip_model.safetensors"):
        assert_alike(Encoder.from_pretrained(f"Tiny-quickgelu:{source}"), ours, images)
    assert_alike(Encoder.from_pretrained(f"local-dir:{tiny_open_clip}"), ours, images)
    with pytest.raises(CheckpointError, match="neither a tag.*nor a file"):
        Encoder.from_pretrained("Tiny-quickgelu:nothing-of-the-kind")
    with pytest.raises(CheckpointError, match="knows no architecture “Tinier”"):
        Encoder.from_pretrained(f"Tinier:{tiny_open_clip}")
    with pytest.raises(CheckpointError, match="an address is no name of a checkpoint.*owner/name"):
        Encoder.from_pretrained("https://huggingface.co/openai/clip-vit-large-patch14")


def test_from_the_hub(fake_hub, tiny_clip, tiny_open_clip, ours, images):
    fake_hub.repositories["somebody/clip"] = tiny_open_clip
    fake_hub.repositories["openai/clip-tiny"] = tiny_clip
    seats = [
        Seat("a", "A", "openai/clip-tiny"),
        Seat("b", "B", "hf-hub:somebody/clip", processor="openai/clip-tiny", revision="main"),
    ]
    encoders = EncoderSet(seats, device="cpu")
    assert_alike(encoders["b"], ours, images)
    np.testing.assert_array_equal(encoders["a"].encode_texts(TEXTS), ours.encode_texts(TEXTS))
    assert encoders["a"].fingerprint == ours.fingerprint, "where a checkpoint lies does not decide an embedding"


def test_open_clip_encoders_can_be_blended(theirs, ours, images):
    assert_alike(blend(theirs, theirs, 0.5), theirs, images)
    with pytest.raises(CheckpointError, match="can be blended"):
        blend(theirs, ours, 0.5)


def test_weights_of_another_architecture_are_reported(tiny_clip, tmp_path, formats):
    config = formats.config(tiny_clip)
    changed = config["vision_cfg"] | {"layers": 3}
    directory = formats.write(tmp_path / "clip", tiny_clip, vision_cfg=changed)
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        Encoder.from_pretrained(directory)


def test_a_text_tower_that_reads_other_tokens_is_refused():
    with pytest.raises(CheckpointError, match="does not read CLIP's tokens"):
        from safeclip.encoders.formats.open_clip_model import make

        make(open_clip.get_model_config("ViT-B-16-SigLIP"), "ViT-B-16-SigLIP")


def test_an_adapter_is_refused(tiny_open_clip, tiny_adapter):
    with pytest.raises(CheckpointError, match="only be merged into a checkpoint of transformers"):
        Encoder.from_pretrained(tiny_open_clip, tiny_adapter)


# --- what OpenAI's checkpoints are read with


def test_the_tokenizer_of_openai_is_clip_processors(tmp_path):
    from transformers import CLIPImageProcessor, CLIPProcessor

    tokenizer, _ = openai_tokenizer()
    CLIPProcessor(CLIPImageProcessor(), tokenizer).save_pretrained(tmp_path)
    processor = CLIPProcessor.from_pretrained(tmp_path)
    texts = [*TEXTS, "Hello, World! it's :-)", "naïve café", "料理人", "🔪🔪", "word " * 200]
    expected = processor(text=texts, padding=True, truncation=True, max_length=77, return_tensors="pt")
    tokens = tokenize(tokenizer, texts, 77)
    assert torch.equal(tokens["input_ids"], expected["input_ids"])
    assert tokens["input_ids"].shape[1] == 77 and tokens["length"].max() == 202
    simple = open_clip.SimpleTokenizer()
    for text in texts[:2]:
        ids = tokenizer(text)["input_ids"]
        assert ids == simple(text)[0, : len(ids)].tolist()
    assert len(tokenizer) == 49408


def test_the_image_processor_of_a_preprocess_cfg_is_clips():
    from transformers import CLIPImageProcessor

    defaults = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    assert preprocessing_hash(image_processor(defaults, 224)) == preprocessing_hash(CLIPImageProcessor())
    squashed = image_processor(defaults | {"resize_mode": "squash"}, (224, 224))
    wide = Image.new("RGB", (400, 100), (255, 0, 0))
    assert squashed(wide, return_tensors="pt")["pixel_values"].shape == (1, 3, 224, 224)
    with pytest.raises(CheckpointError, match="“longest”"):
        image_processor(defaults | {"resize_mode": "longest"}, 224)


# --- QuickGELU


def test_openais_tag_gets_quick_gelu_whatever_the_name_says(monkeypatch, tiny_open_clip):
    monkeypatch.setattr(hub, "fetch", lambda *_: tiny_open_clip)
    plain, quick, laion = (
        find(name) for name in ("ViT-L-14:openai", "ViT-L-14-quickgelu:openai", "ViT-L-14:laion2b_s32b_b82k")
    )
    assert plain.config["quick_gelu"] and quick.config["quick_gelu"] and not laion.config.get("quick_gelu")
    assert "ViT-L-14-quickgelu" in plain.warnings[0] and "QuickGELU" in plain.warnings[0]
    assert quick.warnings == laion.warnings == ()
    named = find(f"ViT-L-14:{tiny_open_clip}")
    assert named.warnings == ()
    (safe,) = find("ViT-L-14:aimagelab/safeclip_vit-l_14").warnings
    assert "aimagelab/safeclip_vit-l_14" in safe


@pytest.fixture
def both(tiny_clip, tmp_path, formats):
    """A directory with both formats of the same weights."""
    return formats.write(shutil.copytree(tiny_clip, tmp_path / "both"), tiny_clip)


def set_activation(directory, name):
    config = json.loads((directory / "config.json").read_text())
    for tower in ("text_config", "vision_config"):
        config[tower]["hidden_act"] = name
    (directory / "config.json").write_text(json.dumps(config))


def test_formats_that_agree_get_no_note(both, ours):
    encoder = Encoder.from_pretrained(both)
    assert encoder.warnings == ()
    assert encoder.fingerprint == ours.fingerprint, "transformers' format wins"
    for dtype in (torch.float16, torch.bfloat16):
        assert Encoder.from_pretrained(both, dtype=dtype, device="cpu").warnings == ()


def test_quick_gelu_forgotten_in_config_json_is_reported(both, caplog):
    set_activation(both, "gelu")
    (warning,) = Encoder.from_pretrained(both).warnings
    assert "two formats disagree" in warning and "name different activations, and one of them is wrong" in warning
    assert warning in caplog.text
    encoded = EncoderSet([Seat("safe", "Safe-CLIP", str(both))]).encode_texts(["a dog"])
    assert encoded.notes == (f"Safe-CLIP: {warning}",), "and to whoever reads the answers"


def test_quick_gelu_forgotten_in_open_clip_config_is_reported_unless_the_name_tells(both):
    config = json.loads((both / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = False
    (both / "open_clip_config.json").write_text(json.dumps(config))
    (warning,) = Encoder.from_pretrained(both).warnings
    assert "name different activations, and one of them is wrong" in warning
    renamed = shutil.copytree(both, both.with_name("safeclip_vit-l_14"))  # whose name says what is right
    assert Encoder.from_pretrained(renamed).warnings == ()


def test_gelu_forgotten_in_the_configuration_of_laions_weights_is_said(both):
    """open_clip's says GELU, which is right; transformers takes QuickGELU, as config.json says nothing."""
    config = json.loads((both / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = False
    (both / "open_clip_config.json").write_text(json.dumps(config))
    renamed = shutil.copytree(both, both.with_name("laion-clip"))
    by_name, by_copy = Encoder.from_pretrained(renamed).warnings
    assert "LAION's weights, which need GELU" in by_name
    assert "GELU was forgotten in config.json (hidden_act): the weights are the same" in by_copy


def test_formats_of_different_weights_are_reported(both, make, tmp_path, formats):
    formats.write(both, make.clip(tmp_path / "other", seed=5))
    (warning,) = Encoder.from_pretrained(both).warnings
    assert "They hold different weights" in warning


def test_a_second_copy_that_cannot_be_read_spoils_nothing(both, ours):
    (both / "open_clip_model.safetensors").write_bytes(b"junk")
    encoder = Encoder.from_pretrained(both)
    assert encoder.warnings == () and encoder.fingerprint == ours.fingerprint


@pytest.mark.parametrize(
    ("source", "activation", "doubted"),
    [
        ("openai/clip-vit-large-patch14", "gelu", True),
        ("openai/clip-vit-large-patch14", "quick_gelu", False),
        ("/models/safeclip_vit-l_14_336", "gelu", True),
        ("Adeely93/SafeR_CLIP", "gelu", True),
        ("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "gelu", False),
        ("aimagelab/safeclip_vit-h_14", "gelu", False),
    ],
)
def test_a_source_that_needs_quick_gelu_is_known_by_its_name(source, activation, doubted):
    config = {"text_config": {"hidden_act": activation}, "vision_config": {"hidden_act": activation}}
    told = doubts(source, config)
    assert bool(told) is doubted
    assert all(source in sentence and "quick_gelu" in sentence for sentence in told)


# --- pickles


class Bomb:
    """Executed, it leaves a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("wrapped", [False, True], ids=["beside tensors", "alone"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("open_clip_pytorch_model.bin", "clip"),
        ("pytorch_model.bin", "clip"),
        ("hysac_model.pth", "hyperbolic"),
    ],
)
def test_a_pickle_is_never_executed(tiny_clip, tmp_path, formats, name, kind, wrapped):
    directory = formats.write(shutil.copytree(tiny_clip, tmp_path / "clip"), tiny_clip)
    for path in directory.glob("*.safetensors"):
        path.unlink()
    bomb = Bomb(tmp_path / "exploded")
    torch.save(bomb if wrapped else {"weight": torch.zeros(1), "more": bomb}, directory / name)
    with pytest.raises(CheckpointError, match=f"{name}.*Convert it to safetensors"):
        Encoder.from_pretrained(directory, kind=kind)
    assert not (tmp_path / "exploded").exists()


def test_an_archive_of_tensors_is_read(tiny_clip, tmp_path, ours, images):
    directory = shutil.copytree(tiny_clip, tmp_path / "clip")
    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    assert_alike(Encoder.from_pretrained(directory), ours, images, tolerance=1e-6)


def test_archives_of_older_makes_are_read(tiny_clip, tmp_path, formats, ours, images):
    directory = formats.write(tmp_path / "clip", tiny_clip)
    weights = load_file(directory / "open_clip_model.safetensors")
    (directory / "open_clip_model.safetensors").unlink()
    content = {"state_dict": {f"module.{key}": tensor for key, tensor in weights.items()}, "name": "run"}
    torch.save(content, directory / "open_clip_pytorch_model.pt", _use_new_zipfile_serialization=False)
    assert_alike(Encoder.from_pretrained(directory), ours, images)


@pytest.mark.parametrize("content", [{}, [1], {"a": 1}, {"state_dict": {"a": "b"}}], ids=repr)
def test_an_archive_without_weights_is_reported(tiny_clip, tmp_path, formats, content):
    directory = formats.write(tmp_path / "clip", tiny_clip)
    (directory / "open_clip_model.safetensors").unlink()
    torch.save(content, directory / "open_clip_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="no weights in this file|is no tensor"):
        Encoder.from_pretrained(directory)
