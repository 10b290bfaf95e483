"""The profile vit-l-14 from a hub, nothing else given: fetched, resumed, indexed, and equal to the plain libraries."""

import base64
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import snapshot_download
from PIL import Image
from transformers import LlavaProcessor

import safeclip
from demo.processes.supervisor import free_port
from index_builder.first_start import make_index
from safeclip import preflight
from safeclip.errors import HubError
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.index_making import IndexMaking, is_due
from safeclip.profiles import load_profile
from safeclip.retrieval.gallery import Gallery
from tests.docs.pages import ROOT
from tests.fakes.hub import BUSY, CUT, serve_hub, use_hub
from tests.fakes.serving import client_of, serve, wait_for_answer, wait_for_page
from tests.safeclip.published import plain
from tests.safeclip.published.repositories import (
    CLIP_336,
    LLAVA,
    ORIGINAL,
    REPOSITORIES,
    SAFE,
    SAFE_336,
    STABLE_DIFFUSION,
    world,
    write_published,
)
from tests.safeclip.published.test_published import TEXTS, plain_transformers

PROMPT, QUESTION = "a photo of a cat", "What is in the picture?"


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
        answer = client_of(url).predict(query="a dog", k=4, api_name="/retrieve")
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
    remarks = {state.name: state.remark for state in before.states}
    assert remarks[ORIGINAL] == "no fp16 files there" and remarks[STABLE_DIFFUSION] == "fp16 but for text_encoder, vae"
    lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
    lab.encoders.preload(lab.encoders)
    after = {state.name: state.status for state in preflight.inspect(load_profile("vit-l-14")).states}
    assert (after[ORIGINAL], after[SAFE], after[SAFE_336]) == ("cached", "cached", "reachable")


def test_models_of_the_hub_are_told_apart_by_their_commits(hub, monkeypatch):
    """So precomputed answers are found again by a machine that fetched nothing, and by one without a network."""

    def prints(**changed) -> tuple[str, str]:
        profile = load_profile("vit-l-14")
        lab = safeclip.open(replace(profile, generation=replace(profile.generation, **changed)))
        return lab.generation.fingerprint, lab.captioning.fingerprint

    asked = prints()
    assert hub.downloads == [] and asked[0] != asked[1]
    assert prints(revision="0" * 40)[0] != asked[0] and prints(revision="0" * 40)[1] == asked[1]
    network = ("HF_HUB_OFFLINE", "1")
    with monkeypatch.context() as patch:
        patch.setenv(*network)
        with pytest.raises(HubError, match="is not in the cache of models"):
            prints()
    for name in REPOSITORIES:
        snapshot_download(name, allow_patterns="*config.json", endpoint=hub.address)
    monkeypatch.setenv(*network)
    assert prints() == asked


def test_painting_equals_plain_diffusers(hub, repositories):
    """Latents after three steps and the picture of them; of many files in the repository, those that are read.

    The UNet alone is there in two precisions.
    """
    lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
    painted = lab.generation.compare(PROMPT, seed=3, steps=3)
    assert not {"v1-4.ckpt", "model.fp16.safetensors"} & set(hub.downloads)
    assert sorted(name for name in hub.downloads if name.startswith("diffusion_")) == [
        "diffusion_pytorch_model.fp16.safetensors",  # of the UNet
        "diffusion_pytorch_model.safetensors",  # of the autoencoder
    ]
    swap = StableDiffusionSwap.from_pretrained(repositories[STABLE_DIFFUSION], device="cpu")
    for key, clip in (("original", None), ("safe", repositories[SAFE])):
        pipeline = plain.pipeline(repositories[STABLE_DIFFUSION], clip, variant="fp16")
        tower = None if clip is None else lab.encoders[key].model.text_model
        found = swap.denoise(swap.prompts([PROMPT]).embeds(tower), [3], steps=3, guidance=7.5)
        theirs = plain.latents(pipeline, PROMPT, seed=3, steps=3)
        torch.testing.assert_close(found, theirs, atol=1e-5, rtol=0)
        assert furthest(painted[key].pictures[0], plain.paint(pipeline, PROMPT, seed=3, steps=3)) <= 2


def test_answers_equal_plain_transformers(hub, repositories):
    """Token by token, and the patches that the language model is given; sharded weights."""
    lab = safeclip.open(load_profile("vit-l-14"), device="cpu")
    image = lab.gallery.image(lab.gallery.items[0].image_id)
    said = lab.captioning.compare(image, QUESTION, max_new_tokens=8)
    assert sum(name.startswith("model-0000") for name in hub.downloads) == 3
    for key, tower in (("original", CLIP_336), ("safe", SAFE_336)):
        expected = plain.answer(repositories[LLAVA], repositories[tower], image, QUESTION, tokens=8)
        assert list(said[key].tokens) == expected, key


@pytest.mark.full  # the 4,000 drawings of the repository under both encoders: one to three minutes
@pytest.mark.timeout(1200)
def test_app_py_starts_with_a_profile_and_nothing_else(repositories, tmp_path):
    """The page within a minute, answers once 500 are indexed, and every tab equal to the plain libraries."""
    with serve_hub() as served:
        served.repositories |= repositories
        port = free_port()
        environment = {"HF_ENDPOINT": served.address, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "app.py", "--profile", "vit-l-14", "--port", str(port)]
        app = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_for_page(url, app, seconds=60)
            client = client_of(url)
            answer = wait_for_answer(client, seconds=600, query=TEXTS[0], k=8)
            assert searchable(tmp_path) == {500}, "it answers before the rest is indexed"
            hits_are_those_of_transformers(answer, repositories)
            painted = client.predict(prompt=PROMPT, seed=3, steps=3, api_name="/generate")
            item = answer["seats"]["safe"]["hits"][0]["id"]
            said = client.predict(question=QUESTION, gallery_item=item, max_new_tokens=8, api_name="/caption")
        finally:
            app.terminate()
            app.wait(20)
    image = Gallery.open(ROOT / "zoo" / "open-gallery").image(item)
    decode = LlavaProcessor.from_pretrained(repositories[LLAVA]).decode
    for key, clip, tower in (("original", None, CLIP_336), ("safe", repositories[SAFE], SAFE_336)):
        pipeline = plain.pipeline(repositories[STABLE_DIFFUSION], clip, variant="fp16")
        theirs = plain.paint(pipeline, PROMPT, seed=3, steps=3)
        (source,) = painted["seats"][key]["images"]
        assert furthest(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))), theirs) <= 2
        tokens = plain.answer(repositories[LLAVA], repositories[tower], image, QUESTION, tokens=8)
        assert said["seats"][key]["text"] == decode(tokens, skip_special_tokens=True).strip()


def searchable(home: Path) -> set[int]:
    """How many images the indexes below a home folder hold."""
    manifests = [json.loads(file.read_text()) for file in home.rglob("manifest.json")]
    return {manifest["files"]["images.faiss"]["count"] for manifest in manifests}


def hits_are_those_of_transformers(answer: dict, repositories: dict[str, Path]) -> None:
    """Every seat's scores are the cosines of plain transformers, up to the half precision of the index."""
    gallery = Gallery.open(ROOT / "zoo" / "open-gallery")
    for key, name in (("original", ORIGINAL), ("safe", SAFE)):
        hits = answer["seats"][key]["hits"]
        images = [gallery.image(hit["id"]) for hit in hits]
        texts, pictures = plain_transformers(repositories[name], repositories[ORIGINAL], images)
        scores = [hit["score"] for hit in hits]
        assert len(scores) == 8 and scores == pytest.approx((pictures @ texts[0]).tolist(), abs=1e-3)


def furthest(a: Image.Image, b: Image.Image) -> int:
    """The largest difference of two images, of 255."""
    return int(np.abs(np.asarray(a.convert("RGB")).astype(int) - np.asarray(b.convert("RGB")).astype(int)).max())
