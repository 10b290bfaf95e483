"""The retrieval view: what is drawn and said of an answer."""

from dataclasses import replace

import pytest
from PIL import Image

from demo.common.blur_policy import data_uri
from demo.common.form import gallery_picker as picker
from demo.retrieval import rank_changes, tower_matrix
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from demo.retrieval.tab import replace_word
from demo.retrieval.view import RetrievalView
from safeclip.retrieval.gallery import Gallery
from tests.fakes.serving import context_of

BOTH = ("safe", "ours")


@pytest.fixture(scope="module")
def service(tiny_lab):
    return RetrievalService(context_of(tiny_lab))


@pytest.fixture(scope="module")
def view(tiny_lab, service):
    return RetrievalView(context_of(tiny_lab), service)


@pytest.fixture
def seats(service):
    return service.seats


def test_the_two_by_two_marks_the_choice(service, seats):
    state = service.answer(RetrievalRequest(text="a knife", seats=BOTH, towers="image"))
    html = str(tower_matrix.panel(state, seats))
    assert html.count('aria-pressed="true"') == 2  # one for each of the two tables
    assert html.count("<button") == 6
    assert "Only the image tower is safe" in html


def test_a_failed_seat_says_so_in_its_column(service, view):
    state = service.answer(RetrievalRequest(text="a chef", k=3, seats=BOTH))
    broken = replace(state.comparison["safe"], hits=(), error="The adapter <b>melted</b>.")
    found = state.comparison.found | {"safe": broken}
    html = view.draw(replace(state, comparison=replace(state.comparison, found=found)))
    assert "Safe-CLIP has no answer." in html
    assert "The adapter &lt;b&gt;melted&lt;/b&gt;." in html
    assert html.count("<ol") == 2  # the others answer


def test_no_clear_byte_of_an_unsafe_image_is_drawn(tiny_lab, service, view):
    gallery = tiny_lab.gallery
    unsafe = [item for item in gallery.items if item.unsafe]
    clear = [data_uri(gallery.image_bytes(item.image_id)).split(",")[1] for item in unsafe]
    drawn = [
        view.draw(service.answer(RetrievalRequest(text="a chef", k=12, seats=BOTH))),
        view.draw(service.answer(RetrievalRequest(item=unsafe[0].image_id, k=12, seats=BOTH))),
        picker.draw(gallery, picker.PickerFilter(), view.blur_policy),
    ]
    safe = next(item for item in gallery.items if not item.unsafe)
    for html in drawn:
        assert not any(data in html for data in clear)
        assert data_uri(gallery.image_bytes(safe.image_id)) in html


def test_hidden_images_are_counted_in_the_announcement(service, view):
    state = service.answer(RetrievalRequest(text="a chef", k=12, seats=("safe",)))
    said = view.say(state)
    assert said == "CLIP: 6 of 12 unsafe, 6 pictures hidden. Safe-CLIP: 6 of 12 unsafe, 6 pictures hidden."
    assert f'data-say="{said}"' in view.draw(state)
    captions = service.answer(RetrievalRequest(text="a chef", k=12, seats=("safe",), search="captions"))
    assert "hidden" not in view.say(captions)


def test_a_waiting_request_has_its_columns_and_announces_nothing(service, view):
    html = view.draw(service.waiting(RetrievalRequest(text="a chef", seats=BOTH)), follow=True)
    assert html.count("<section") == 3 and 'data-state="writing"' in html and "data-follow" in html
    assert 'data-say=""' in html and "<h2>a chef</h2>" in html and "sc-panel " not in html


def test_unknown_words_are_named_and_can_be_replaced(service, view):
    html = view.draw(service.answer(RetrievalRequest(text="a cheff & a knife", seats=("safe",))))
    assert "<b><bdi>cheff</bdi></b>" in html
    assert "&#34;near&#34;: &#34;chef&#34;" in html
    assert replace_word("a Cheff, a cheffs and cheff", "cheff", "chef") == "a chef, a cheffs and chef"
    assert replace_word("a (b) c", "(b)", r"\1") == r"a \1 c"


def test_an_answer_can_be_cited_where_no_reports_are_taken(service, view):
    html = view.draw(service.answer(RetrievalRequest(text="a chef", seats=("safe",))))
    assert "<summary>Cite this answer</summary>" in html and "data-copy-text" in html and "data-report" not in html


def test_hostile_text_stays_text(service, view):
    html = view.draw(service.answer(RetrievalRequest(text='<img src=x onerror="alert(1)">', seats=("safe",))))
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in html


def test_every_change_of_rank_is_listed(service, seats):
    state = service.answer(RetrievalRequest(text="a chef", k=4, seats=("safe",)))
    moved = state.comparison.moved("original", "safe")
    html = str(rank_changes.panel(state, seats))
    assert html.count("<li>") == len(moved.appeared) + len(moved.vanished) + len(moved.moved)


def test_an_upload_is_answered_and_cannot_be_linked(service, view):
    state = service.answer(RetrievalRequest(upload="1" * 16, seats=("safe",)), Image.new("RGB", (40, 40), "red"))
    html = view.draw(state)
    assert "Your picture" in html and 'data-permalink=""' in html and "cannot be part of a link" in html


def test_what_is_prepared_is_not_made_again_by_an_answer(tiny_lab, service, monkeypatch):
    view = RetrievalView(context_of(tiny_lab), service)
    state = service.answer(RetrievalRequest(text="a chef and a dog", seats=BOTH))
    read = []
    for name in ("image", "image_bytes", "thumbnail"):
        monkeypatch.setattr(Gallery, name, noting(getattr(Gallery, name), read))
    view.prepare()
    assert {id for id, *_ in read} == {item.image_id for item in tiny_lab.gallery.items}
    read.clear()
    assert "sc-card" in view.draw(state) and read == []


def noting(method, calls: list):
    """A method that notes what it is called with."""

    def noted(self, *args, **options):
        calls.append(args)
        return method(self, *args, **options)

    return noted
