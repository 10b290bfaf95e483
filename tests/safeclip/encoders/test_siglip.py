"""SigLIP as a seat: embeddings are those of plain transformers, an adapter is merged, and what misfits is said."""

import string

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from tokenizers import Tokenizer
from torch.nn.functional import normalize
from transformers import SiglipImageProcessor, SiglipModel

from safeclip.encoders import Encoder, formats
from safeclip.encoders.formats.declaration import CheckpointSource
from safeclip.encoders.formats.siglip_model import read_tokenizer
from safeclip.errors import CheckpointError
from tests.fakes.tiny_models import make_siglip

TEXTS = ["A dog,  holding a kite!", "a chef", "dog " * 40]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return make_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="module")
def encoder(checkpoint) -> Encoder:
    return Encoder.from_pretrained(checkpoint, kind="siglip", device="cpu")


def plain_ids(checkpoint, length: int, ending: int) -> torch.Tensor:
    """Tokens of TEXTS as SigLIP's own tokenizer canonicalises, ends, cuts and pads them."""
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    rows = []
    for text in TEXTS:
        text = " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())
        row = tokenizer.encode(text).ids[: length - 1] + [ending]
        rows.append(row + [ending] * (length - len(row)))
    return torch.tensor(rows)


@torch.no_grad()
def test_embeddings_are_those_of_plain_transformers(checkpoint, encoder):
    model = SiglipModel.from_pretrained(checkpoint).eval()
    ids = plain_ids(checkpoint, 24, encoder.tokenizer.eos_token_id)
    assert len(set(ids[1].tolist())) > 2
    texts = normalize(model.get_text_features(ids).pooler_output, dim=-1)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), texts.numpy(), atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS[1:2]), texts[1:2].numpy(), atol=1e-5)  # alone too

    noise = np.random.default_rng(0)
    pictures = [Image.fromarray(noise.integers(0, 256, (40, side, 3), np.uint8)) for side in (30, 90)]
    pixels = SiglipImageProcessor.from_pretrained(checkpoint)(pictures, return_tensors="pt")["pixel_values"]
    images = normalize(model.get_image_features(pixels).pooler_output, dim=-1)
    np.testing.assert_allclose(encoder.encode_images(pictures), images.numpy(), atol=1e-5)
    assert encoder.dim == 32 and encoder.logit_scale == pytest.approx(np.exp(4.0))


@torch.no_grad()
def test_an_adapter_is_merged(checkpoint, encoder, tmp_path):
    torch.manual_seed(1)
    lora = LoraConfig(r=2, target_modules=["k_proj", "fc1", "patch_embedding"], init_lora_weights=False)
    tuned = get_peft_model(SiglipModel.from_pretrained(checkpoint), lora).eval()
    tuned.save_pretrained(tmp_path)
    safe = Encoder.from_pretrained(checkpoint, tmp_path, kind="siglip", device="cpu")
    expected = normalize(tuned.get_text_features(encoder.tokenize(TEXTS)["input_ids"]).pooler_output, dim=-1)
    np.testing.assert_allclose(safe.encode_texts(TEXTS), expected.numpy(), atol=1e-5)
    assert safe.fingerprint != encoder.fingerprint and safe.tokenizer_hash == encoder.tokenizer_hash


def test_gemmas_tokenizer_keeps_punctuation(checkpoint, tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text((checkpoint / file.name).read_text().replace("<pad>", "<bos>"))
    (tmp_path / "tokenizer_config.json").write_bytes((checkpoint / "tokenizer_config.json").read_bytes())
    first, second = (read_tokenizer(folder) for folder in (checkpoint, tmp_path))
    lengths = [[len(row) for row in each(["A DOG", "a dog", "a dog!"])["input_ids"]] for each in (first, second)]
    assert len(set(lengths[0])) == 1 and lengths[1][0] == lengths[1][1] < lengths[1][2]


def test_the_seats_kind_must_be_that_of_the_checkpoint(checkpoint, tiny_clip):
    with pytest.raises(CheckpointError, match='of type “clip” is needed. Set kind = "siglip" beside the checkpoint'):
        Encoder.from_pretrained(checkpoint)
    with pytest.raises(CheckpointError, match='of type “siglip” is needed. Set kind = "clip" beside the checkpoint'):
        Encoder.from_pretrained(tiny_clip, kind="siglip")


def test_the_hub_is_asked_for_one_tokenizer_file():
    source = CheckpointSource("google/siglip-base-patch16-224", kind="siglip")
    (files,) = formats.hub_files(source)
    assert "tokenizer.json" in files.files.patterns(()) and "merges.txt" not in files.files.patterns(())
