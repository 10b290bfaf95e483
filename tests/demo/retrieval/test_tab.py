"""The retrieval tab: controls become requests, and requests become controls."""

import pytest
from PIL import Image

from demo.common.form.subject_form import GALLERY, UPLOAD, WORDS
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.task import RETRIEVAL
from safeclip.errors import ImageError
from safeclip.index_making import IndexMaking, MakingStep
from tests.fakes.serving import tab_of


@pytest.fixture(scope="module")
def tab(tiny_lab):
    return tab_of(RETRIEVAL, tiny_lab)


def values(**more) -> dict:
    options = {"search": "captions", "k": 5.0, "towers": "text", "seats": ["ours"]}
    return {"mode": WORDS, "text": "a dog", "upload": None, "item": "0" * 16, **options, **more}


def test_the_mode_chooses_the_query(tab, tmp_path):
    request, image = tab.read(values())
    assert tab.service.checked(request) == RetrievalRequest("a dog", "", "", "captions", 5, "text", ("ours",))
    assert image is None and tab.read(values(mode=GALLERY))[0].item == "0" * 16
    path = tmp_path / "mine.png"
    Image.new("RGB", (8, 6), "blue").save(path)
    request, image = tab.read(values(mode=UPLOAD, upload={"path": str(path)}))
    assert request.upload and not request.text and image.size == (8, 6)
    path.write_text("no picture")
    with pytest.raises(ImageError, match="not a picture"):
        tab.read(values(mode=UPLOAD, upload={"path": str(path)}))


def test_whatever_a_browser_sends_is_answered(tab):
    for odd in (None, [], {}, "x", 10**400, {"path": 3}):
        request, _ = tab.read(values(mode=odd, k=odd, seats=odd, towers=odd, search=odd, text=odd))
        assert tab.service.answer(request).error


def test_a_request_sets_the_controls(tab):
    updates = tab.updates(RetrievalRequest(text="a cat", k=40, seats=("nobody", "safe")))
    shown = {name: updates.get(component) for name, component in tab.controls.items()}
    assert (shown["mode"], shown["text"], shown["seats"]) == (WORDS, "a cat", ["safe"])
    assert shown["k"]["value"] == 40 and shown["k"]["maximum"] == 40  # a link may ask for more than the slider offers
    assert tab.controls["upload"] not in updates
    updates = tab.updates(RetrievalRequest(item="0" * 16))
    assert updates[tab.controls["mode"]] == GALLERY and updates[tab.form.boxes[GALLERY]]["visible"]
    assert "sc-tile" in updates[tab.form.picker] and tab.controls["text"] not in updates


def test_a_page_that_is_built_too_early_has_its_first_answer_when_it_is_loaded(tiny_lab):
    making = IndexMaking(tiny_lab, lambda lab, report: None)
    making.step = MakingStep("loading the models")
    tab = tab_of(RETRIEVAL, tiny_lab, making)
    assert "sc-intro" in tab.output.value and tab.unlinked() == {}
    making.step = MakingStep("embedding images", 9, 100, searchable=9)
    shown = tab.unlinked()[tab.output]
    assert "top 8 of 9 images" in shown and shown.count("<section") >= 3
