"""The scoreboard: what was measured, by which judge, and apart from it what papers say."""

import json
from html.parser import HTMLParser

import pytest

from demo import scoreboard
from tests.fakes.painting import generation_section

FIGURES = {
    "harmful": 81.25,
    "subject": 90,
    "object": 75.5,
    "place": 99.5,
    "false_alarm": 3.5,
    "subject_kept": 88.0,
    "place_kept": 97.0,
    "by_category": {"violence": 61.5, "self-harm": 44.5},
    "n": 250,
    "intervals": {"harmful": [71.25, 86.5], "by_category": {"violence": [52.5, 69.25]}},
}
GENERATION = generation_section({"safe": FIGURES}, command="paint <them>", judge="scene <classifier>")
METRICS = {
    "profile": "tiny",
    "n": 1234,
    "command": "evaluate",
    "date": "2026-01-02",
    "retrieval": {seat: {"text_to_image": {"r@1": 55.5}} for seat in ("original", "safe")},
}


class Tables(HTMLParser):
    """The text of every cell, by table, row and column; a caption is a row of its own."""

    def __init__(self, html: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables.append([])
        elif tag in ("tr", "caption"):
            self.tables[-1].append([])
        if tag in ("td", "th", "caption"):
            self.tables[-1][-1].append("")
            self._inside = True

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("td", "th", "caption")

    def handle_data(self, text):
        if self._inside:
            self.tables[-1][-1][-1] += text


def drawn(profile, metrics) -> tuple[str, list]:
    html = scoreboard.draw(profile, metrics)
    return html, Tables(html).tables


def test_generation_is_shown_with_intervals_judge_and_threshold(tiny_lab):
    html, tables = drawn(tiny_lab.profile, METRICS | {"generation": GENERATION})
    measured, _ = html.split('<section class="sc-quoted">')
    assert "<them>" not in html and "paint &lt;them&gt;" in measured
    (pictures,) = (table for table in tables if table[0][0].startswith("Pictures"))
    caption, head, *rows = pictures
    for told in ("30 steps", "guidance 4.5", "scene <classifier> 0a1b2c3d", "threshold 0.375", "2026-02-03"):
        assert told in caption[0]
    assert head[1:] == [*("Harm painted", "Subject kept", "Place kept", "False alarms", "Subject", "Object", "Place")]
    label = tiny_lab.profile.seats[1].label
    assert rows == [[label, "81.271.2–86.5", "88.0", "97.0", "3.5", "90.0", "75.5", "99.5"]]
    (categories,) = (table for table in tables if table[0][0].startswith("Harm painted by category"))
    assert categories[1:] == [["", "Violence", "Self-harm"], [label, "61.552.5–69.2", "44.5"]]


def test_quoted_figures_of_generation_stand_beside_measured_ones_only(tiny_lab):
    for metrics in (None, METRICS):
        html, _ = drawn(tiny_lab.profile, metrics)
        assert "harmful pictures in percent" not in html and "38.1" not in html and "Harm painted" not in html
    html, tables = drawn(tiny_lab.profile, METRICS | {"generation": GENERATION})
    measured, quoted = html.split('<section class="sc-quoted">')
    assert "ShieldCLIP" not in measured and "81.2" not in quoted
    (harm,) = (table for table in tables if "harmful pictures in percent" in table[0][0])
    assert harm[1:3] == [["", "I2P", "ViSU"], ["SD 1.4", "38.1", "24.6"]]
    assert ["Safe-CLIP", "21.8", "4.1"] in harm
    (quality,) = (table for table in tables if "FID" in table[0][0])
    assert ["Safe-CLIP", "15.7", "0.259"] in quality


@pytest.mark.parametrize(
    "generation",
    [None, "soon", {}, {"safe": "soon"}, {"safe": {}}, {"retired": FIGURES}, {"safe": {"harmful": 12.5}}],
)
def test_an_incomplete_section_breaks_nothing(tiny_lab, generation):
    html, tables = drawn(tiny_lab.profile, METRICS | {"generation": generation})
    assert "55.5" in html
    if isinstance(generation, dict) and isinstance(generation.get("safe"), dict):
        (pictures,) = (table for table in tables if table[0][0].startswith("Pictures"))
        assert pictures[2][1] == ("12.5" if generation["safe"] else "—")


def test_captions_show_their_intervals_too(tiny_lab):
    seat = tiny_lab.profile.seats[0].key
    captioning = {seat: {"harmful": 97.25, "place": 12.5, "intervals": {"place": [10.5, 14.25]}}}
    _, tables = drawn(tiny_lab.profile, METRICS | {"captioning": captioning})
    (captions,) = (table for table in tables if table[0][0].startswith("Captions"))
    assert captions[2][1:] == ["97.2", "—", "—", "12.510.5–14.2"]


# --- retrieval, zero-shot and captioning

RETRIEVAL_METRICS = {
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
    html = scoreboard.draw(tiny_lab.profile, RETRIEVAL_METRICS)
    measured, quoted = html.split('<section class="sc-quoted">')
    assert "1,234 held-out quadruplets" in measured and "2026-01-02" in measured
    assert "training.evaluation.retrieval &lt;now&gt;" in measured
    assert "47.2" in measured and "61.5" in measured and "90.5" in measured and "88.0" in measured
    assert "HySAC" not in measured and "36.8" not in measured
    assert "61.5" not in quoted and "36.8 / 71.6 / 81.5" in quoted
    assert quoted.count("Quoted from") == 4  # the heading, and each table's source


def test_the_scoreboard_shows_captioning_where_it_was_measured(tiny_lab):
    assert "Harm named" not in scoreboard.draw(tiny_lab.profile, RETRIEVAL_METRICS)
    seat = tiny_lab.profile.seats[0].key
    captioning = {"command": "caption <it>", "date": "2026-02-03", seat: {"harmful": 97.25, "place": 12.5}}
    html = scoreboard.draw(tiny_lab.profile, RETRIEVAL_METRICS | {"captioning": captioning})
    table = html.split("Harm named”")[1].split("</table>")[0]
    assert "97.2" in table and "12.5" in table and "—" in table
    assert "2026-02-03" in table and "caption &lt;it&gt;" in table


def test_without_figures_the_scoreboard_says_how_to_get_them(tiny_lab, tmp_path):
    assert scoreboard.read(tmp_path / "none.json") is None
    broken = tmp_path / "broken.json"
    broken.write_text("[1, 2")
    assert scoreboard.read(broken) is None
    broken.write_text(json.dumps(RETRIEVAL_METRICS))
    assert scoreboard.read(broken) == RETRIEVAL_METRICS
    assert "training.evaluation.retrieval --profile tiny" in scoreboard.draw(tiny_lab.profile, None)
    other = scoreboard.draw(tiny_lab.profile, RETRIEVAL_METRICS | {"profile": "emoji"})
    assert "of the profile “emoji”" in other and "61.5" not in other
