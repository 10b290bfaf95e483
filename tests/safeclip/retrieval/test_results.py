"""What a comparison says of the difference between its sides."""

import json

from hypothesis import given
from hypothesis import strategies as st

from safeclip.retrieval.compare import Comparison, Hit, SeatHits
from safeclip.retrieval.gallery import Item


def made_of(a, b):
    """A comparison of two seats that found these ids."""
    item = Item("", "", "", False, "", "", "", "", "", "")
    found = {
        seat: SeatHits(seat, tuple(Hit(id, i + 1, 1 - i / 100, item) for i, id in enumerate(ids)), seat, seat)
        for seat, ids in (("a", a), ("b", b))
    }
    return Comparison("query", 8, "images", found)


id_lists = st.lists(st.sampled_from("abcdefghijkl"), unique=True, max_size=8)


@given(id_lists, id_lists)
def test_movements_explain_every_difference(a, b):
    movement = made_of(a, b).moved("a", "b")
    assert set(movement.appeared) == set(b) - set(a)
    assert set(movement.vanished) == set(a) - set(b)
    for id in set(a) & set(b):
        ranks = a.index(id) + 1, b.index(id) + 1
        assert movement.moved.get(id, (ranks[0], ranks[0])) == ranks
    assert set(movement.moved) <= set(a) & set(b)
    back = made_of(a, b).moved("b", "a")
    assert (set(back.appeared), set(back.vanished)) == (set(movement.vanished), set(movement.appeared))
    assert back.moved == {id: (after, before) for id, (before, after) in movement.moved.items()}


@given(id_lists)
def test_equal_answers_have_no_changes_of_rank(a):
    movement = made_of(a, a).moved("a", "b")
    assert (movement.appeared, movement.vanished, movement.moved) == ((), (), {})


def test_a_comparison_is_plain_json(tiny_lab):
    retrieval, text = tiny_lab.retrieval, "a chef holding a knife in the kitchen"
    content = json.loads(json.dumps(retrieval.compare(text, k=2).to_dict()))
    assert (content["query"], content["k"], content["search"], content["notes"]) == (text, 2, "images", [])
    assert list(content["seats"]) == ["original", "safe", "ours"]
    safe = content["seats"]["safe"]
    assert (safe["query_seat"], safe["index_seat"], safe["error"]) == ("safe", "safe", None)
    assert safe["unsafe_count"] == sum(hit["item"]["unsafe"] for hit in safe["hits"])
    assert [hit["rank"] for hit in safe["hits"]] == [1, 2]
    picture = tiny_lab.gallery.image(safe["hits"][0]["id"])
    assert retrieval.compare(picture).to_dict()["query"] is None
