"""Fetching from a hub on this machine, through the real client: what is fetched and kept, what each refusal says."""

import shutil
import time

import pytest

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import CheckpointError, HubError
from safeclip.profiles import Seat
from safeclip.runtime import hub

ID = "somebody/clip"


@pytest.fixture
def repository(tiny_clip, tmp_path, fake_hub):
    """A repository with more in it than is needed."""
    folder = shutil.copytree(tiny_clip, tmp_path / "repository")
    for name in ("pytorch_model.bin", "flax_model.msgpack", "picture.png", "onnx/model.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"junk")
    fake_hub.repositories[ID] = folder
    return folder


def test_only_what_is_read_is_fetched(repository, fake_hub, tiny_clip):
    encoder = Encoder.from_pretrained(ID)
    assert sorted(set(fake_hub.downloads)) == sorted(
        path.name for path in tiny_clip.iterdir() if path.name != "README.md"
    )
    assert encoder.fingerprint == Encoder.from_pretrained(tiny_clip).fingerprint


def test_a_processor_of_another_repository_spares_ones_own(repository, fake_hub, tiny_clip):
    Encoder.from_pretrained(ID, processor=tiny_clip)
    assert sorted(set(fake_hub.downloads)) == ["config.json", "model.safetensors"]


def test_what_is_cached_is_used_without_a_hub(repository, fake_hub, monkeypatch):
    before = Encoder.from_pretrained(ID)
    fake_hub.downloads.clear()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert Encoder.from_pretrained(ID).fingerprint == before.fingerprint
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert Encoder.from_pretrained(ID).fingerprint == before.fingerprint
    assert fake_hub.downloads == []


@pytest.mark.parametrize("pin", [{"revision": "main"}, {}, {"revision": "0123456789abcdef0123456789abcdef01234567"}])
def test_revisions(repository, pin):
    assert Encoder.from_pretrained(ID, **pin).dim == 16


def test_archives_are_fetched_only_where_there_is_nothing_better(repository, fake_hub, tiny_clip):
    import torch
    from safetensors.torch import load_file

    (repository / "model.safetensors").unlink()
    torch.save(load_file(tiny_clip / "model.safetensors"), repository / "pytorch_model.bin")
    assert Encoder.from_pretrained(ID).dim == 16
    assert "pytorch_model.bin" in fake_hub.downloads


@pytest.mark.parametrize(
    ("answer", "revision", "says"),
    [
        ("GatedRepo", None, "somebody/clip is gated: accept its terms on http.*somebody/clip, then log in"),
        ("RepoNotFound", None, "There is no repository somebody/clip on 127.0.0.1.*or it is private"),
        (None, "v9", "somebody/clip has no revision v9"),
    ],
)
def test_a_refusal_is_one_sentence_with_what_to_do(repository, fake_hub, answer, revision, says):
    if answer:
        fake_hub.repositories[ID] = answer
    with pytest.raises(HubError, match=says) as caught:
        Encoder.from_pretrained(ID, revision=revision)
    assert "\n" not in str(caught.value)


def test_a_repository_without_weights_of_the_format_names_the_other(repository, tiny_open_clip, fake_hub):
    fake_hub.repositories["somebody/open"] = tiny_open_clip
    with pytest.raises(CheckpointError, match="Perhaps hf-hub:somebody/open"):
        Encoder.from_pretrained("somebody/open")
    with pytest.raises(CheckpointError, match="write somebody/clip"):
        Encoder.from_pretrained(f"hf-hub:{ID}")


def test_no_hub_is_said_by_the_seat_that_needs_it_and_soon(no_hub, tiny_clip):
    encoders = EncoderSet([Seat("far", "Far", ID), Seat("near", "Near", str(tiny_clip))])
    started = time.monotonic()
    encoded = encoders.encode_texts(["a dog"])
    assert time.monotonic() - started < 30
    assert set(encoded.embeddings) == {"near"}
    said = encoded.errors["far"]
    assert said.startswith("127.0.0.1:9 could not be reached, and somebody/clip is not in the cache")
    assert "hf download somebody/clip" in said and "\n" not in said


def test_a_name_server_that_keeps_silent_is_not_waited_for(monkeypatch, no_hub):
    import socket

    def keep_silent(*_, **__):
        time.sleep(3)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", keep_silent)
    started = time.monotonic()
    assert not hub.is_reachable(timeout=0.3)
    assert time.monotonic() - started < 2
    assert not hub.is_reachable(timeout=0.3) and time.monotonic() - started < 2, "the answer is remembered"


def test_staying_offline_by_choice_is_told_apart(no_hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE keeps this process off the network" in hub.unreachable(hub.Repository(ID))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "SAFECLIP_HUB_SILENT"):
        monkeypatch.setenv(name, "")  # so that it is undone afterwards
        monkeypatch.delenv(name)
    hub.go_offline()
    assert hub.is_offline() and "could not be reached" in hub.unreachable(hub.Repository(ID))


@pytest.mark.parametrize(
    ("name", "repository", "open_clip"),
    [
        ("openai/clip-vit-large-patch14", True, False),
        ("openai/clip-vit-large-patch14@main", True, False),
        ("zoo/clip", False, False),
        ("zoo/nothing-yet", False, False),
        ("/models/clip", False, False),
        ("../clip", False, False),
        ("clip", False, False),
        ("a/b/c", False, False),
        ("hf-hub:laion/clip", False, True),
        ("ViT-L-14-quickgelu:openai", False, True),
        ("C:/models/clip", False, False),
    ],
)
def test_what_a_name_means(name, repository, open_clip):
    assert hub.is_repository(name) is repository
    assert hub.is_open_clip(name) is open_clip
    assert isinstance(hub.locate(name), str) is (repository or open_clip)


def test_a_revision_in_the_name_wins():
    assert hub.Repository.parse("a/b@v1", "v2") == hub.Repository("a/b", "v1")
    assert hub.Repository.parse("a/b", "v2") == hub.Repository("a/b", "v2")
    assert str(hub.Repository("a/b", "0123456789abcdef")) == "a/b@0123456789ab"
