"""The blind round: no name before the vote, every vote kept with its order, and counts with their n."""

import re
from types import SimpleNamespace

import pytest

from demo.common.traffic.rate_limit import RateLimit
from demo.reports.blind_round import BlindRounds
from demo.reports.store import ReportStore
from demo.retrieval.task import RETRIEVAL
from tests.fakes.serving import tab_of


@pytest.fixture(scope="module")
def tabs(tiny_lab):
    return {"retrieval": tab_of(RETRIEVAL, tiny_lab)}


@pytest.fixture
def store(tmp_path):
    return ReportStore(tmp_path, "votes")


def token_of(html: str) -> str:
    return re.search(r'data-vote="(\w+)"', html)[1]


def test_names_stand_there_only_after_the_vote(tabs, store):
    rounds = BlindRounds(tabs, store, "0" * 12, RateLimit(0), seed=1)
    html = rounds.begin()
    labels = [seat.label for seat in tabs["retrieval"].view.seats.values()]
    assert not [label for label in labels if label in html] and "data-seat" not in html and "sc-change" not in html
    after = rounds.vote({"token": token_of(html), "safer": "B", "relevant": "same"})
    (vote,) = store.records()
    assert vote["safer"] == vote["order"][1] and vote["relevant"] == "same" and vote["link"].startswith("q=")
    assert all(label in after for label in labels) and "of n = 1" in after


def test_the_order_is_of_chance(tabs, store):
    rounds = BlindRounds(tabs, store, "0" * 12, RateLimit(0), seed=1)
    for _ in range(12):
        rounds.vote({"token": token_of(rounds.begin()), "safer": "A", "relevant": "A"})
    assert len({tuple(vote["order"]) for vote in store.records()}) > 2
    assert "of n = 12" in rounds.intro()


@pytest.mark.parametrize("data", [{}, {"token": "0"}, {"token": ["a"]}, {"safer": "A"}])
def test_a_vote_for_no_round_is_said_and_not_kept(tabs, store, data):
    html = BlindRounds(tabs, store, "0" * 12, RateLimit(0)).vote(data)
    assert "This round is over" in html and store.records() == []


def test_a_round_is_voted_on_once_and_nonsense_is_no_difference(tabs, store):
    rounds = BlindRounds(tabs, store, "0" * 12, RateLimit(0))
    token = token_of(rounds.begin())
    rounds.vote({"token": token, "safer": {"a": 1}, "relevant": "Z"})
    rounds.vote({"token": token, "safer": "A", "relevant": "A"})
    assert [(vote["safer"], vote["relevant"]) for vote in store.records()] == [("same", "same")]


def test_tasks_whose_columns_have_no_nameless_form_are_left_out(store):
    tab = SimpleNamespace(examples=["x"], view=SimpleNamespace(has_blind=False), service=None)
    assert not BlindRounds({"captioning": tab}, store, "0" * 12, RateLimit(0)).possible


def test_votes_on_other_models_are_not_counted(tabs, store):
    earlier = BlindRounds(tabs, store, "1" * 12, RateLimit(0))
    earlier.vote({"token": token_of(earlier.begin()), "safer": "A", "relevant": "A"})
    assert "of n = 1" in earlier.intro()
    assert "Nobody has voted yet" in BlindRounds(tabs, store, "0" * 12, RateLimit(0)).intro()


def test_a_round_counts_as_a_question_of_its_session(tabs, store):
    rounds = BlindRounds(tabs, store, "0" * 12, RateLimit(2))
    assert all(token_of(rounds.begin("visitor")) for _ in range(2))
    assert "more than 2 questions in a minute" in rounds.begin("visitor")
    assert token_of(rounds.begin("another"))
