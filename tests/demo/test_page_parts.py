"""Queries, answers, the map, examples, the shelf and the scoreboard: what they say."""

import json
import math
from dataclasses import replace

import pytest
from PIL import Image

from demo import scoreboard
from demo.common import examples
from demo.common import gallery_picker as picker
from demo.common.blur_policy import BlurPolicy, data_uri
from demo.common.examples import Example
from demo.retrieval import embedding_map
from demo.retrieval import rank_changes as movement
from demo.retrieval import tower_matrix as towers
from demo.retrieval.request import MAX_CHARACTERS, MAX_K, RetrievalRequest, checked, default_seats
from demo.retrieval.service import RetrievalService
from demo.retrieval.tab import _swap
from demo.retrieval.view import RetrievalView
from safeclip import SafeClipError
from safeclip.errors import QueryError


@pytest.fixture(scope="module")
def answers(tiny_lab):
    return RetrievalService(tiny_lab, 16)


@pytest.fixture(scope="module")
def stage(tiny_lab):
    return RetrievalView(tiny_lab, BlurPolicy(tiny_lab.gallery, locked=False))


@pytest.fixture
def seats(tiny_lab):
    return {seat.key: seat for seat in tiny_lab.profile.seats}


BOTH = ("safe", "ours")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (RetrievalRequest(), "Nothing is asked"),
        (RetrievalRequest(text="a", item="b"), "one thing at a time"),
        (RetrievalRequest(text="a", k=0), f"from 1 to {MAX_K}"),
        (RetrievalRequest(text="a", k=MAX_K + 1), f"from 1 to {MAX_K}"),
        (RetrievalRequest(text="a", search="videos"), "cannot be searched"),
        (RetrievalRequest(text="a", towers="none"), "no choice of towers"),
        (RetrievalRequest(text="a", seats=("nobody",)), "no seat “nobody”"),
        (RetrievalRequest(text="a" * (MAX_CHARACTERS + 1)), "shorten it"),
    ],
)
def test_bad_questions_are_told_in_words(tiny_lab, answers, ask, said):
    with pytest.raises(QueryError, match=said):
        checked(ask, tiny_lab.profile.seats)
    assert said in answers.get(ask).error


def test_seats_come_in_the_profiles_order(tiny_lab):
    ask = checked(RetrievalRequest(text="a", seats=("ours", "original", "safe")), tiny_lab.profile.seats)
    assert ask.seats == BOTH
    assert default_seats(tiny_lab.profile.seats) == ("safe", "ours")


def test_answers_are_remembered(tiny_lab):
    answers = RetrievalService(tiny_lab, 2)
    first = answers.get(RetrievalRequest(text="a chef"))
    assert answers.get(RetrievalRequest(text="  a   chef ")) is first
    answers.get(RetrievalRequest(text="a dog"))
    answers.get(RetrievalRequest(text="a cat"))
    assert answers.get(RetrievalRequest(text="a chef")) is not first


def test_the_two_by_two_counts_what_the_library_finds(tiny_lab, answers):
    answer = answers.get(RetrievalRequest(text="a knife", k=5, seats=BOTH, towers="text"))
    for name in ("both", "text", "image"):
        other = tiny_lab.retrieval.compare("a knife", k=5, towers=name)
        for seat in ("original", *BOTH):
            assert answer.unsafe_by_towers[seat][name] == other[seat].unsafe_count


def test_the_two_by_two_marks_the_choice(answers, seats):
    html = str(towers.panel(answers.get(RetrievalRequest(text="a knife", seats=BOTH, towers="image")), seats))
    assert html.count('aria-pressed="true"') == 2  # one for each of the two tables
    assert html.count("<button") == 6
    assert "Only the image tower is safe" in html


def test_a_server_fault_is_no_stack_trace(tiny_lab, monkeypatch, caplog):
    answers = RetrievalService(tiny_lab, 2)
    monkeypatch.setattr(tiny_lab.retrieval, "compare", lambda *a, **k: 1 / 0)
    answer = answers.get(RetrievalRequest(text="a chef"))
    assert answer.comparison is None
    assert "ZeroDivisionError" not in answer.error and "log" in answer.error
    assert "ZeroDivisionError" in caplog.text


def test_a_failed_side_is_told_on_its_side(tiny_lab, stage, monkeypatch):
    compare = tiny_lab.retrieval.compare

    def failing(*args, **options):
        answer = compare(*args, **options)
        broken = replace(answer["safe"], hits=(), error="The adapter <b>melted</b>.")
        return replace(answer, found=answer.found | {"safe": broken})

    monkeypatch.setattr(tiny_lab.retrieval, "compare", failing)
    answers = RetrievalService(tiny_lab, 2)
    html = stage.draw(answers.get(RetrievalRequest(text="a chef", k=3, seats=BOTH)))
    assert "Safe-CLIP has no answer." in html
    assert "The adapter &lt;b&gt;melted&lt;/b&gt;." in html
    assert html.count("<ol") == 2  # the others answer
    monkeypatch.undo()
    assert (
        answers.get(RetrievalRequest(text="a chef", k=3, seats=BOTH)).comparison["safe"].error is None
    )  # not remembered


def test_no_clear_byte_of_an_unsafe_picture_is_drawn(tiny_lab, answers, stage):
    gallery = tiny_lab.gallery
    unsafe = [item for item in gallery.items if item.unsafe]
    clear = [data_uri(gallery.image_bytes(item.image_id)).split(",")[1] for item in unsafe]
    drawn = [
        stage.draw(answers.get(RetrievalRequest(text="a chef", k=12, seats=BOTH))),
        stage.draw(answers.get(RetrievalRequest(item=unsafe[0].image_id, k=12, seats=BOTH))),
        picker.shelf(gallery, picker.View(), stage.shield),
    ]
    safe = next(item for item in gallery.items if not item.unsafe)
    for html in drawn:
        assert not any(data in html for data in clear)
        assert data_uri(gallery.image_bytes(safe.image_id)) in html


def test_what_is_hidden_is_said(answers, stage):
    answer = answers.get(RetrievalRequest(text="a chef", k=12, seats=("safe",)))
    said = stage.say(answer)
    assert said == "CLIP: 6 of 12 unsafe, 6 pictures hidden. Safe-CLIP: 6 of 12 unsafe, 6 pictures hidden."
    assert f'data-say="{said}"' in stage.draw(answer)
    captions = answers.get(RetrievalRequest(text="a chef", k=12, seats=("safe",), search="captions"))
    assert "hidden" not in stage.say(captions)


def test_unknown_words_are_named_and_can_be_swapped(answers, stage):
    html = stage.draw(answers.get(RetrievalRequest(text="a cheff & a knife", seats=("safe",))))
    assert "<b>cheff</b>" in html
    assert "&#34;near&#34;: &#34;chef&#34;" in html
    assert _swap("a Cheff, a cheffs and cheff", "cheff", "chef") == "a chef, a cheffs and chef"
    assert _swap("a (b) c", "(b)", r"\1") == r"a \1 c"


def test_hostile_text_stays_text(answers, stage):
    html = stage.draw(answers.get(RetrievalRequest(text='<img src=x onerror="alert(1)">', seats=("safe",))))
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in html


def test_the_map_draws_both_kinds_and_an_arrow(tiny_lab, answers, seats):
    answer = answers.get(RetrievalRequest(text="a chef", seats=BOTH))
    canvas = embedding_map.Canvas(tiny_lab.retrieval.map.captions, tiny_lab.gallery)
    assert canvas.dots.count("h0") == 6 and canvas.dots.count("l3 3") == 6
    html = str(embedding_map.panel(answer, canvas, seats))
    start, *ends = (canvas.place(answer.positions[key]) for key in ("original", *BOTH))
    assert html.count('<line class="sc-arrow"') == sum(math.dist(start, end) >= 4 for end in ends) > 0
    still = str(
        embedding_map.panel(answers.get(RetrievalRequest(text="a chef", seats=BOTH, towers="image")), canvas, seats)
    )
    assert "sc-arrow" not in still  # the query tower is the reference's
    assert "Safe-CLIP leaves the query where CLIP puts it." in still


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
def test_the_map_says_what_it_draws(seats, end, said):
    assert said in embedding_map.describe((10, 10), {"safe": end}, seats["original"], seats)


def test_the_map_keeps_strays_on_the_edge(tiny_lab):
    canvas = embedding_map.Canvas(tiny_lab.retrieval.map.images, tiny_lab.gallery)
    for point in ((1e9, -1e9), (-1e9, 1e9)):
        x, y = canvas.place(point)
        assert 0 <= x <= 600 and 0 <= y <= 400


def test_movement_lists_every_change(answers, seats):
    answer = answers.get(RetrievalRequest(text="a chef", k=4, seats=("safe",)))
    moved = answer.comparison.moved("original", "safe")
    html = str(movement.panel(answer, seats))
    assert html.count("<li>") == len(moved.appeared) + len(moved.vanished) + len(moved.moved)


def test_examples_cover_every_category_and_are_answered_from_the_cache(tiny_lab):
    found = examples.load("tiny", tiny_lab.gallery, ("safe",))
    assert {each.label.lower() for each in found} == {*tiny_lab.gallery.categories(), "nothing unsafe"}
    assert any(each.ask.item for each in found) and any(each.ask.text for each in found)
    answers = RetrievalService(tiny_lab, 64)
    for each in found:
        assert answers.get(each.ask).error == ""
        assert answers.get(each.ask) is answers.get(each.ask)


def test_the_emoji_examples_use_the_categories_of_visu():
    categories = {"hate", "harassment", "violence", "self-harm", "sexual", "shocking", "illegal activity", ""}

    class Empty:
        items = ()

    found = examples.load("emoji", Empty(), ("safe",))
    assert found[0] == Example(
        "Violence", RetrievalRequest(text="a panda holding a gun in the kitchen", seats=("safe",))
    )
    assert {each.label.lower() for each in found} == {category or "nothing unsafe" for category in categories}


@pytest.mark.parametrize(
    "data", [{}, {"page": -1}, {"page": "x", "category": None}, {"words": 3}, {"page": 10**9, "category": "safe"}]
)
def test_any_view_of_the_shelf_is_drawn(tiny_lab, data):
    html = picker.shelf(tiny_lab.gallery, picker.View.read(data), BlurPolicy(tiny_lab.gallery, locked=True))
    assert "sc-shelf" in html


def test_the_shelf_filters(tiny_lab):
    shield = BlurPolicy(tiny_lab.gallery, locked=False)
    assert "6 pictures" in picker.shelf(tiny_lab.gallery, picker.View("safe"), shield)
    assert "1 picture<" in picker.shelf(tiny_lab.gallery, picker.View(words="CHEF knife"), shield)


def test_an_upload_is_answered_and_cannot_be_linked(answers, stage):
    answer = answers.get(RetrievalRequest(upload="1" * 16, seats=("safe",)), Image.new("RGB", (40, 40), "red"))
    html = stage.draw(answer)
    assert "Your picture" in html and 'data-permalink=""' in html
    assert "did not arrive" in answers.get(RetrievalRequest(upload="2" * 16)).error


METRICS = {
    "profile": "tiny",
    "n": 1234,
    "command": "python -m training.evaluation.retrieval <now>",
    "date": "2026-01-02",
    "retrieval": {
        seat: {
            "text_to_image": {"r@1": 61.5, "r@5": 70, "r@10": 80, "r@20": 90},
            "unsafe_text_to_all_images": {"r@1": 1, "r@5": 2, "r@10": 3, "r@20": 4, "safe_top1": 47.25},
        }
        for seat in ("original", "safe", "retired")
    },
    "zero_shot": {"original": 90.5, "safe": {"subject": 88.0, "note": "text"}},
}


def test_the_scoreboard_keeps_measured_and_quoted_apart(tiny_lab):
    html = scoreboard.draw(tiny_lab.profile, METRICS)
    measured, quoted = html.split('<section class="sc-quoted">')
    assert "1,234 held-out quadruplets" in measured and "2026-01-02" in measured
    assert "training.evaluation.retrieval &lt;now&gt;" in measured
    assert "47.2" in measured and "61.5" in measured and "90.5" in measured and "88.0" in measured
    assert "HySAC" not in measured and "36.8" not in measured
    assert "61.5" not in quoted and "36.8 / 71.6 / 81.5" in quoted
    assert quoted.count("Quoted from") == 4  # the heading, and each table's source


def test_the_scoreboard_shows_captioning_where_it_was_measured(tiny_lab):
    assert "Harm named" not in scoreboard.draw(tiny_lab.profile, METRICS)
    seat = tiny_lab.profile.seats[0].key
    captioning = {"command": "caption <it>", "date": "2026-02-03", seat: {"harmful": 97.25, "place": 12.5}}
    html = scoreboard.draw(tiny_lab.profile, METRICS | {"captioning": captioning})
    table = html.split("Harm named”")[1].split("</table>")[0]
    assert "97.2" in table and "12.5" in table and "—" in table
    assert "2026-02-03" in table and "caption &lt;it&gt;" in table


def test_without_figures_the_scoreboard_says_how_to_get_them(tiny_lab, tmp_path):
    assert scoreboard.read(tmp_path / "none.json") is None
    broken = tmp_path / "broken.json"
    broken.write_text("[1, 2")
    assert scoreboard.read(broken) is None
    broken.write_text(json.dumps(METRICS))
    assert scoreboard.read(broken) == METRICS
    assert "training.evaluation.retrieval --profile tiny" in scoreboard.draw(tiny_lab.profile, None)
    other = scoreboard.draw(tiny_lab.profile, METRICS | {"profile": "emoji"})
    assert "of the profile “emoji”" in other and "61.5" not in other


def test_errors_are_told_without_the_servers_folders(monkeypatch, tmp_path, tiny_lab):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    monkeypatch.setattr(
        tiny_lab.retrieval, "compare", lambda *a, **k: (_ for _ in ()).throw(SafeClipError(f"{tmp_path}/zoo/x: gone."))
    )
    assert RetrievalService(tiny_lab, 1).get(RetrievalRequest(text="a")).error == "zoo/x: gone."
