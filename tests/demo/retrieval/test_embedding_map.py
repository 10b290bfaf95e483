"""The map of the embedding space: points, arrows, and the same in words."""

import math

import pytest

from demo.retrieval import embedding_map
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from tests.fakes.serving import context_of

BOTH = ("safe", "ours")


@pytest.fixture(scope="module")
def service(tiny_lab):
    return RetrievalService(context_of(tiny_lab))


def test_both_kinds_of_points_and_an_arrow_a_move(tiny_lab, service):
    state = service.answer(RetrievalRequest(text="a chef", seats=BOTH))
    canvas = embedding_map.Canvas(tiny_lab.retrieval.map.captions, tiny_lab.gallery)
    assert canvas.dots.count("h0") == 6 and canvas.dots.count("l3 3") == 6
    html = str(embedding_map.panel(state, canvas, service.seats))
    start, *ends = (canvas.place(state.positions[key]) for key in ("original", *BOTH))
    assert html.count('<line class="sc-arrow"') == sum(math.dist(start, end) >= 4 for end in ends) > 0
    still = service.answer(RetrievalRequest(text="a chef", seats=BOTH, towers="image"))
    html = str(embedding_map.panel(still, canvas, service.seats))
    assert "sc-arrow" not in html  # the query tower is the reference's
    assert "Safe-CLIP leaves the query where CLIP puts it." in html


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ((10, 10), "leaves the query where CLIP puts it"),
        ((11, 12), "barely moves"),
        ((50, 10), "towards the unsafe side"),
        ((-50, 90), "towards the safe side"),
        ((11, 90), "neither towards safe nor towards unsafe"),
    ],
)
def test_captions_name_what_is_drawn(service, end, said):
    assert said in embedding_map.describe((10, 10), {"safe": end}, service.seats["original"], service.seats)


@pytest.mark.parametrize(
    ("end", "unsafe", "said"),
    [
        ((-50, 10), (7, 0), "towards the safe side."),
        ((11, 12), (7, 0), "barely moves the query. It finds fewer unsafe ones all the same: the map draws two"),
        ((50, 10), (7, 2), "towards the unsafe side. It finds fewer unsafe ones all the same"),
        ((-50, 10), (2, 5), "towards the safe side. It finds more unsafe ones all the same"),
        ((-50, 10), (3, 3), "towards the safe side. As many unsafe hits, 3, come of it."),
        ((10, 10), (7, 2), "puts it. It finds fewer unsafe ones all the same, for the gallery was embedded by another"),
        ((50, 10), (0, 0), "towards the unsafe side."),
    ],
)
def test_captions_do_not_contradict_the_counts_of_the_headline(service, end, unsafe, said):
    counts = dict(zip(("original", "safe"), unsafe, strict=True))
    seats = service.seats
    words = embedding_map.describe((10, 10), {"safe": end}, seats["original"], seats, unsafe=counts)
    assert said in words and (words.endswith(said) or not said.endswith("."))


def test_positions_outside_the_gallerys_range_stay_on_the_edge(tiny_lab):
    canvas = embedding_map.Canvas(tiny_lab.retrieval.map.images, tiny_lab.gallery)
    for point in ((1e9, -1e9), (-1e9, 1e9)):
        x, y = canvas.place(point)
        assert 0 <= x <= 600 and 0 <= y <= 400
