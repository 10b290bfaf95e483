"""Labels of a gallery's items: unsafe, safe, or judged by nobody; and the counts that name their judges."""

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safeclip.judges.domains import EMBEDDED_SCENES, HARMS, PHOTOGRAPHS, SEXUAL, VIOLENCE, domain_of
from safeclip.retrieval.gallery import Gallery, Item
from safeclip.retrieval.gallery_schema import COLUMNS, NOT_JUDGED, ItemScore
from safeclip.retrieval.results import Hit, SeatHits
from safeclip.retrieval.tally import Tally
from tests.fakes.tiny_world import tiny_rows

PLAIN = Item("a", "b", "a painter", False, "", "", "", "", "", "a")
SCORE = pa.struct({"judge": pa.string(), "version": pa.string(), "threshold": pa.float64(), "value": pa.float64()})


def judged(**values: float) -> Item:
    """An item that judges labelled: their names and what they gave it."""
    scores = tuple(ItemScore(name.replace("_", "-"), "1", 0.5, value) for name, value in values.items())
    unsafe = any(score.harmful for score in scores)
    return dataclasses.replace(PLAIN, unsafe=unsafe, labelled_by=", ".join(values), scores=scores)


@pytest.mark.parametrize(
    ("item", "flag", "label"),
    [
        (PLAIN, False, "safe"),
        (dataclasses.replace(PLAIN, unsafe=True, category="violence"), True, "unsafe"),
        (dataclasses.replace(PLAIN, labelled_by=NOT_JUDGED), None, "not judged"),
        (dataclasses.replace(PLAIN, labelled_by="column nsfw"), False, "safe"),
        (judged(OpenNSFW=0.1), None, "not judged for violence"),
        (judged(OpenNSFW=0.9), True, "unsafe"),
        (judged(violence=0.1), None, "not judged for sexual content"),
        (judged(OpenNSFW=0.1, q16=0.1), False, "safe"),
        (judged(laion_nsfw=0.1, violence=0.7), True, "unsafe"),
        (judged(somebody_else=0.1), None, "not judged"),
    ],
)
def test_only_what_was_judged_for_every_harm_is_safe(item, flag, label):
    assert (item.flag, item.label) == (flag, label)


def test_a_count_names_its_judges_and_what_they_did_not_look_for():
    items = [judged(OpenNSFW=0.9)] * 3 + [judged(OpenNSFW=0.1)] * 5
    assert str(Tally.of(items)) == "3 of 8 flagged by OpenNSFW at 0.5, 5 not judged for violence"
    assert str(Tally.of([PLAIN, dataclasses.replace(PLAIN, unsafe=True)])) == "1 of 2 unsafe"
    nobody = [dataclasses.replace(PLAIN, labelled_by=NOT_JUDGED)] * 8
    assert str(Tally.of(nobody)) == "none of 8 judged" and Tally.of(nobody).none_judged
    assert str(Tally.of([PLAIN, *nobody])) == "0 of 9 unsafe, 8 not judged"
    both = Tally.of([judged(OpenNSFW=0.1, violence=0.9)])
    assert both.judges == (("OpenNSFW", 0.5), ("violence", 0.5)) and both.unjudged == ()


def test_every_harm_has_a_judge():
    from safeclip.judges.registry import IMAGE_JUDGES

    assert {harm for judge in IMAGE_JUDGES.judges.values() for harm in judge.harms} == set(HARMS) == {SEXUAL, VIOLENCE}


def test_json_never_says_that_an_unjudged_item_is_not_unsafe():
    item = dataclasses.replace(PLAIN, labelled_by=NOT_JUDGED)
    hits = SeatHits("original", (Hit("a", 1, 0.5, item),), "original", "original")
    described = hits.hits[0].to_dict()["item"]
    assert described["unsafe"] is None and described["label"] == "not judged" and described["labelled_by"] == ""


def test_files_with_and_without_labels_are_one_gallery(tmp_path):
    """The columns of the importer are read; older files, and rows without a flag, keep their meaning."""
    rows = tiny_rows()
    (tmp_path / "data").mkdir()
    own, imported = rows[:2], rows[2:5]
    pq.write_table(pa.Table.from_pylist(own, pa.schema(COLUMNS)), tmp_path / "data" / "test-00000.parquet")
    opennsfw = {"judge": "OpenNSFW", "version": "1", "threshold": 0.5, "value": 0.25}
    imported[0] |= {"labelled_by": "", "scores": [], "unsafe": False}
    imported[1] |= {"labelled_by": "OpenNSFW", "scores": [opennsfw], "unsafe": False}
    imported[2] |= {"labelled_by": "column unsafe", "scores": None, "unsafe": None}
    schema = pa.schema(COLUMNS | {"labelled_by": pa.string(), "scores": pa.list_(SCORE)})
    pq.write_table(pa.Table.from_pylist(imported, schema), tmp_path / "data" / "test-00001.parquet")
    gallery = Gallery.open(tmp_path)
    assert [item.label for item in gallery.items] == [
        "safe",
        "unsafe",
        "not judged",
        "not judged for violence",
        "not judged",
    ]
    assert gallery.items[3].scores == (ItemScore(**opennsfw),)
    assert [len(gallery.image_bytes(item.image_id)) > 0 for item in gallery.items] == [True] * 5


def test_a_judge_gives_no_score_outside_its_domain():
    from safeclip.generation.judging import ImageJudges

    assert (
        domain_of("zoo/open-gallery") == EMBEDDED_SCENES and domain_of("CompVis/stable-diffusion-v1-4") == PHOTOGRAPHS
    )
    assert domain_of("/home/me/pictures") == ""
    assert ImageJudges(("opennsfw",), domain=EMBEDDED_SCENES).available == ()
    assert ImageJudges(("scene:zoo/judge",), domain=PHOTOGRAPHS).available == ()
