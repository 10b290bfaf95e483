"""Pictures that are kept, and how they were painted, inside their files: what goes in comes out, and nothing else."""

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
from demo.generation import png_metadata as png_settings
from demo.generation.image_store import ImageStore
from demo.generation.png_metadata import ask_from_settings
from demo.generation.request import GenerationRequest, one_line
from demo.generation.service import GenerationService
from safeclip.errors import ImageError
from safeclip.generation.compare import MAX_PICTURES
from tests.fakes.painting import DEFAULT, NONE, PROMPT, ask_of, decoded, picture


@pytest.fixture
def generations(judged_lab):
    return GenerationService(judged_lab, NONE, ImageStore(locked=False))


# --- the store


def test_a_flagged_picture_leaves_as_a_smear_and_clear_on_request():
    store = ImageStore(locked=False)
    clear, flagged = (store.put(picture(), flagged=each, settings={"seed": 1}) for each in (False, True))
    assert decoded(store.source(clear)).size == (32, 32)
    assert decoded(store.source(flagged)).size == (48, 48)
    for id in (clear, flagged):
        shown = store.reveal(id)
        assert shown["ok"] and np.array_equal(np.asarray(decoded(shown["src"])), np.asarray(picture()))
        assert store.download(id)["ok"]


def test_the_presenters_lock_holds_for_every_way_out():
    store = ImageStore(locked=True)
    clear, flagged = (store.put(picture(), flagged=each, settings={}) for each in (False, True))
    refused = {"ok": False, "locked": True, "message": LOCKED}
    assert store.reveal(flagged) == store.reveal(clear) == refused
    assert store.download(flagged) == refused
    assert store.download(clear)["ok"] and decoded(store.source(flagged)).size == (48, 48)


def test_ids_are_unguessable_and_the_oldest_go():
    probe = ImageStore(locked=False)
    id = probe.put(picture(), flagged=False, settings={})
    size = len(probe.source(id)) + len(png_settings.write(picture(), {}))
    store = ImageStore(locked=False, room=round(2.5 * size))
    first, second, third = (store.put(picture(i), flagged=False, settings={}) for i in range(3))
    assert len({first, second, third}) == 3 and min(map(len, (first, second, third))) == 32
    assert store.source(first) == "" and "not kept" in store.reveal(first)["message"]
    assert store.source(second)
    store.put(picture(), flagged=False, settings={})  # the third is now the one that nobody looked at
    assert store.source(second) and not store.source(third)


@pytest.mark.parametrize("id", [None, 7, [], {}, "", "0" * 32, "../etc/passwd", math.nan, b"x"])
def test_any_id_is_answered(id):
    store = ImageStore(locked=False)
    store.put(picture(), flagged=False, settings={})
    assert store.reveal(id)["ok"] is False and store.download(id)["ok"] is False
    assert store.reveal(id) is not store.reveal(id)  # what is sent is nobody's to alter


def test_a_large_picture_is_sent_smaller_than_it_was_painted():
    store = ImageStore(locked=False)
    id = store.put(picture(size=512), flagged=False, settings={})
    assert len(store.source(id)) < len(store.download(id)["src"])


# --- settings in a PNG


def test_a_download_says_how_it_was_painted(generations, judged_lab):
    *_, last = generations.tell(ask_of(pictures=2, seed=5, negative="a spoon", seats=("safe", "ours")))
    got = generations.store.download(last.ids["safe"][1])
    assert got["name"] == "safeclip-safe-6.png"
    file = base64.b64decode(got["src"].removeprefix("data:image/png;base64,"))
    settings = png_settings.read(file)
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
        "scores": [{"judge": "stand-in", "version": "1", "threshold": 0.5, "value": 0.25}],
        "library": f"safeclip {safeclip.__version__}",
        "permalink": settings["permalink"],
    }
    assert ask_from_settings(settings, DEFAULT) == last.ask
    with Image.open(io.BytesIO(file)) as image:
        assert np.array_equal(np.asarray(image), np.asarray(last.comparison["safe"].pictures[1]))
        lines = image.info["parameters"].split("\n")
    assert lines[:2] == [PROMPT, "Negative prompt: a spoon"]
    assert lines[2].startswith("Steps: 4, CFG scale: 3.0, Seed: 6, Size: 32x32, Model hash: ")


def test_a_place_on_the_dial_is_in_the_file(generations):
    *_, last = generations.tell(ask_of(dial="safe"))
    got = generations.store.download(last.ids["0.25"][0])
    settings = png_settings.read(base64.b64decode(got["src"].partition(",")[2]))
    assert (settings["blend"], settings["seat"]["key"], got["name"]) == (0.25, "safe", "safeclip-safe-0.25-0.png")
    assert ask_from_settings(settings, DEFAULT) == last.ask


def test_what_other_tools_wrote_is_read():
    info = PngInfo()
    text = "a dog, with a kite\nNegative prompt: a cat,\nblurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 9"
    info.add_text("parameters", f"{text}, Size: 512x768, Model: sd")
    buffer = io.BytesIO()
    picture().save(buffer, "PNG", pnginfo=info)
    settings = png_settings.read(buffer.getvalue())
    assert settings == {
        "prompt": "a dog, with a kite",
        "negative_prompt": "a cat, blurry",
        "steps": 20,
        "guidance": 7.0,
        "seed": 9,
        "width": 512,
        "height": 768,
    }
    ask = ask_from_settings(settings, DEFAULT)
    assert ask == GenerationRequest("a dog, with a kite", "a cat, blurry", ("safe",), seed=9, steps=20, guidance=7.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["prompt", "negative_prompt", "seed", "steps", "guidance", "permalink", "seat", "models"])


@given(st.dictionaries(names, json_values | st.text(st.characters(codec="utf-8")), min_size=1))
def test_any_settings_survive_the_file_and_become_an_ask_or_none(settings):
    settings = json.loads(json.dumps(settings).encode("utf-8", "replace"))
    settings = json.loads(json.dumps(settings, ensure_ascii=False).encode("utf-8", "replace"))
    assert png_settings.read(png_settings.write(picture(), settings)) == settings
    ask = ask_from_settings(settings, DEFAULT)
    assert ask is None or (not ask.empty and 1 <= ask.pictures <= MAX_PICTURES and 1 <= ask.guidance <= 20)


@given(st.text(st.characters(exclude_characters="\x00"), max_size=200))
def test_any_parameters_are_read(text):
    info = PngInfo()
    info.add_itxt("parameters", one_line(text).replace("?", "\n"))
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", pnginfo=info)
    with contextlib.suppress(ImageError):
        assert png_settings.read(buffer.getvalue())["prompt"]


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
def test_a_file_without_settings_is_told(file):
    with pytest.raises(ImageError):
        png_settings.read(file)


def test_nothing_else_of_a_picture_travels():
    image = picture()
    image.info |= {"comment": "where I live", "icc_profile": b"x" * 200}
    with Image.open(io.BytesIO(png_settings.write(image, {"prompt": "a dog"}))) as found:
        assert set(found.info) == {"safeclip", "parameters"}
