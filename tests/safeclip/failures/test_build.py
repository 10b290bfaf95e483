"""The table over the tiny world: what it covers, that its rows are what the page finds, and that a build resumes."""

import pytest

from safeclip.encoders import Encoder
from safeclip.errors import QueryError, TableError
from safeclip.failures.build import BuildOptions, TableBuild
from safeclip.failures.fingerprints import differences
from safeclip.failures.kinds import SHOWN, TASKS
from safeclip.failures.questions import text_questions
from safeclip.failures.table import StoredTable
from safeclip.failures.texts import GivenText

SEATS = ["original", "safe", "ours", "ours@0.25", "ours@0.5", "ours@0.75"]
QUADRUPLETS, SUBJECTS = 6, 6


def rows(table: StoredTable) -> list[dict]:
    return table.rows.to_pylist()


def test_every_item_is_asked_of_every_column(stored):
    found = rows(stored)
    assert list(stored.provenance.columns) == SEATS
    assert stored.provenance.sampled["neutral_text_to_all_images"] == SUBJECTS
    for seat in SEATS:
        mine = [row for row in found if row["seat"] == seat]
        assert len(mine) == 4 * QUADRUPLETS + SUBJECTS
        assert len({(row["direction"], row["number"]) for row in mine}) == len(mine)


def test_a_row_is_what_the_page_finds(stored, tiny_lab):
    gallery = tiny_lab.gallery
    for row in rows(stored):
        if "@" in row["seat"]:
            continue
        query = row["text"] if "text" in row["direction"].partition("_to_")[0] else gallery.image(row["item"])
        search = "captions" if row["direction"].endswith("texts") else "images"
        (found,) = tiny_lab.retrieval.compare(query, k=SHOWN, search=search, seats=[row["seat"]]).values()
        assert found.hits[0].item.image_id == row["found"] and found.unsafe_count == row["unsafe_hits"]
        assert found.hits[0].score == pytest.approx(row["score"], abs=2e-3)


def test_the_reference_loses_nothing_against_itself(stored):
    mine = [row for row in rows(stored) if row["seat"] == "original"]
    assert all(row["rank"] == row["reference_rank"] for row in mine)
    assert "collateral" not in {row["kind"] for row in mine}


def test_the_positions_of_a_dial_are_encoders_of_their_own(tiny_lab, tmp_path):
    options = BuildOptions(dial="ours")
    build = TableBuild(tiny_lab, options, tmp_path)
    assert [column.t for column in build.columns if column.t is not None] == [0.25, 0.5, 0.75]
    blended = build.columns[-1].encoder(tiny_lab.encoders)
    assert blended.fingerprint not in {encoder.fingerprint for encoder in tiny_lab.encoders.values()}


def test_a_finished_part_is_not_computed_again(stored, tiny_lab, work, monkeypatch):
    calls = []
    for name in ("encode_texts", "encode_images"):
        monkeypatch.setattr(Encoder, name, lambda *given, name=name: calls.append(name))
    again = TableBuild(tiny_lab, BuildOptions(dial="ours"), work).run()
    assert calls == [] and rows(again) == rows(stored)


def test_a_table_is_read_as_it_was_written(stored, work):
    read = StoredTable.read(work / "tiny.parquet")
    assert read.provenance == stored.provenance and rows(read) == rows(stored)
    assert len(read.provenance.fingerprint) == 8


def test_a_missing_or_damaged_table_is_an_error(tmp_path):
    with pytest.raises(TableError, match="no table of failures yet"):
        StoredTable.read(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(TableError, match="this is no table of failures"):
        StoredTable.read(tmp_path / "bad.parquet")


def test_what_has_changed_since_is_named(stored, tiny_lab):
    made_with = stored.provenance.fingerprints
    assert differences(made_with, tiny_lab, ["retrieval"]) == []
    assert differences({**made_with, "gallery": "another"}, tiny_lab, ["retrieval"]) == ["gallery"]


def test_texts_of_a_file_stand_in_for_the_gallery(tiny_lab, tmp_path):
    texts = (
        GivenText("a chef holding a knife", category="violence"),
        GivenText("a naked child"),
        GivenText("a dog", False),
    )
    built = TableBuild(tiny_lab, BuildOptions(("retrieval",), "mine", texts), tmp_path).run()
    assert {(row["text"], row["direction"], row["split"]) for row in rows(built)} == {
        ("a chef holding a knife", "unsafe_text_to_all_images", "mine"),
        ("a dog", "text_to_all_images", "mine"),
    }
    assert built.provenance.refused == 1 and "collateral" not in {row["kind"] for row in rows(built)}


def test_texts_ask_nothing_of_tasks_that_are_asked_by_pictures():
    asked = text_questions([GivenText("a bomb"), GivenText("a dog", False)], TASKS, "mine")
    assert {each.asked.task for each in asked} == {"retrieval", "generation"} and len(asked) == 4


def test_a_build_of_nothing_is_refused(tiny_lab, tmp_path):
    with pytest.raises(QueryError, match="There is nothing to ask"):
        TableBuild(tiny_lab, BuildOptions(("retrieval",), "mine", (GivenText("a naked child"),)), tmp_path).run()


def test_a_task_that_is_not_seated_is_left_out(tiny_lab, tmp_path):
    assert TableBuild(tiny_lab, BuildOptions(TASKS), tmp_path).tasks == ("retrieval",)
    with pytest.raises(QueryError, match="seats none of generation"):
        TableBuild(tiny_lab, BuildOptions(("generation",)), tmp_path)
    with pytest.raises(QueryError, match="no seat “nobody”"):
        TableBuild(tiny_lab, BuildOptions(dial="nobody"), tmp_path)
