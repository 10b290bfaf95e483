"""The tiny CLIP in open_clip's format, a hub on this machine that the real client talks to, pictures to describe."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from safeclip.encoders.formats.open_clip_names import translated_config
from tests.fakes.hub import NO_HUB, HubCache, serve_hub, use_hub
from training.models.open_clip_layout import open_clip_weights

if TYPE_CHECKING:
    from safeclip.captioning.compare import Captioning
    from safeclip.captioning.llava import Llava


def write_open_clip(directory: Path, clip: Path, *, archive: bool = False, **changes) -> Path:
    """The checkpoint `clip` in open_clip's format, its tokenizer and image processor beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = open_clip_weights(load_file(clip / "model.safetensors"))
    if archive:
        torch.save(weights, directory / "open_clip_pytorch_model.bin")
    else:
        save_file(weights, directory / "open_clip_model.safetensors")
    config = {"model_cfg": architecture(clip) | changes, "preprocess_cfg": {}}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    for path in (*clip.glob("tokenizer*"), clip / "preprocessor_config.json"):
        if path.parent != directory:
            shutil.copy(path, directory)
    return directory


def architecture(clip: Path) -> dict:
    """The architecture of a checkpoint of transformers in open_clip's words."""
    return translated_config(json.loads((clip / "config.json").read_text()), str(clip))


@pytest.fixture(scope="session")
def tiny_open_clip(tiny_clip, tmp_path_factory) -> Path:
    return write_open_clip(tmp_path_factory.mktemp("open") / "clip", tiny_clip)


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    """A hub that the real client talks to, with an empty cache."""
    with serve_hub() as served:
        served.cache = use_hub(monkeypatch, served.address, tmp_path / "cache").folder
        yield served


@pytest.fixture
def no_hub(monkeypatch, tmp_path) -> HubCache:
    """A hub whose port nobody listens to, with an empty cache."""
    return use_hub(monkeypatch, NO_HUB, tmp_path / "cache")


@pytest.fixture(scope="session")
def formats():
    """The makers above, for tests that need a variation."""
    from types import SimpleNamespace

    return SimpleNamespace(write=write_open_clip, convert=open_clip_weights, config=architecture)


@pytest.fixture(scope="module")
def captioning(talking_lab) -> "Captioning":
    return talking_lab.captioning


@pytest.fixture(scope="session")
def llava(tiny_llava) -> "Llava":
    from safeclip.captioning.llava import Llava

    return Llava.from_pretrained(tiny_llava, device="cpu")


@pytest.fixture(scope="module")
def pictures(talking_lab):
    return [talking_lab.gallery.image(item.image_id) for item in talking_lab.gallery.items]
