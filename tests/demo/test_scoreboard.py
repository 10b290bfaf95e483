"""The scoreboard: what was measured, by which judge, and apart from it what papers say."""

import json
from html.parser import HTMLParser

import pytest

from demo import scoreboard
from safeclip.command_names import PAGE
from tests.fakes.painting import generation_section, painted_figure

FIGURES = {
    "harmful": 81.25,
    "subject": 90,
    "object": 75.5,
    "place": 99.5,
    "false_alarm": 3.5,
    "subject_kept": 88.0,
    "place_kept": 97.0,
}
HARM = painted_figure(12.5)
GENERATION = generation_section({"safe": FIGURES}, command="paint <them>", judge="scene <classifier>")
METRICS = {"open_world": {"profile": "tiny", "n": 1234, "command": "evaluate <now>", "date": "2026-01-02"}}
CAPTIONING = {"command": "caption <it>", "date": "2026-02-03", "original": {"harmful": 97.25, "place": 12.5}}


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
    titles = ("Harm painted", "Subject kept", "Place kept", "False alarms", "Subject", "Object", "Place")
    assert head[1:] == [*titles, "Count", "Colour", "Relation"]
    label = tiny_lab.profile.seats[1].label
    assert (
        rows[0][:3] == [label, "81.280.2–82.2 n = 6", "88.087.0–89.0 n = 6"] and rows[0][-1] == "—" and len(rows) == 1
    )
    (harm,) = (table for table in tables if table[0][0].startswith("Harm painted by split"))
    assert harm[1] == ["", "Seen concepts, raw", "Seen concepts, corrected", "All, raw", "All, corrected"]
    raw, corrected = "81.280.2–82.2 n = 6", "55.554.5–56.5 n = 6"
    assert harm[2] == [label, raw, corrected, raw, corrected]


def test_figures_that_cannot_be_corrected_are_left_out_with_the_reason_said_once(tiny_lab):
    unknown = {"mean": None, "low": None, "high": None, "n": 0, "reason": "the judge is a <coin>"}
    nowhere = {split: {"safe": {"harmful": unknown}} for split in GENERATION["splits"]}
    many = {"safe": {name: {**each, "n": 30} for name, each in GENERATION["splits"]["all"]["safe"].items()}}
    splits = GENERATION["splits"] | {"all": many}
    html, tables = drawn(
        tiny_lab.profile, METRICS | {"generation": GENERATION | {"corrected": nowhere, "splits": splits}}
    )
    (harm,) = (table for table in tables if table[0][0].startswith("Harm painted by split"))
    assert harm[1] == ["", "Seen concepts, raw", "All, raw"]
    assert harm[2][1:] == ["81.280.2–82.2 n = 6", "81.280.2–82.2"] and html.count('class="sc-few"') == 1
    assert html.count("the judge is a &lt;coin&gt;") == 1
    assert "<b>Seen concepts, corrected; All, corrected</b> left out" in html


def test_what_a_flag_is_worth_is_said_where_paintings_were_labelled(tiny_lab):
    said = scoreboard.judge_reservation(tiny_lab.profile, METRICS | {"generation": GENERATION})
    assert "in 2 of 6 labelled paintings" in said
    another = METRICS | {"open_world": {"profile": "emoji"}, "generation": GENERATION}
    unlabelled = METRICS | {"generation": {**GENERATION, "judge_error": {"unsafe": {"mean": None, "n": 0}}}}
    for metrics in (None, METRICS, another, unlabelled):
        assert scoreboard.judge_reservation(tiny_lab.profile, metrics) == ""


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
    [
        *(None, "soon", {}, {"safe": FIGURES}, {"splits": "soon"}, {"splits": {"seen": {}}}),
        *({"splits": {"all": rows}} for rows in ("soon", {"safe": {}}, {"retired": {}}, {"safe": {"harmful": HARM}})),
    ],
)
def test_an_incomplete_section_breaks_nothing(tiny_lab, generation):
    html, tables = drawn(tiny_lab.profile, METRICS | {"captioning": CAPTIONING, "generation": generation})
    assert "12.5" in html
    splits = generation.get("splits") if isinstance(generation, dict) else None
    rows = splits.get("all") if isinstance(splits, dict) else None
    if isinstance(rows, dict) and "safe" in rows:
        (pictures,) = (table for table in tables if table[0][0].startswith("Pictures"))
        assert pictures[2][1] == ("12.511.5–13.5 n = 6" if rows["safe"] else "—")


def test_captions_show_their_intervals_too(tiny_lab):
    figures = {**CAPTIONING["original"], "intervals": {"place": [10.5, 14.25]}}
    _, tables = drawn(tiny_lab.profile, METRICS | {"captioning": {"original": figures}})
    (captions,) = (table for table in tables if table[0][0].startswith("Captions"))
    assert captions[2][1:] == ["97.2", "—", "—", "12.510.5–14.2"]


def test_the_scoreboard_keeps_measured_and_quoted_apart(tiny_lab):
    html = scoreboard.draw(tiny_lab.profile, METRICS | {"captioning": CAPTIONING})
    measured, quoted = html.split('<section class="sc-quoted">')
    assert "1,234 held-out quadruplets" in measured and "2026-01-02" in measured
    assert "evaluate &lt;now&gt;" in measured and "97.2" in measured
    assert "HySAC" not in measured and "36.8" not in measured
    assert "97.2" not in quoted and "36.8 / 71.6 / 81.5" in quoted
    assert quoted.count("Quoted from") == 4  # the heading, and each table's source


def test_the_scoreboard_shows_captioning_where_it_was_measured(tiny_lab):
    assert "Captions and pictures" not in scoreboard.draw(tiny_lab.profile, METRICS)
    html = scoreboard.draw(tiny_lab.profile, METRICS | {"captioning": CAPTIONING})
    table = html.split("Harm named”")[1].split("</table>")[0]
    assert "97.2" in table and "12.5" in table and "—" in table
    assert "2026-02-03" in table and "caption &lt;it&gt;" in table


def test_only_an_object_is_read_as_figures(tmp_path):
    assert scoreboard.read(tmp_path / "none.json") is None
    broken = tmp_path / "broken.json"
    for text in ("[1, 2", "[1, 2]"):
        broken.write_text(text)
        assert scoreboard.read(broken) is None
    broken.write_text(json.dumps(METRICS))
    assert scoreboard.read(broken) == METRICS


def test_figures_of_another_profile_are_not_shown(tiny_lab):
    metrics = {"open_world": {**METRICS["open_world"], "profile": "emoji"}, "captioning": CAPTIONING}
    html = scoreboard.draw(tiny_lab.profile, metrics)
    assert f"{PAGE} --profile emoji" in html and "97.2" not in html
