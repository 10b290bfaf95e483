"""The scoreboard's picture and tables of every split."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from demo import open_world_board, scoreboard
from demo.tradeoff_chart import Interval, Point, dots, tradeoff
from safeclip.command_names import PAGE

SPLITS = ("seen", "contextual", "unseen_concepts", "unseen_forms", "unseen_backdrops", "unseen_style")
SVG = {"svg": "http://www.w3.org/2000/svg"}


def figure(mean: float) -> dict:
    return {"mean": mean, "low": mean - 2, "high": mean + 2, "n": 10, "seeds": 1}


def open_metrics(profile: str) -> dict:
    rows = {"original": 12.5, "ours": 62.5, "text_filter": 37.5}
    nothing = {"mean": None, "low": None, "high": None, "n": 0, "seeds": 0, "reason": "no <formula>"}
    direction = {"r@1": figure(77.25), "safe_top1": figure(55.5)}
    neutral = {"unsafe_share": figure(33.5)}
    return {
        "open_world": {"profile": profile, "n": 1234, "date": "2026-01-02", "command": "measure <it>", "trials": 8},
        "splits": {split: {row: {"text_to_image": direction} for row in (*rows, "best_possible")} for split in SPLITS},
        "utility": {split: {row: figure(value) for row, value in rows.items()} for split in SPLITS},
        "safety": {
            split: {**{row: figure(100 - value) for row, value in rows.items()}, "random": nothing} for split in SPLITS
        },
        "neutral": {row: {"text": neutral, "image": neutral, "identity": neutral} for row in rows},
        "differences": {"original": {"utility": {split: {"ours": figure(-1.75)} for split in SPLITS}}},
    }


def charts(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg class=\"sc-chart\".*?</svg>", html)]


def test_each_split_is_a_small_multiple_and_what_is_lost_stands_below(tiny_lab):
    html = str(open_world_board.section(tiny_lab.profile, open_metrics("tiny")))
    drawn = charts(html)
    assert len(drawn) == len(SPLITS) + 3
    for chart in drawn[: len(SPLITS)]:
        told = [title.text for title in chart.iter("title")]
        assert told[1] == "original: utility 12.5 (10.5–14.5), safety 87.5 (85.5–89.5)" and len(told) == 3
    assert all("text filter 33.5" in chart.get("aria-label") for chart in drawn[len(SPLITS) :])
    tables = html.split("<details>")[1]
    assert "1,234 held-out quadruplets" in tables and "measure &lt;it&gt;" in tables and "8 thresholds" in tables
    assert tables.count("</span>77.2<") == 4 * len(SPLITS) and "-1.8" in tables
    assert "</span>77.2<" not in html.split("<details>")[0]


def test_without_figures_a_sentence_says_how_to_measure_them(tiny_lab):
    for metrics in (None, {}):
        html = str(open_world_board.section(tiny_lab.profile, metrics))
        assert "training.evaluation.open_world --profile tiny" in html and not charts(html)
        assert not open_world_board.is_measured(tiny_lab.profile, metrics)


def test_figures_of_another_profile_are_not_shown_but_found(tiny_lab):
    html = str(open_world_board.section(tiny_lab.profile, open_metrics("emoji")))
    assert f"{PAGE} --profile emoji" in html and not charts(html)


def test_the_scoreboard_opens_with_the_picture(tiny_lab):
    captioning = {"original": {"harmful": 50.0}}
    html = scoreboard.draw(tiny_lab.profile, open_metrics("tiny") | {"captioning": captioning})
    assert html.index("Safety against utility") < html.index("Captions and pictures") < html.index("Quoted from papers")


def test_an_axis_runs_from_left_to_right_and_from_bottom_to_top():
    low, high = (Interval(value, value - 5, value + 5) for value in (20, 80))
    chart = charts(str(tradeoff([Point("a", "tuned", low, high), Point("b", "tuned", high, low)], "two")))[0]
    a, b = ([float(circle.get(name)) for name in ("cx", "cy")] for circle in chart.iter("circle"))
    assert a[0] < b[0] and a[1] < b[1]


@pytest.mark.parametrize("count", [3, 10])
def test_labels_cover_neither_each_other_nor_the_points(count):
    spread = [Interval(90 + i / 3, 88, 96) for i in range(count)]
    points = [Point(f"method {i}", "baseline", spread[i], spread[-i]) for i in range(count)]
    chart = charts(str(tradeoff(points, "crowded")))[0]
    boxes = []
    for text in chart.iter("text"):
        if text.get("class", "").startswith("sc-label"):
            x, y = float(text.get("x")), float(text.get("y"))
            boxes.append((x, y - 9, x + 6 * len(text.text), y + 3))
    for rect in chart.iter("rect"):
        x, y = float(rect.get("x")), float(rect.get("y"))
        boxes.append((x, y, x + 7.5, y + 7.5))
    assert len(boxes) == 2 * count
    labels = boxes[:count]
    for i, one in enumerate(labels):
        assert one[0] >= 0 and one[2] <= 320
        for other in (*labels[:i], *boxes[count:]):
            gaps = (other[0] - one[2], one[0] - other[2], other[1] - one[3], one[1] - other[3])
            assert max(gaps) > -0.2, (one, other)


@pytest.mark.parametrize("utility", [Interval(40, 30, 50), Interval(80, 70, 95)], ids=["right", "left"])
def test_a_label_beside_a_point_stands_clear_of_its_interval(utility):
    chart = charts(str(tradeoff([Point("a filter", "baseline", utility, Interval(50, 49, 51))], "one")))[0]
    (label,) = (text for text in chart.iter("text") if text.get("class", "").startswith("sc-label"))
    across, _ = (line for line in chart.iter("line") if line.get("class") == "sc-reach")
    starts, ends = float(label.get("x")), float(label.get("x")) + 6 * len("a filter")
    assert starts > float(across.get("x2")) or ends < float(across.get("x1"))


def test_a_bold_label_at_the_edge_is_not_cut():
    at = Interval(91, 90, 92)
    (label,) = (
        text
        for text in charts(str(tradeoff([Point("ours", "tuned", at, at)], "edge")))[0].iter("text")
        if text.get("class", "").startswith("sc-label")
    )
    assert float(label.get("x")) + 7.4 * len("ours") <= 320


def test_dots_are_on_one_scale():
    rows = [("original", "reference", Interval(10, 8, 12)), ("ours", "tuned", Interval(20, 15, 25))]
    first, second = (
        [float(c.get("cx")) for c in charts(str(dots(rows, "d", top)))[0].iter("circle")] for top in (30, 60)
    )
    assert first[1] - first[0] == pytest.approx(2 * (second[1] - second[0]), abs=0.2)


def test_models_are_drawn_over_what_one_would_do_instead():
    at = Interval(50, 48, 52)
    svg = str(tradeoff([Point("original", "reference", at, at), Point("filter", "baseline", at, at)], "one place"))
    assert svg.index("sc-dot-baseline") < svg.index("sc-dot-reference")


def test_a_label_beside_another_mark_has_a_line_to_its_own():
    own, near = (Interval(value, value, value) for value in (50, 53))
    points = [Point("safe", "tuned", own, own), *(Point(f"filter {i}", "baseline", near, near) for i in range(3))]
    lines = [line for line in charts(str(tradeoff(points, "crowded")))[0].iter("line") if line.get("class") == "sc-led"]
    assert lines
    (apart,) = charts(str(tradeoff(points[:1], "alone")))
    assert not [line for line in apart.iter("line") if line.get("class") == "sc-led"]
