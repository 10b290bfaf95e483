"""The self-test: every part tried and measured, a fault said where it is."""

import dataclasses
import json

import numpy as np

import safeclip
from safeclip.preflight.selftest import doubts, selftest
from safeclip.profiles import Seat


def test_every_part_is_tried_and_one_fault_does_not_hide_the_others(tiny_lab, tmp_path):
    broken = Seat("broken", "Broken", str(tmp_path / "nowhere"))
    lab = safeclip.open(dataclasses.replace(tiny_lab.profile, seats=(*tiny_lab.profile.seats, broken)))
    result = json.loads(json.dumps(selftest(lab)))
    assert not result["ok"] and result["profile"] == "tiny" and result["libraries"]["torch"]
    parts = result["parts"]
    assert list(parts) == [*(f"seat {key}" for key in lab.encoders), "retrieval", "faiss on the GPU"]
    assert "there is no such checkpoint" in parts["seat broken"]["problems"][0]
    assert parts["seat safe"]["ok"] and parts["seat safe"]["width"] == 16 and parts["seat safe"]["peak_gb"]
    assert "broken" in parts["retrieval"]["problems"][0] and len(parts["retrieval"]["answers"]) == 2


def test_weights_are_compared_with_the_hubs_hashes(tiny_lab, tiny_clip, no_hub):
    snapshot = no_hub.add("somebody/clip", tiny_clip)
    seat = Seat("far", "Far", "somebody/clip")
    profile = dataclasses.replace(tiny_lab.profile, seats=(seat,), retrieval=None)
    assert selftest(safeclip.open(profile))["parts"]["files of the hub"]["ok"]
    blob = (snapshot / "model.safetensors").resolve()
    content = bytearray(blob.read_bytes())
    content[-2] ^= 1  # a number of the last tensor, and no byte less
    blob.write_bytes(content)
    parts = selftest(safeclip.open(profile))["parts"]
    assert parts["seat far"]["ok"] and parts["files of the hub"]["problems"] == [
        "somebody/clip: model.safetensors is not what the hub has. Delete it from the cache of models, and fetch it."
    ]


def test_statistics_tell_a_collapsed_projection_and_odd_pixels(tiny_lab):
    encoder = tiny_lab.encoders["original"]
    assert doubts(encoder) == []
    (collapsed,) = doubts(Changed(encoder, encode_texts=lambda texts: np.full((2, 16), 0.25, np.float32)))
    assert "embeds two different texts alike" in collapsed
    (long,) = doubts(Changed(encoder, encode_images=lambda images: 3 * encoder.encode_images(images)))
    assert "lengths [3.0, 3.0] instead of 1" in long
    (raw,) = doubts(Changed(encoder, pixels=lambda images: 100 * encoder.pixels(images)))
    assert "image_mean" in raw


class Changed:
    """An encoder with some of its methods exchanged."""

    def __init__(self, encoder, **changes) -> None:
        self._encoder, self._changes = encoder, changes

    def __getattr__(self, name: str):
        return self._changes[name] if name in self._changes else getattr(self._encoder, name)
