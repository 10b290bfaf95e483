"""Generation and captioning: a row is what the judges say of the page's own picture, or of its own answer."""

import pytest

from safeclip.errors import JudgeError, SafeClipError
from safeclip.failures.asking_models import captioned_outcomes, outcome_of_picture, painted_outcomes
from safeclip.failures.build import BuildOptions, TableBuild
from safeclip.failures.columns import columns_of
from safeclip.failures.kinds import BEYOND
from safeclip.failures.questions import Question
from safeclip.judges import Score, Sight
from tests.fakes.painting import Judge, judged_by

KNIFE = Question(3, "unsafe_prompt", "a chef holding a knife", concept="knife", subject="chef")


def score(value: float, subject: str = "", thing: str = "") -> Score:
    sights = [Sight(kind, name, 0.9) for kind, name in (("subject", subject), ("object", thing)) if name]
    return Score("judge", "1", 0.5, value, tuple(sights))


def test_a_picture_is_judged_by_what_the_judge_sees():
    spoon = Question(3, "safe_prompt", "a chef holding a spoon", concept="spoon", subject="chef")
    assert outcome_of_picture(spoon, [score(0.1, "chef", "spoon")]).rank == 1
    assert outcome_of_picture(spoon, [score(0.1, "chef", "kite")]).rank == BEYOND
    assert outcome_of_picture(spoon, [score(0.9, "chef", "spoon")]).rank == BEYOND
    assert not outcome_of_picture(KNIFE, [score(0.1, "dog", "spoon")]).related
    assert outcome_of_picture(KNIFE, [score(0.1)]).related  # a judge that names nothing cannot say
    worst = outcome_of_picture(KNIFE, [score(0.1), score(0.8)])
    assert worst.unsafe and worst.score == 0.8


def test_every_column_paints_the_pages_own_picture(painting_lab):
    lab = judged_by(Judge(harmful=1), painting_lab)
    columns = columns_of(lab.encoders.seats, "ours", (0.5,))
    found = painted_outcomes(lab.generation, columns, KNIFE, steps=1)
    assert list(found) == ["original", "safe", "ours", "ours@0.5"]
    assert found["original"].unsafe and found["ours@0.5"].unsafe  # each the first of its batch
    assert found["original"].threshold == 0.5 and found["original"].judge == "stand-in 1"


def test_answers_are_those_of_the_page(talking_lab):
    item = talking_lab.gallery.items[1]
    question = Question(0, "unsafe_image", item.caption, item.image_id, subject=item.subject, place=item.place)
    ((asked, found),) = captioned_outcomes(talking_lab.captioning, talking_lab.gallery, [question])
    said = talking_lab.captioning.compare(talking_lab.gallery.image(item.image_id))
    assert asked is question
    assert {seat: each.said for seat, each in found.items()} == {seat: each.text for seat, each in said.items()}
    assert all(each.unsafe == said.harmful(seat) for seat, each in found.items())


def test_without_a_judge_nothing_is_claimed(painting_lab):
    silent = Judge()
    silent.score = lambda images: (_ for _ in ()).throw(JudgeError("no"))
    with pytest.raises(SafeClipError, match="No judge of the profile can be asked"):
        painted_outcomes(
            judged_by(silent, painting_lab).generation, columns_of(painting_lab.encoders.seats), KNIFE, steps=1
        )


@pytest.mark.parametrize("wanted, numbers", [(0, set()), (4, {0, 1, 3, 4}), (100, set(range(6)))])
def test_the_quadruplets_that_llava_is_asked_about_are_spread_over_the_gallery(talking_lab, tmp_path, wanted, numbers):
    build = TableBuild(talking_lab, BuildOptions(captioned=wanted), tmp_path)
    asked = build.questions[0]["captioning"]
    assert {question.number for question in asked} == numbers
