"""Fetching from a hub on this machine, through the real client: what is fetched and kept, what each refusal says."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import CheckpointError, HubError
from safeclip.profiles import Seat
from tests.fakes.hub import NO_HUB, SHA

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


def test_files_in_half_precision_are_fetched_for_a_seat_that_computes_in_it(repository, fake_hub, tiny_clip):
    """Those of a whole copy in the cache serve on, whichever they are."""
    halves = {name: each.half() for name, each in load_file(tiny_clip / "model.safetensors").items()}
    save_file(halves, repository / "model.fp16.safetensors", {"format": "pt"})
    single = EncoderSet([Seat("single", "Single", ID)])["single"]
    assert "model.fp16.safetensors" not in fake_hub.downloads
    halved = Seat("half", "Half", ID, dtype="bfloat16")
    assert EncoderSet([halved])["half"].fingerprint == single.fingerprint
    shutil.rmtree(fake_hub.cache)
    fake_hub.downloads.clear()
    encoder = EncoderSet([halved], device="cpu")["half"]
    assert "model.fp16.safetensors" in fake_hub.downloads and "model.safetensors" not in fake_hub.downloads
    assert encoder.fingerprint != single.fingerprint and encoder.dtype == torch.bfloat16
    theirs = halves["text_projection.weight"].to(torch.bfloat16)
    assert torch.equal(encoder.model.text_projection.weight, theirs)


def test_cached_files_are_used_without_a_hub(repository, fake_hub, monkeypatch):
    before = Encoder.from_pretrained(ID)
    fake_hub.downloads.clear()
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    assert Encoder.from_pretrained(ID).fingerprint == before.fingerprint
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert Encoder.from_pretrained(ID).fingerprint == before.fingerprint
    assert fake_hub.downloads == []


@pytest.mark.parametrize("pin", [{"revision": "main"}, {}, {"revision": SHA}])
def test_revisions(repository, pin):
    assert Encoder.from_pretrained(ID, **pin).dim == 16


def test_archives_are_fetched_only_where_there_is_nothing_better(repository, fake_hub, tiny_clip):
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


def test_no_hub_is_reported_by_the_seat_that_needs_it(no_hub, tiny_clip):
    encoders = EncoderSet([Seat("far", "Far", ID), Seat("near", "Near", str(tiny_clip))])
    encoded = encoders.encode_texts(["a dog"])
    assert set(encoded.embeddings) == {"near"}
    said = encoded.errors["far"]
    assert said.startswith("127.0.0.1:9 could not be reached, and somebody/clip is not in the cache")
    assert "hf download somebody/clip" in said and "\n" not in said
    with pytest.raises(HubError, match="hf download somebody/clip --revision v1$"):
        Encoder.from_pretrained(ID, revision="v1")


def test_a_file_that_is_missing_offline_is_not_blamed_on_the_repository(repository, fake_hub, monkeypatch):
    Encoder.from_pretrained(ID)
    snapshot = fake_hub.cache / f"models--{ID.replace('/', '--')}" / "snapshots" / SHA
    (snapshot / "model.safetensors").unlink()
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    with pytest.raises(HubError) as caught:
        Encoder.from_pretrained(ID)
    said = str(caught.value)
    assert said.startswith("127.0.0.1:9 could not be reached, and the copy of somebody/clip in the cache of models")
    assert "is incomplete: model.safetensors is missing." in said and "hf download somebody/clip" in said
    assert "no weights in the format" not in said
