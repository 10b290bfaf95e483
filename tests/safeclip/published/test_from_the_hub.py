"""The profile vit-l-14 from a hub, nothing else given: fetched, resumed, indexed, and equal to the plain libraries."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from gradio_client import Client
from transformers import CLIPModel

import safeclip
from index_builder.first_start import make_index
from safeclip import preflight
from safeclip.index_making import IndexMaking, is_due
from safeclip.profiles import load_profile
from tests.docs.pages import ROOT
from tests.fakes.hub import BUSY, CUT, serve_hub, use_hub
from tests.fakes.serving import free_port, serve, wait_for_answer, wait_for_page
from tests.safeclip.published.repositories import ORIGINAL, SAFE, SAFE_336, STABLE_DIFFUSION, world, write_published
from tests.safeclip.published.test_published import TEXTS, plain_transformers


@pytest.fixture(scope="module")
def repositories(tmp_path_factory, make):
    return write_published(tmp_path_factory.mktemp("published"), make)


@pytest.fixture
def hub(repositories, tiny_gallery, monkeypatch, tmp_path):
    """A hub with the published repositories, an empty cache of models and one of indexes, twelve drawings to search."""
    with serve_hub() as served:
        use_hub(monkeypatch, served.address, tmp_path / "models")
        monkeypatch.setenv("SAFECLIP_CACHE", str(tmp_path / "made"))
        monkeypatch.setenv("SAFECLIP_ROOT", str(world(tmp_path / "root", tiny_gallery)))
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 20)  # what arrives of toys is kept
        served.repositories |= repositories
        yield served


def test_from_nothing_to_answers_over_a_bad_line(hub, repositories):
    """A transfer is cut half-way and gone on with, another is turned away once; only what is read is fetched."""
    hub.troubles = {"pytorch_model.bin": [CUT], "vocab.json": [BUSY]}
    lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
    assert is_due(lab) and lab.searches_foreign_drawings
    making = IndexMaking(lab, make_index)
    making.start()
    page, url = serve(lab, making=making)
    try:
        assert making.wait(120) and not making.error
        answer = Client(url, verbose=False).predict(query="a dog", k=4, api_name="/retrieve")
    finally:
        page.close()
    assert [len(seat["hits"]) for seat in answer["seats"].values()] == [4, 4]
    assert hub.ranges, "what was there was not fetched again"
    assert not {"tf_model.h5", "v1-4.ckpt", "open_clip_pytorch_model.bin"} & set(hub.downloads)

    images = [lab.gallery.image(item.image_id) for item in lab.gallery.items]
    for key, name in (("original", ORIGINAL), ("safe", SAFE)):
        texts, pictures = plain_transformers(repositories[name], repositories[ORIGINAL], images)
        encoder = lab.encoders[key]
        assert encoder.warnings == ()
        np.testing.assert_allclose(encoder.encode_texts(TEXTS), texts, atol=1e-5)
        np.testing.assert_allclose(encoder.encode_images(images), pictures, atol=1e-5)


def test_the_check_before_and_after(hub):
    before = preflight.inspect(load_profile("vit-l-14"))
    assert {state.status for state in before.states} == {"reachable"}
    assert "made at the first start" in str(before) and all(state.download_gb > 0 for state in before.states)
    lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
    lab.encoders.preload(lab.encoders)
    after = {state.name: state.status for state in preflight.inspect(load_profile("vit-l-14")).states}
    assert (after[ORIGINAL], after[SAFE], after[SAFE_336]) == ("cached", "cached", "reachable")


def test_painting_and_answers_equal_the_plain_libraries(hub, repositories):
    """Generation and captioning fetched from the hub: sharded weights, many files that are not read."""
    lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
    painted = lab.generation.compare("a photo of a cat", seed=3, steps=3)
    assert not {"v1-4.ckpt", "diffusion_pytorch_model.fp16.safetensors"} & set(hub.downloads)
    pipeline = StableDiffusionPipeline.from_pretrained(repositories[STABLE_DIFFUSION], dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.text_encoder = CLIPModel.from_pretrained(repositories[SAFE], dtype=torch.float32).text_model
    plain = pipeline("a photo of a cat", num_inference_steps=3, generator=torch.Generator().manual_seed(3)).images[0]
    off = np.abs(np.asarray(painted["safe"].pictures[0]).astype(int) - np.asarray(plain).astype(int))
    assert off.max() <= 2
    image = lab.gallery.image(lab.gallery.items[0].image_id)
    said = lab.captioning.compare(image, max_new_tokens=4)
    assert [answer.error for answer in said.values()] == [None, None]
    assert sum(name.startswith("model-0000") for name in hub.downloads) == 3


@pytest.mark.full  # the 4,000 drawings of the repository under both encoders
@pytest.mark.timeout(1200)
def test_app_py_starts_with_a_profile_and_nothing_else(repositories, tmp_path):
    with serve_hub() as served:
        served.repositories |= repositories
        port = free_port()
        environment = {"HF_ENDPOINT": served.address, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "app.py", "--profile", "vit-l-14", "--port", str(port)]
        app = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_for_page(url, app, seconds=60)
            answer = wait_for_answer(Client(url, verbose=False), seconds=600, query="a dog", k=8)
            assert [len(seat["hits"]) for seat in answer["seats"].values()] == [8, 8]
        finally:
            app.terminate()
            app.wait(20)
