import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest

from safeclip.encoders import Encoder, encoder_set, formats
from safeclip.encoders.blending import blend
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import CheckpointError, DeviceError, QueryError
from safeclip.profiles import Seat, load_profile

TEXTS = ["a chef holding a knife", "a dog on the beach"]


@pytest.fixture
def seats(tiny_profile):
    return load_profile(tiny_profile).seats


@pytest.fixture
def calls(monkeypatch):
    """Counts of what the encoders are asked to do."""
    counts = dict.fromkeys(("tokenize", "pixels", "embed_tokens", "embed_pixels", "from_pretrained"), 0)

    def count(name, original):
        def counted(*args, **kwargs):
            counts[name] += 1
            return original(*args, **kwargs)

        return counted

    for name in counts:
        original = getattr(Encoder, name)  # bound to the class where it is a class method
        wrapped = count(name, original)
        monkeypatch.setattr(Encoder, name, staticmethod(wrapped) if name == "from_pretrained" else wrapped)
    return counts


@pytest.fixture
def images(tiny_lab):
    return [tiny_lab.gallery.image(item.image_id) for item in tiny_lab.gallery.items[:3]]


def test_a_set_is_ordered_and_its_first_seat_is_the_reference(seats):
    encoders = EncoderSet(seats)
    assert list(encoders) == ["original", "safe", "ours"]
    assert len(encoders) == 3
    assert encoders.reference == "original"
    assert encoders.seats["safe"].label == "Safe-CLIP"
    assert "nobody" not in encoders


def test_three_seats_share_one_tokenisation_and_one_preprocessing(seats, calls, images):
    encoders = EncoderSet(seats)
    encoders.encode_texts(TEXTS)
    assert (calls["tokenize"], calls["embed_tokens"]) == (1, 3)
    encoders.encode_images(images)
    assert (calls["pixels"], calls["embed_pixels"]) == (1, 3)


def test_seats_with_another_preprocessing_do_their_own(seats, calls, images, tiny_clip, tmp_path):
    other = shutil.copytree(tiny_clip, tmp_path / "other")
    settings = json.loads((other / "preprocessor_config.json").read_text())
    (other / "preprocessor_config.json").write_text(json.dumps(settings | {"image_mean": [0.5, 0.5, 0.5]}))
    odd = Seat("odd", "Odd", str(other))
    encoders = EncoderSet([*seats, odd])
    encoded = encoders.encode_images(images)
    assert (calls["pixels"], calls["embed_pixels"]) == (2, 4)
    np.testing.assert_array_equal(encoded.embeddings["odd"], Encoder.from_pretrained(other).encode_images(images))
    encoders.encode_texts(TEXTS)
    assert calls["tokenize"] == 1


def test_every_seat_embeds_as_it_would_alone(seats, images):
    encoders = EncoderSet(seats)
    texts, pictures = encoders.encode_texts(TEXTS), encoders.encode_images(images)
    assert texts.errors == pictures.errors == {}
    for seat in seats:
        alone = Encoder.from_pretrained(seat.checkpoint, seat.adapter)
        np.testing.assert_allclose(texts.embeddings[seat.key], alone.encode_texts(TEXTS), atol=1e-6)
        np.testing.assert_allclose(pictures.embeddings[seat.key], alone.encode_images(images), atol=1e-6)


def test_an_unknown_seat_is_refused_before_anything_is_loaded(seats, calls, images):
    encoders = EncoderSet(seats)
    for encode, inputs in ((encoders.encode_texts, TEXTS), (encoders.encode_images, images)):
        with pytest.raises(QueryError, match="no seat “nobody” in this profile. Its seats are original, "):
            encode(inputs, ["original", "nobody"])
        with pytest.raises(QueryError, match="Give the seats as a list"):
            encode(inputs, "original")
    assert not encoders.is_loaded("original")


def test_nothing_is_loaded_before_it_is_asked_for_and_nothing_twice(seats, calls):
    encoders = EncoderSet(seats)
    assert calls["from_pretrained"] == 0
    encoders.encode_texts(TEXTS, ["safe"])
    assert calls["from_pretrained"] == 1
    assert encoders["safe"] is encoders["safe"]
    assert calls["from_pretrained"] == 1


def test_threads_load_an_encoder_once(seats, calls):
    encoders = EncoderSet(seats)
    threads = [threading.Thread(target=encoders.encode_texts, args=(TEXTS,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls["from_pretrained"] == 3


def test_a_device_is_known_without_loading(seats, calls):
    placed = [replace(seats[0], device="cuda"), *seats[1:]]
    assert EncoderSet(placed).device_of(seats[0].key).type == "cuda"
    assert EncoderSet(placed, device="cpu").device_of(seats[0].key).type == "cpu"
    with pytest.raises(DeviceError, match="“toaster” is no device"):
        EncoderSet(seats, device="toaster").device_of(seats[0].key)


def test_a_seat_fails_alone(seats, tmp_path):
    broken = Seat("broken", "Broken", str(tmp_path / "nowhere"))
    encoders = EncoderSet([broken, *seats])
    encoded = encoders.encode_texts(TEXTS)
    assert set(encoded.embeddings) == {"original", "safe", "ours"}
    assert list(encoded.errors) == ["broken"]
    assert "nowhere: there is no such checkpoint" in encoded.errors["broken"]
    for _ in range(2):
        with pytest.raises(CheckpointError, match="nowhere"):
            encoders["broken"]


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("config.json", lambda content: [], "config.json: this is not a configuration, which is a JSON object"),
        (
            "preprocessor_config.json",
            lambda content: content | {"crop_size": {"height": 16, "width": 16}},
            "it makes images of 16 × 16 px; the image tower reads 32 × 32",
        ),
    ],
)
def test_a_seat_with_unfit_settings_fails_alone(seats, images, tiny_clip, tmp_path, name, damage, says):
    other = shutil.copytree(tiny_clip, tmp_path / "other")
    (other / name).write_text(json.dumps(damage(json.loads((other / name).read_text()))))
    encoded = EncoderSet([seats[0], Seat("odd", "Odd", str(other))]).encode_images(images)
    assert set(encoded.embeddings) == {"original"} and says in encoded.errors["odd"]


def test_what_a_library_raises_while_it_loads_befalls_one_seat(seats, monkeypatch):
    def fail(source, dtype, read=formats.read):
        if source.adapter is not None:
            raise AttributeError("'int' object has no attribute 'items'")
        return read(source, dtype)

    monkeypatch.setattr(formats, "read", fail)
    encoded = EncoderSet(seats[:2]).encode_texts(TEXTS)
    assert set(encoded.embeddings) == {"original"}
    assert encoded.errors["safe"].endswith("the encoder cannot be loaded: 'int' object has no attribute 'items'")


def test_a_load_that_failed_is_tried_again_after_a_while(seats, calls, tiny_clip, tmp_path, monkeypatch):
    late = Seat("late", "Late", str(tmp_path / "late"))
    encoders = EncoderSet([seats[0], late])
    assert encoders.encode_texts(TEXTS, ["late"]).errors
    shutil.copytree(tiny_clip, late.checkpoint)
    assert encoders.encode_texts(TEXTS, ["late"]).errors and calls["from_pretrained"] == 1
    monkeypatch.setattr(encoder_set, "RETRY_SECONDS", 0.0)
    assert set(encoders.encode_texts(TEXTS, ["late"]).embeddings) == {"late"}


def test_a_lost_device_is_reported_by_its_seat(seats, monkeypatch):
    def fail(**_):
        raise RuntimeError("CUDA error: unspecified launch failure\nmore")

    encoders = EncoderSet(seats)
    monkeypatch.setattr(encoders["safe"].model, "get_text_features", fail)
    encoded = encoders.encode_texts(TEXTS)
    assert encoded.errors == {"safe": "Safe-CLIP could not encode the query: CUDA error: unspecified launch failure"}
    assert set(encoded.embeddings) == {"original", "ours"}


def test_a_cut_text_is_reported_once(seats):
    encoded = EncoderSet(seats).encode_texts(["a dog", "a chef holding a knife in the kitchen " * 9])
    (note,) = encoded.notes
    assert "longer than the 32 tokens" in note
    assert "holding a knife in" in note
    assert EncoderSet(seats).encode_texts(["a dog"]).notes == ()


def test_a_blend_goes_from_one_encoder_to_the_other(seats):
    encoders = EncoderSet(seats)
    a, b = encoders["original"], encoders["safe"]
    np.testing.assert_allclose(blend(a, b, 0).encode_texts(TEXTS), a.encode_texts(TEXTS), atol=1e-6)
    np.testing.assert_allclose(blend(a, b, 1).encode_texts(TEXTS), b.encode_texts(TEXTS), atol=1e-6)


def test_a_blend_has_the_weighted_mean_of_every_weight(seats):
    encoders = EncoderSet(seats)
    a, b = encoders["original"], encoders["safe"]
    before = {name: tensor.clone() for name, tensor in a.model.state_dict().items()}
    mixed = blend(a, b, 0.25)
    for name, tensor in mixed.model.state_dict().items():
        expected = 0.75 * before[name].double() + 0.25 * b.model.state_dict()[name].double()
        np.testing.assert_allclose(tensor.double(), expected, atol=1e-6)
        assert (a.model.state_dict()[name] == before[name]).all(), "the blend must not touch its ends"
    assert len({a.fingerprint, b.fingerprint, mixed.fingerprint, blend(a, b, 0.5).fingerprint}) == 4


def test_encoders_that_cannot_be_blended_are_reported(seats, tiny_clip, tmp_path):
    encoders = EncoderSet(seats)
    for t in (-0.1, 1.1, float("nan"), "x", None):
        with pytest.raises(QueryError, match="The t of a blend must be a number from 0 to 1, not"):
            blend(encoders["original"], encoders["safe"], t)
    other = shutil.copytree(tiny_clip, tmp_path / "other")
    settings = json.loads((other / "preprocessor_config.json").read_text())
    (other / "preprocessor_config.json").write_text(json.dumps(settings | {"do_normalize": False}))
    with pytest.raises(CheckpointError, match="can be blended"):
        blend(encoders["original"], Encoder.from_pretrained(other), 0.5)
