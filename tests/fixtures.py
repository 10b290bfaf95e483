"""Fixtures of the tiny world of `tests.fakes`, its models and labs over them, each made once for all tests."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import safeclip
from safeclip.encoders import Encoder
from safeclip.profiles import CaptioningSpec, GenerationSpec, load_profile
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.projection import EmbeddingMap, Projection
from tests.fakes.tiny_models import make_adapter, make_clip, make_llava, make_stable_diffusion
from tests.fakes.tiny_world import build_index, tiny_rows, write_gallery, write_profile

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers of the tiny world, for tests that need a variation of it."""
    checkpoints = (make_clip, make_adapter, make_llava, make_stable_diffusion)
    makers = (tiny_rows, write_gallery, *checkpoints, write_profile, build_index)
    return SimpleNamespace(**{maker.__name__.removeprefix("make_"): maker for maker in makers})


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def tiny_adapter(tiny_clip, tmp_path_factory) -> Path:
    return make_adapter(tmp_path_factory.mktemp("safe"), tiny_clip, seed=1)


@pytest.fixture(scope="session")
def tiny_adapter_mixed(tiny_clip, tmp_path_factory) -> Path:
    return make_adapter(tmp_path_factory.mktemp("mixed"), tiny_clip, seed=2)


@pytest.fixture(scope="session")
def tiny_gallery(tmp_path_factory) -> Path:
    return write_gallery(tmp_path_factory.mktemp("world") / "gallery", tiny_rows())


@pytest.fixture(scope="session")
def tiny_profile(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tmp_path_factory) -> Path:
    """A profile of three seats whose index directory does not exist: `tiny_lab` has one."""
    directory = tmp_path_factory.mktemp("profile")
    return write_profile(directory, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, directory / "index")


@pytest.fixture(scope="session")
def tiny_lab(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tmp_path_factory) -> "safeclip.Lab":
    """A lab over the tiny world, with indexes and projection built."""
    directory = tmp_path_factory.mktemp("lab")
    index = directory / "index"
    path = write_profile(directory, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, index)
    gallery = Gallery.open(tiny_gallery)
    encoders = {}
    for seat in load_profile(path).seats:
        encoders[seat.key] = Encoder.from_pretrained(seat.checkpoint, seat.adapter)
        build_index(index / seat.key, seat, encoders[seat.key], gallery)
    reference = encoders["original"]
    ids = [item.image_id for item in gallery.items]
    unsafe = np.array([item.unsafe for item in gallery.items])
    EmbeddingMap(
        reference_fingerprint=reference.fingerprint,
        images=Projection.fit(ids, reference.encode_images([gallery.image(id) for id in ids]), unsafe),
        captions=Projection.fit(
            list(gallery.captions),
            reference.encode_texts(list(gallery.captions.values())),
            np.array([gallery.item(id).unsafe for id in gallery.captions]),
        ),
    ).write(index / "projection.json")
    return safeclip.open(path)


@pytest.fixture(scope="session")
def tiny_llava(tiny_clip, tmp_path_factory) -> Path:
    return make_llava(tmp_path_factory.mktemp("llava"), tiny_clip)


@pytest.fixture(scope="session")
def talking_lab(tiny_lab, tiny_llava) -> "safeclip.Lab":
    """`tiny_lab` with a captioning section."""
    lexicon = Path(__file__).parents[1] / "zoo" / "lexicon.json"
    spec = CaptioningSpec(
        checkpoint=str(tiny_llava), lexicon=str(lexicon), questions=("Describe the picture.", "Who is in the picture?")
    )
    return safeclip.open(dataclasses.replace(tiny_lab.profile, captioning=spec))


@pytest.fixture(scope="session")
def tiny_stable_diffusion(tiny_clip, tmp_path_factory) -> Path:
    return make_stable_diffusion(tmp_path_factory.mktemp("stable-diffusion"), tiny_clip)


@pytest.fixture(scope="session")
def painting_lab(tiny_lab, tiny_stable_diffusion) -> "safeclip.Lab":
    """`tiny_lab` with a generation section, judged by opennsfw."""
    spec = GenerationSpec(checkpoint=str(tiny_stable_diffusion), steps=4, guidance=3.0)
    return safeclip.open(dataclasses.replace(tiny_lab.profile, generation=spec))
