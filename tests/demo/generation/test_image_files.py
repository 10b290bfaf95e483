"""Stored images, and the metadata in their files: what goes in comes out, and nothing else."""

import base64
import contextlib
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import safeclip
from demo.common.blur_policy import LOCKED
from demo.common.request_codec import one_line
from demo.generation import png_metadata
from demo.generation.image_store import ImageStore
from demo.generation.request import GenerationRequest
from safeclip.errors import ImageError
from safeclip.generation.settings import MAX_PICTURES
from tests.fakes.painting import DEFAULT, PROMPT, decoded, picture, request_of, service_of


@pytest.fixture
def service(judged_lab):
    return service_of(judged_lab)


# --- the store


def test_a_flagged_image_is_sent_blurred_and_clear_on_request():
    store = ImageStore(locked=False)
    clear, flagged = (store.put(picture(), flagged=each, metadata={"seed": 1}) for each in (False, True))
    assert decoded(store.source(clear)).size == (32, 32)
    assert decoded(store.source(flagged)).size == (48, 48)
    for id in (clear, flagged):
        shown = store.reveal(id)
        assert shown["ok"] and np.array_equal(np.asarray(decoded(shown["src"])), np.asarray(picture()))
        assert store.download(id)["ok"]


def test_the_presenters_lock_holds_for_every_way_out():
    store = ImageStore(locked=True)
    clear, flagged = (store.put(picture(), flagged=each, metadata={}) for each in (False, True))
    refused = {"ok": False, "locked": True, "message": LOCKED}
    assert store.reveal(flagged) == store.reveal(clear) == refused
    assert store.download(flagged) == refused
    assert store.download(clear)["ok"] and decoded(store.source(flagged)).size == (48, 48)


def test_ids_are_unguessable_and_the_oldest_go():
    probe = ImageStore(locked=False)
    id = probe.put(picture(), flagged=False, metadata={})
    size = len(probe.source(id)) + len(png_metadata.write(picture(), {}))
    store = ImageStore(locked=False, capacity=round(2.5 * size))
    first, second, third = (store.put(picture(i), flagged=False, metadata={}) for i in range(3))
    assert len({first, second, third}) == 3 and min(map(len, (first, second, third))) == 32
    assert store.source(first) == "" and "not kept" in store.reveal(first)["message"]
    assert store.source(second)
    store.put(picture(), flagged=False, metadata={})  # the third is now the one that nobody looked at
    assert store.source(second) and not store.source(third)


@pytest.mark.parametrize("id", [None, 7, [], {}, "", "0" * 32, "../etc/passwd", math.nan, b"x"])
def test_an_unknown_id_of_any_type_is_not_ok(id):
    store = ImageStore(locked=False)
    store.put(picture(), flagged=False, metadata={})
    assert store.reveal(id)["ok"] is False and store.download(id)["ok"] is False
    assert store.reveal(id) is not store.reveal(id)  # altering an answer alters no other


def test_a_large_image_is_sent_smaller_than_it_is_stored():
    store = ImageStore(locked=False)
    id = store.put(picture(size=512), flagged=False, metadata={})
    assert len(store.source(id)) < len(store.download(id)["src"])


# --- metadata in a PNG


def test_a_download_says_how_it_was_made(service, judged_lab):
    *_, last = service.states(request_of(pictures=2, seed=5, negative="a spoon", seats=("safe", "ours")))
    got = service.store.download(last.ids["safe"][1])
    assert got["name"] == "safeclip-safe-6.png"
    file = base64.b64decode(got["src"].removeprefix("data:image/png;base64,"))
    settings = png_metadata.read(file)
    assert settings == {
        "prompt": PROMPT,
        "negative_prompt": "a spoon",
        "seed": 6,
        "steps": 4,
        "guidance": 3.0,
        "width": 32,
        "height": 32,
        "seat": {"key": "safe", "label": "Safe-CLIP"},
        "blend": None,
        "profile": "tiny",
        "models": judged_lab.generation.fingerprint,
        "fingerprint": service.fingerprint,
        "scores": [{"judge": "stand-in", "version": "1", "threshold": 0.5, "value": 0.25}],
        "notes": [],
        "library": f"safeclip {safeclip.__version__}",
        "permalink": settings["permalink"],
    }
    assert GenerationRequest.from_saved(settings, DEFAULT) == last.request
    with Image.open(io.BytesIO(file)) as image:
        assert np.array_equal(np.asarray(image), np.asarray(last.comparison["safe"].pictures[1]))
        lines = image.info["parameters"].split("\n")
    assert lines[:2] == [PROMPT, "Negative prompt: a spoon"]
    assert lines[2].startswith("Steps: 4, CFG scale: 3.0, Seed: 6, Size: 32x32, Model hash: ")


def test_a_place_on_the_dial_is_in_the_file(service):
    *_, last = service.states(request_of(dial="safe"))
    got = service.store.download(last.ids["0.25"][0])
    settings = png_metadata.read(base64.b64decode(got["src"].partition(",")[2]))
    assert (settings["blend"], settings["seat"]["key"], got["name"]) == (0.25, "safe", "safeclip-safe-0.25-0.png")
    assert GenerationRequest.from_saved(settings, DEFAULT) == last.request


def test_files_of_other_tools_are_read():
    info = PngInfo()
    text = "a dog, with a kite\nNegative prompt: a cat,\nblurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 9"
    info.add_text("parameters", f"{text}, Size: 512x768, Model: sd")
    buffer = io.BytesIO()
    picture().save(buffer, "PNG", pnginfo=info)
    settings = png_metadata.read(buffer.getvalue())
    assert settings == {
        "prompt": "a dog, with a kite",
        "negative_prompt": "a cat, blurry",
        "steps": 20,
        "guidance": 7.0,
        "seed": 9,
        "width": 512,
        "height": 768,
    }
    request = GenerationRequest.from_saved(settings, DEFAULT)
    assert request == GenerationRequest(
        "a dog, with a kite", "a cat, blurry", ("safe",), seed=9, steps=20, guidance=7.0
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["prompt", "negative_prompt", "seed", "steps", "guidance", "permalink", "seat", "models"])


@given(st.dictionaries(names, json_values | st.text(st.characters(codec="utf-8")), min_size=1))
def test_any_metadata_survives_the_file_and_becomes_a_request_or_none(settings):
    settings = json.loads(json.dumps(settings).encode("utf-8", "replace"))
    settings = json.loads(json.dumps(settings, ensure_ascii=False).encode("utf-8", "replace"))
    assert png_metadata.read(png_metadata.write(picture(), settings)) == settings
    request = GenerationRequest.from_saved(settings, DEFAULT)
    assert request is None or (
        not request.empty and 1 <= request.pictures <= MAX_PICTURES and 1 <= request.guidance <= 20
    )


@given(st.text(st.characters(exclude_characters="\x00"), max_size=200))
def test_any_parameters_are_read(text):
    info = PngInfo()
    info.add_itxt("parameters", one_line(text).replace("?", "\n"))
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", pnginfo=info)
    with contextlib.suppress(ImageError):
        assert png_metadata.read(buffer.getvalue())["prompt"]


def chunk(key: str, text: str) -> bytes:
    info = PngInfo()
    info.add_text(key, text)
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"not a picture",
        chunk("safeclip", "[" * 60_000),
        chunk("safeclip", "[1]"),
        chunk("safeclip", '{"seed": NaN}'),
        chunk("safeclip", '{"seed": ' + "9" * 5000 + "}"),
        chunk("Comment", "a dog"),
        chunk("parameters", " "),
        chunk("safeclip", '{"prompt": "a dog"}')[:60],
    ],
)
def test_a_file_without_metadata_is_an_error(file):
    with pytest.raises(ImageError):
        png_metadata.read(file)


def test_no_other_metadata_travels():
    image = picture()
    image.info |= {"comment": "where I live", "icc_profile": b"x" * 200}
    with Image.open(io.BytesIO(png_metadata.write(image, {"prompt": "a dog"}))) as found:
        assert set(found.info) == {"safeclip", "parameters"}
