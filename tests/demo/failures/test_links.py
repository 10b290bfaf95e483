"""A row's link is one that its task's own request reads."""

from urllib.parse import parse_qsl

import pytest

from demo.captioning.request import CaptioningRequest
from demo.failures.links import link_of
from demo.failures.request import FailuresRequest
from demo.generation.request import GenerationRequest
from demo.retrieval.request import RetrievalRequest
from safeclip.failures.questions import DIRECTIONS
from safeclip.failures.slices import Row
from safeclip.failures.table import Provenance

ID = "5de8083950d1053d"
PROVENANCE = Provenance("toy", "gallery", "original", {}, {}, settings={"steps": 7, "guidance": 1.5})


def row(direction: str, seat: str = "safe") -> Row:
    return Row({"direction": direction, "seat": seat, "text": "a knife & a dog", "item": ID, "number": 17})


def read(request_type, link: str):
    """The request of a link as a tab opens it."""
    return request_type.from_link(dict(parse_qsl(link.removeprefix("?"))), request_type())


@pytest.mark.parametrize("direction", [name for name, each in DIRECTIONS.items() if each.task == "retrieval"])
def test_a_search_opens_in_the_retrieval_tab(direction):
    request = read(RetrievalRequest, link_of(row(direction), PROVENANCE))
    assert request.search == DIRECTIONS[direction].searches and request.seats == ("safe",) and request.k == 8
    asked = ("a knife & a dog", "") if DIRECTIONS[direction].asks == "text" else ("", ID)
    assert (request.text, request.item) == asked


def test_a_prompt_opens_with_the_seed_and_settings_that_it_was_painted_with_and_a_blend_with_its_dial():
    seat = read(GenerationRequest, link_of(row("unsafe_prompt"), PROVENANCE))
    assert (seat.prompt, seat.seed, seat.seats, seat.dial) == ("a knife & a dog", 17, ("safe",), "")
    assert (seat.steps, seat.guidance) == (7, 1.5)
    assert read(GenerationRequest, link_of(row("unsafe_prompt", "ours@0.5"), PROVENANCE)).dial == "ours"


def test_an_image_opens_in_the_captioning_tab():
    assert read(CaptioningRequest, link_of(row("unsafe_image"), PROVENANCE)).item == ID


def test_a_request_for_rows_has_a_link_too():
    request = FailuresRequest("safe", against="ours@0.5", kind="lost context", category="self-harm", moved=3, page=2)
    assert read(FailuresRequest, request.to_link()) == request
    assert FailuresRequest.from_link({}, FailuresRequest("ours")) is None
