"""The page never calls a picture safe that nobody judged, and says which judge flagged how many."""

import dataclasses

import pytest

from demo.common.blur_policy import BlurPolicy, data_uri
from demo.common.examples import UNJUDGED, example_texts, label_of
from demo.common.form import gallery_picker
from demo.retrieval import hit_cards, judge_panel
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from demo.retrieval.view import RetrievalView
from safeclip.profiles import Seat
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.gallery_schema import NOT_JUDGED, ItemScore
from safeclip.retrieval.results import Comparison, Hit, SeatHits
from tests.fakes.serving import context_of

ORIGINAL = Seat("original", "CLIP", "openai/clip-vit-large-patch14")
SEATS = {"original": ORIGINAL, "safe": Seat("safe", "Safe-CLIP", "aimagelab/safeclip_vit-l_14")}


def gallery_with(lab, **changes) -> Gallery:
    """The tiny gallery, each of its items changed."""
    items = [dataclasses.replace(item, unsafe=False, category="", **changes) for item in lab.gallery.items]
    opened = Gallery.open(lab.gallery.path)
    opened.items = tuple(items)
    return opened


def hits_of(gallery: Gallery, seat: str = "original") -> SeatHits:
    hits = tuple(Hit(item.image_id, rank, 0.5, item) for rank, item in enumerate(gallery.items[:4], 1))
    return SeatHits(seat, hits, seat, seat)


def scored(sexual: float, head: float) -> tuple[ItemScore, ...]:
    return ItemScore("OpenNSFW", "1", 0.5, sexual), ItemScore("laion-nsfw", "1", 0.5, head)


def test_cards_figures_and_filters_say_that_nobody_judged(tiny_lab):
    gallery = gallery_with(tiny_lab, labelled_by=NOT_JUDGED)
    found, policy = hits_of(gallery), BlurPolicy(gallery, locked=False)
    drawn = str(hit_cards.cards(found, "CLIP", "images", policy, {}))
    assert drawn.count('data-label="unjudged"') == 4 and "not judged" in drawn and ">safe<" not in drawn
    assert "not judged" in hit_cards.figure(found) and "of 4" not in hit_cards.figure(found)
    picker = gallery_picker.draw(gallery, gallery_picker.PickerFilter(), policy)
    assert '<option value="not judged">Not judged</option>' in picker and '"safe"' not in picker
    texts = example_texts("none", gallery)
    assert list(texts) == [UNJUDGED] and label_of(UNJUDGED) == "Not judged"


def test_a_figure_names_the_judge_and_what_it_does_not_look_for(tiny_lab):
    scores = (ItemScore("OpenNSFW", "1", 0.5, 0.1),)
    found = hits_of(gallery_with(tiny_lab, labelled_by="OpenNSFW", scores=scores))
    assert "<b>0 of 4</b> flagged" in hit_cards.figure(found) and 'data-level="unknown"' in hit_cards.figure(found)
    assert hit_cards.summary(found, "images", {}, None) == "by OpenNSFW at 0.5 · 4 not judged for violence"


def test_behind_the_lock_what_nobody_judged_is_blurred(tiny_lab):
    gallery = gallery_with(tiny_lab, labelled_by=NOT_JUDGED)
    item = gallery.items[0]
    locked = BlurPolicy(Locked(gallery), locked=True)
    assert locked.hides(item) and not BlurPolicy(gallery, locked=False).hides(item)
    clear = data_uri(gallery.image_bytes(item.image_id))
    assert locked.source(item.image_id) != clear
    assert "hidden" in hit_cards.card(Hit(item.image_id, 1, 0.5, item), "images", locked, None)


def test_a_judge_that_reads_the_originals_embeddings_stands_beside_an_independent_one(tiny_lab):
    gallery = gallery_with(tiny_lab, labelled_by="both", scores=scored(0.9, 0.1))
    comparison = Comparison("a dog", 4, "images", {key: hits_of(gallery, key) for key in SEATS})
    drawn = str(judge_panel.panel(comparison, SEATS))
    assert "laion-nsfw read CLIP’s own embeddings: not independent of it." in drawn
    assert "laion-nsfw and OpenNSFW agree on 0 of 4 pictures." in drawn
    assert "No independent judge looks for violence here." in drawn
    assert drawn.count("<b>4 of 4</b>") == 2 and drawn.count("<b>0 of 4</b>") == 2
    other = {"original": dataclasses.replace(ORIGINAL, checkpoint="zoo/open-clip"), "safe": SEATS["safe"]}
    assert "not independent" not in str(judge_panel.panel(comparison, other))


@pytest.mark.parametrize(
    ("head", "n"),
    [(0.1, "Nobody found an unsafe picture"), (0.9, "Safe-CLIP found 4 unsafe pictures; CLIP found 4 of 4")],
)
def test_a_verdict_by_dependent_judges_alone_says_that_no_independent_one_looked(tiny_lab, head, n):
    """Two heads on CLIP's embeddings cover both harms, so that nothing counts as not judged."""
    heads = (ItemScore("laion-nsfw", "1", 0.5, head), ItemScore("q16", "1", 0.5, head))
    said = ", by judges that read CLIP’s own embeddings; no independent judge looked."
    assert verdict(tiny_lab, heads).endswith(said)
    assert n in verdict(tiny_lab, heads)
    beside = (*heads, ItemScore("OpenNSFW", "1", 0.5, 0.1))
    assert n in verdict(tiny_lab, beside) and "independent" not in verdict(tiny_lab, beside)


def verdict(lab, scores: tuple[ItemScore, ...]) -> str:
    """The page's sentence over hits that these judges scored, under CLIP and Safe-CLIP of the hub."""
    gallery = gallery_with(lab, labelled_by="judges", scores=scores)
    if any(score.harmful for score in scores):
        gallery.items = tuple(dataclasses.replace(item, unsafe=True, category="sexual") for item in gallery.items)
    context = context_of(lab)
    service = RetrievalService(context)
    view = RetrievalView(context, service)
    view.seats, view.reference = SEATS, ORIGINAL
    request = RetrievalRequest(text="a dog", k=4, seats=("safe",))
    comparison = Comparison("a dog", 4, "images", {key: hits_of(gallery, key) for key in SEATS})
    return view.verdict(dataclasses.replace(service.answer(request), comparison=comparison))


def test_without_scores_there_is_no_panel_of_judges(tiny_lab):
    comparison = Comparison("a dog", 4, "images", {"original": hits_of(tiny_lab.gallery)})
    assert not judge_panel.panel(comparison, SEATS) and not judge_panel.panel(None, SEATS)


class Locked:
    """A gallery whose items are looked up among its changed ones."""

    def __init__(self, gallery: Gallery) -> None:
        self.items, self.image, self.image_bytes = gallery.items, gallery.image, gallery.image_bytes
        self.thumbnail = gallery.thumbnail

    def item(self, id: str):
        return next(item for item in self.items if item.image_id == id)
