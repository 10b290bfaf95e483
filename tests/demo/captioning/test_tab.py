"""The captioning tab: controls become requests, with a gallery and without one."""

from dataclasses import replace

import pytest
from PIL import Image

import safeclip
from demo.captioning.request import CaptioningRequest
from demo.captioning.task import CAPTIONING
from demo.common.form.subject_form import GALLERY, UPLOAD
from safeclip.errors import ImageError
from tests.fakes.serving import tab_of

OPTIONS = {"seats": ["safe"], "max_new_tokens": 32, "temperature": 0.5, "top_p": 0.9, "seed": 3}


@pytest.fixture(scope="module")
def tab(talking_lab):
    return tab_of(CAPTIONING, talking_lab)


def values(**more) -> dict:
    return {"mode": GALLERY, "upload": None, "item": "0" * 16, "question": "Who?", **OPTIONS, **more}


def test_the_controls_become_a_question(tab, tmp_path):
    request, image = tab.read(values())
    expected = CaptioningRequest("", "0" * 16, "Who?", ("safe",), 32, 0.5, 0.9, 3)
    assert tab.service.checked(request) == expected and image is None
    path = tmp_path / "mine.png"
    Image.new("RGB", (8, 6), "blue").save(path)
    request, image = tab.read(values(mode=UPLOAD, upload={"path": str(path)}, question=""))
    assert request.upload and not request.item and image.size == (8, 6)
    assert tab.read(values(mode=UPLOAD))[0].empty
    path.write_text("no picture")
    with pytest.raises(ImageError, match="not a picture"):
        tab.read(values(mode=UPLOAD, upload={"path": str(path)}))


def test_whatever_a_browser_sends_is_answered(tab):
    for odd in (None, [], {}, 10**400, {"path": 3}):
        request, _ = tab.read(dict.fromkeys(values(), odd))
        assert tab.service.answer(request).error


def test_a_request_sets_the_controls(tab):
    request = CaptioningRequest(item="1" * 16, question="Why?", seats=("ours", "nobody"), seed=7)
    updates = tab.updates(request)
    shown = {name: updates.get(component) for name, component in tab.controls.items()}
    assert (shown["mode"], shown["item"], shown["question"]) == (GALLERY, "1" * 16, "Why?")
    assert (shown["seats"], shown["seed"]) == (["ours"], 7)
    assert tab.controls["upload"] not in updates


def test_without_a_gallery_there_is_the_upload_alone(talking_lab):
    tab = tab_of(CAPTIONING, safeclip.open(replace(talking_lab.profile, retrieval=None)))
    assert list(tab.form.modes) == [UPLOAD] and not tab.form.mode.visible
    assert tab.form.boxes[UPLOAD].visible and not tab.form.boxes[GALLERY].visible
    assert tab.examples == () and tab.chips.value == ""
    assert "will say what they see" in tab.output.value
