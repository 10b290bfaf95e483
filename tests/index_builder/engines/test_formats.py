"""Encoders of every format embed in processes, and captions, as they do by themselves."""

import numpy as np
import pytest

from index_builder.engines.batches import EmbeddingTask
from index_builder.engines.local import local_engine
from index_builder.engines.preparing import Batch
from index_builder.gallery.files import part_files
from index_builder.gallery.reader import GalleryReader
from safeclip.encoders import Encoder
from tests.fakes.tiny_models import make_siglip
from tests.safeclip.conftest import write_open_clip


@pytest.fixture(scope="module")
def formats(tiny_encoders, tiny_clip, tmp_path_factory):
    """CLIP, with PEFT merged into it, open_clip and SigLIP."""
    folder = tmp_path_factory.mktemp("formats")
    others = (
        Encoder.from_pretrained(write_open_clip(folder / "open_clip", tiny_clip), device="cpu"),
        Encoder.from_pretrained(make_siglip(folder / "siglip"), kind="siglip", device="cpu"),
    )
    return (*tiny_encoders.values(), *others)


def embedded(encoders, gallery, modality, workers):
    task = EmbeddingTask(GalleryReader.open(part_files(gallery)), (), encoders, workers=workers)
    (result,) = local_engine(task)([Batch(modality, 0, np.arange(4))])
    assert not result.faults
    return [result.vectors[encoder.fingerprint] for encoder in encoders]


@pytest.mark.timeout(300)
def test_images_get_the_bits_of_this_process(formats, tiny_gallery):
    for here, there in zip(*(embedded(formats, tiny_gallery, "images", workers) for workers in (0, 1)), strict=True):
        np.testing.assert_array_equal(there, here)


def test_captions_are_embedded_as_queries_are(formats, tiny_gallery, rows):
    captions = [row["caption"] for row in rows[:4]]
    for encoder, found in zip(formats, embedded(formats, tiny_gallery, "captions", 0), strict=True):
        np.testing.assert_allclose(found, encoder.encode_texts(captions), atol=1e-6)
