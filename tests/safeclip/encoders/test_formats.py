"""The table of encoder formats: which format reads a checkpoint, and how another one joins."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from safeclip.encoders import Encoder, formats
from safeclip.encoders.formats.declaration import CheckpointSource, EncoderFormat
from safeclip.encoders.formats.hysac_format import HysacFormat
from safeclip.encoders.formats.open_clip_format import OpenClipFormat
from safeclip.encoders.formats.transformers_format import TransformersFormat
from safeclip.encoders.parts import EncoderParts, Towers
from safeclip.encoders.processors import read_processors
from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_files import CheckpointFiles
from safeclip.runtime.checkpoint_names import Repository
from safeclip.runtime.hub_files import HubFiles


@pytest.mark.parametrize(
    ("checkpoint", "kind", "expected"),
    [
        ("openai/clip-vit-large-patch14", "clip", TransformersFormat),
        ("nowhere/at/all", "clip", TransformersFormat),
        ("hf-hub:laion/clip", "clip", OpenClipFormat),
        ("ViT-L-14-quickgelu:openai", "clip", OpenClipFormat),
        ("aimagelab/HySAC", "hyperbolic", HysacFormat),
    ],
)
def test_a_name_is_read_by_its_format(checkpoint, kind, expected):
    assert type(formats.find(CheckpointSource(checkpoint, kind=kind))) is expected


def test_a_directory_is_read_by_the_format_of_its_weights(tiny_clip, tiny_open_clip, tmp_path):
    assert type(formats.find(CheckpointSource(tiny_clip))) is TransformersFormat
    assert type(formats.find(CheckpointSource(tiny_open_clip))) is OpenClipFormat
    (tmp_path / "open_clip_model.safetensors").touch()
    (tmp_path / "model.safetensors").touch()
    assert type(formats.find(CheckpointSource(tmp_path))) is TransformersFormat, "transformers' weights win"


def test_a_directory_may_be_named_by_text(tiny_open_clip):
    by_text, by_path = (Encoder.from_pretrained(kind(tiny_open_clip)) for kind in (str, lambda path: path))
    assert by_text.fingerprint == by_path.fingerprint


def test_an_unknown_kind_lists_the_known_ones(tiny_clip):
    with pytest.raises(CheckpointError, match=r"no encoder format of kind “round”.*clip, hyperbolic"):
        Encoder.from_pretrained(tiny_clip, kind="round")


def test_the_table_of_formats_loads_no_heavy_module():
    heavy = "{'numpy', 'open_clip', 'torch', 'transformers'}"
    code = f"import sys; from safeclip.encoders import formats; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


class ConstantTowers(Towers):
    """Features that depend on the length of a text and on the mean of an image."""

    width = 4
    max_length = 32

    def text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.stack([mask.sum(1).float() ** i for i in range(4)], dim=1)

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.stack([pixels.mean((1, 2, 3)) ** i for i in range(4)], dim=1)


TOY = CheckpointFiles("toy checkpoint", weights=(("toy.bin",),))


class ToyFormat(EncoderFormat):
    """A checkpoint whose directory holds nothing but a tokenizer and an image processor."""

    kind = "toy"

    def hub_files(self, source: CheckpointSource) -> Iterator[HubFiles]:
        yield HubFiles(Repository.parse(str(source.checkpoint)), TOY)

    def read(self, source: CheckpointSource, dtype: torch.dtype) -> EncoderParts:
        model = torch.nn.Linear(1, 1, dtype=dtype)
        return EncoderParts(ConstantTowers(model), read_processors(source.checkpoint, 32), {"toy": 1})


def test_a_new_format_is_one_class_and_one_entry(monkeypatch, tiny_clip, tmp_path):
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, ToyFormat()))
    encoder = Encoder.from_pretrained(tiny_clip, kind="toy", device="cpu")
    embeddings = encoder.encode_texts(["a dog", "a dog on the beach"])
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    assert encoder.dim == 4 and not (embeddings[0] == embeddings[1]).all()
    (files,) = formats.hub_files(CheckpointSource("somebody/toy", kind="toy"))
    assert files == HubFiles(Repository("somebody/toy"), TOY)
    with pytest.raises(CheckpointError, match="only be merged into a checkpoint of transformers"):
        Encoder.from_pretrained(tiny_clip, tmp_path, kind="toy")


def test_an_encoder_of_a_subclass_is_of_that_subclass(tiny_clip):
    class Tuned(Encoder):
        pass

    assert type(Tuned.from_pretrained(tiny_clip, device="cpu")) is Tuned
