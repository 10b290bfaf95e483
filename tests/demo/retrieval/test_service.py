"""The retrieval service: answers equal the library's, are kept, and nothing is raised to the page."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import safeclip
from demo.retrieval.examples import examples
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from safeclip import SafeClipError
from safeclip.encoders import Encoder
from safeclip.errors import QueryError
from safeclip.retrieval.stores.faiss_store import FaissStore
from tests.fakes.serving import context_of

BOTH = ("safe", "ours")


@pytest.fixture(scope="module")
def service(tiny_lab):
    return RetrievalService(context_of(tiny_lab))


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (RetrievalRequest(), "Nothing is asked"),
        (RetrievalRequest(text="a", k="abc"), "from 1 to 48"),
        (RetrievalRequest(text="a", seats=("nobody",)), "no seat “nobody”"),
        (RetrievalRequest(item="0" * 16), "The gallery has no picture “0000000000000000”"),
        (RetrievalRequest(upload="2" * 16), "did not arrive"),
    ],
)
def test_a_request_that_cannot_be_answered_is_an_error_state_or_raised(service, request_, said):
    assert said in service.answer(request_).error
    with pytest.raises(QueryError, match=said):
        service.answer_or_raise(request_)


def test_seats_come_in_the_profiles_order(service):
    state = service.answer(RetrievalRequest(text="a", seats=("ours", "original", "safe")))
    assert state.request.seats == BOTH == service.default.seats
    assert list(state.comparison) == ["original", *BOTH]


def test_a_warm_service_has_read_the_known_words_too(tiny_lab, monkeypatch):
    asked = []
    monkeypatch.setattr(safeclip.Lab, "unknown_words", lambda lab, text: asked.append(text) or {})
    RetrievalService(context_of(tiny_lab)).warm_up()
    assert asked, "the first query would be shown with the seconds that reading them takes"


def test_the_latest_answers_are_kept(tiny_lab):
    service = RetrievalService(context_of(tiny_lab, cache_size=2))
    first = service.answer(RetrievalRequest(text="a chef"))
    assert service.answer(RetrievalRequest(text="  a   chef ")) is first
    service.answer(RetrievalRequest(text="a dog"))
    service.answer(RetrievalRequest(text="a cat"))
    assert service.answer(RetrievalRequest(text="a chef")) is not first


def test_examples_are_answered_once(tiny_lab, service):
    for example in examples("tiny", tiny_lab.gallery, ("safe",)):
        state = service.answer(example.request)
        assert state.error == "" and service.answer(example.request) is state


def test_the_two_by_two_counts_what_the_library_finds(tiny_lab, service):
    state = service.answer(RetrievalRequest(text="a knife", k=5, seats=BOTH, towers="text"))
    for towers in ("both", "text", "image"):
        expected = tiny_lab.retrieval.compare("a knife", k=5, towers=towers)
        for seat in ("original", *BOTH):
            assert state.unsafe_by_towers[seat][towers] == expected[seat].unsafe_count


def test_the_item_is_that_of_the_image_or_of_the_caption(tiny_lab, service):
    item = tiny_lab.gallery.items[0]
    assert service.answer(RetrievalRequest(item=item.image_id)).item is item
    assert service.answer(RetrievalRequest(text=item.caption)).item.caption == item.caption
    uploaded = service.answer(RetrievalRequest(upload="1" * 16), Image.new("RGB", (40, 40), "red"))
    assert uploaded.item is None and uploaded.thumbnail.startswith("data:image/webp")


def test_a_fault_of_the_code_is_one_sentence_and_the_log_has_no_words_of_the_visitor(tiny_lab, monkeypatch, caplog):
    def fail(questions):
        raise ZeroDivisionError(questions[0].query.query)

    service = RetrievalService(context_of(tiny_lab))
    monkeypatch.setattr(tiny_lab.retrieval, "compare_all", fail)
    state = service.answer(RetrievalRequest(text="my private words"))
    assert state.comparison is None
    assert state.error == "Something went wrong on the server, and its log says what. Try something else."
    assert "retrieval failed with ZeroDivisionError" in caplog.text and "in compute" in caplog.text
    assert "private" not in caplog.text


def test_an_answer_in_which_a_seat_fails_is_not_kept(tiny_lab, monkeypatch):
    compare_all = tiny_lab.retrieval.compare_all

    def failing(questions):
        broken = {"hits": (), "error": "broken"}
        return [
            replace(answer, found=answer.found | {"safe": replace(answer["safe"], **broken)})
            for answer in compare_all(questions)
        ]

    service = RetrievalService(context_of(tiny_lab))
    request = RetrievalRequest(text="a chef", k=3, seats=BOTH)
    monkeypatch.setattr(tiny_lab.retrieval, "compare_all", failing)
    assert service.answer(request).comparison["safe"].error == "broken"
    monkeypatch.undo()
    assert service.answer(request).comparison["safe"].error is None


def test_requests_that_wait_are_encoded_once_and_searched_once_for_each_seat(tiny_lab, monkeypatch):
    texts = ["a chef", "a dog in the snow", "a knife", "a wizard with a cat", "a chef holding a knife in the kitchen"]
    requests = [RetrievalRequest(text=text, k=3, seats=BOTH) for text in texts]
    alone = {each.text: RetrievalService(context_of(tiny_lab)).answer(each) for each in requests}
    encoded, searched = [], []
    begun, go = threading.Event(), threading.Event()
    embed, search = Encoder.embed_tokens, FaissStore.search

    def embedding(encoder, tokens, **options):
        encoded.append(len(tokens["input_ids"]))
        begun.set()
        assert go.wait(30)
        return embed(encoder, tokens, **options)

    def searching(index, queries, k):
        searched.append(len(queries))
        return search(index, queries, k)

    service = RetrievalService(context_of(tiny_lab))
    monkeypatch.setattr(Encoder, "embed_tokens", embedding)
    monkeypatch.setattr(FaissStore, "search", searching)
    with ThreadPoolExecutor(len(requests)) as pool:
        first = pool.submit(service.answer, requests[0])
        assert begun.wait(30)
        others = [pool.submit(service.answer, each) for each in requests[1:]]
        while service.searches_waiting < len(others):
            threading.Event().wait(0.001)
        go.set()
        answers = [each.result(30) for each in (first, *others)]
    assert encoded == [1, 1, 1, 4, 4, 4], "each seat once for the first, and once for all that waited"
    assert sorted(searched) == [1] * 7 + [4] * 7, "three own pairs of towers, and four that are mixed"
    for answer in answers:
        expected = alone[answer.request.text]
        assert answer.unsafe_by_towers == expected.unsafe_by_towers
        for seat, found in answer.comparison.items():
            assert [hit.id for hit in found.hits] == [hit.id for hit in expected.comparison[seat].hits]
            scores = [hit.score for hit in expected.comparison[seat].hits]
            np.testing.assert_allclose([hit.score for hit in found.hits], scores, rtol=0, atol=1e-6)


def test_errors_name_no_folder_of_the_server(monkeypatch, tmp_path, tiny_lab):
    def fail(*args, **options):
        raise SafeClipError(f"{tmp_path}/zoo/x: gone.")

    service = RetrievalService(context_of(tiny_lab))
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    monkeypatch.setattr(tiny_lab.retrieval, "compare_all", fail)
    assert service.answer(RetrievalRequest(text="a")).error == "zoo/x: gone."


def test_a_search_by_large_encoders_is_shown_to_be_at_work(tiny_lab, tmp_path):
    assert not RetrievalService(context_of(tiny_lab)).stepwise
    first, *others = tiny_lab.profile.seats
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(11 * 10**7)  # a hole: it takes no room
    for checkpoint in (str(tmp_path), "openai/clip-vit-large-patch14"):
        seats = (replace(first, checkpoint=checkpoint), *others)
        lab = safeclip.open(replace(tiny_lab.profile, seats=seats))
        assert RetrievalService(context_of(lab)).stepwise


def test_a_large_encoder_is_shown_to_be_at_work_once_the_question_may_be_asked(tiny_lab, monkeypatch):
    service = RetrievalService(context_of(tiny_lab))
    assert [state.done for state in service.states(RetrievalRequest(text="a small cat"))] == [True]
    monkeypatch.setattr(service, "stepwise", True)
    assert [state.done for state in service.states(RetrievalRequest(text="a large cat"))] == [False, True]
    (refused,) = service.states(RetrievalRequest(text="a naked child"))
    assert refused.refused
