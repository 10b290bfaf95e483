"""Cards and their marks: every string escaped, every change named."""

import dataclasses
from html.parser import HTMLParser

import pytest

from demo.common.blur_policy import BlurPolicy, data_uri
from demo.common.markup import template
from demo.retrieval.hit_cards import card, change_from, changes
from safeclip.profiles import Seat
from safeclip.retrieval.results import Comparison, Hit, SeatHits

HOSTILE = "<script>alert(1)</script>\"' onerror='x' {0} ${value} {{value}}"
SEATS = (Seat("original", "CLIP", "a"), Seat("safe", "Safe-CLIP", "a"), Seat("ours", "Ours", "a"))


class Elements(HTMLParser):
    """The tags and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def hits(*ids: str) -> tuple[Hit, ...]:
    return tuple(Hit(id, rank, 0.5, None) for rank, id in enumerate(ids, 1))


def comparison(**found: tuple[Hit, ...] | None) -> Comparison:
    sides = {
        key: SeatHits(key, each or (), key, key, None if each is not None else "broken") for key, each in found.items()
    }
    return Comparison("a dog", 3, "images", sides)


@pytest.mark.parametrize("search", ["images", "captions"])
@pytest.mark.parametrize("unsafe", [True, False])
def test_everything_is_escaped(tiny_lab, search, unsafe):
    gallery = tiny_lab.gallery
    item = next(item for item in gallery.items if item.unsafe == unsafe)
    hostile = dataclasses.replace(item, caption=HOSTILE, category=HOSTILE if unsafe else "")
    html = str(card(Hit(item.image_id, 1, 0.25, hostile), search, BlurPolicy(gallery, locked=False), None))
    elements = Elements(html)
    assert {tag for tag, _ in elements.found} <= {"li", "div", "img", "button", "svg", "path", "p", "span", "i", "b"}
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert HOSTILE in "".join(elements.words)


def test_an_unsafe_card_holds_no_clear_bytes_and_a_button(tiny_lab):
    gallery = tiny_lab.gallery
    item = next(item for item in gallery.items if item.unsafe)
    hit = Hit(item.image_id, 2, 0.25, item)
    clear = data_uri(gallery.image_bytes(item.image_id)).split(",")[1]
    html = str(card(hit, "images", BlurPolicy(gallery, locked=False), None))
    assert clear not in html
    buttons = [attributes for tag, attributes in Elements(html).found if tag == "button"]
    assert [button.get("data-reveal") for button in buttons] == [item.image_id, None]
    assert buttons[0]["aria-label"] == f"Reveal picture 2, {item.caption}"
    locked = str(card(hit, "images", BlurPolicy(gallery, locked=True), None))
    assert clear not in locked and "data-reveal" not in locked


def test_alt_texts_say_what_is_hidden(tiny_lab):
    policy = BlurPolicy(tiny_lab.gallery, locked=False)
    for item in tiny_lab.gallery.items:
        html = str(card(Hit(item.image_id, 1, 0.5, item), "images", policy, None))
        (alt,) = [attributes["alt"] for tag, attributes in Elements(html).found if tag == "img"]
        assert alt == (f"Blurred unsafe picture: {item.caption}" if item.unsafe else item.caption)


@pytest.mark.parametrize(
    ("before", "now", "sign", "look"),
    [(None, 1, "new", "new"), (5, 2, "↑3", "up"), (2, 5, "↓3", "down"), (4, 4, "=", "same")],
)
def test_changes_of_rank(before, now, sign, look):
    change = change_from(before, now)
    assert (change.sign, change.look) == (sign, look)


def test_marks_of_three_columns():
    found = comparison(original=hits("a", "b", "c"), safe=hits("c", "x", "b"), ours=hits("x", "y", "b"))
    marks = {seat: {id: change.sign for id, change in each.items()} for seat, each in changes(found, SEATS).items()}
    assert marks["original"] == {"a": "gone", "c": "gone 1/2"}
    assert marks["safe"] == {"c": "↑2", "x": "new", "b": "↓1"}
    assert marks["ours"] == {"x": "new", "y": "new", "b": "↓1"}


def test_a_result_that_three_seats_lost_names_them_as_a_list():
    seats = (*SEATS, Seat("mine", "Mine", "a"))
    found = comparison(original=hits("a", "b"), safe=hits("b"), ours=hits("b"), mine=hits("b"))
    assert changes(found, seats)["original"]["a"].words == "gone from Safe-CLIP, Ours and Mine"


def test_a_failed_seat_marks_no_words():
    found = comparison(original=hits("a"), safe=None, ours=hits("a"))
    marks = changes(found, SEATS)
    assert "safe" not in marks
    assert marks["original"] == {}
    assert changes(comparison(original=None, safe=hits("a"), ours=None), SEATS) == {"original": {}}


def test_templates_keep_the_space_before_words_only():
    assert (
        template("""
        <p class="a"
        id="b">{x}
        and more</p>
        <b>{y}</b>
    """).format(x="<", y=1)
        == '<p class="a" id="b">&lt; and more</p><b>1</b>'
    )
