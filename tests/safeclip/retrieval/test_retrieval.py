"""Comparisons against plain transformers code and numpy: who embeds the query, who embedded the gallery."""

import shutil

import numpy as np
import pytest
import torch

from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import QueryError
from safeclip.profiles import Seat
from safeclip.retrieval.compare import Question, Retrieval

TEXT = "a chef holding a knife in the kitchen"
SEATS = ("original", "safe", "ours")
TOLERANCE = 2e-3  # of a cosine under float16


@pytest.fixture(scope="module")
def retrieval(tiny_lab):
    return tiny_lab.retrieval


@pytest.fixture(scope="module")
def picture(tiny_lab):
    return tiny_lab.gallery.image(tiny_lab.gallery.items[3].image_id).rotate(9)


@pytest.fixture(scope="module")
def oracle(tiny_lab, picture):
    """seat → {"text", "image"} query vectors and {"captions", "images"} gallery matrices, by plain transformers."""
    from peft import PeftModel
    from transformers import CLIPModel, CLIPProcessor

    items = tiny_lab.gallery.items
    out = {}
    for seat in tiny_lab.profile.seats:
        processor = CLIPProcessor.from_pretrained(seat.checkpoint)
        model = CLIPModel.from_pretrained(seat.checkpoint)
        if seat.adapter:
            model = PeftModel.from_pretrained(model, seat.adapter)
        model.eval()
        tokens = processor(text=[TEXT, *(item.caption for item in items)], padding=True, return_tensors="pt")
        pictures = [picture, *(tiny_lab.gallery.image(item.image_id) for item in items)]
        with torch.no_grad():
            texts = model.get_text_features(**tokens).pooler_output.numpy()
            images = model.get_image_features(**processor(images=pictures, return_tensors="pt")).pooler_output.numpy()
        texts, images = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (texts, images))
        out[seat.key] = {"text": texts[0], "image": images[0], "captions": texts[1:], "images": images[1:]}
    return out


def assert_answers(found, query, gallery, items, search, k):
    """`found` lists the k best rows of `gallery` (n, d) for `query` (d,), up to the rounding of float16."""
    key = "image_id" if search == "images" else "caption_id"
    cosine = {getattr(item, key): float(vector @ query) for item, vector in zip(items, gallery, strict=True)}
    assert found.error is None
    assert [hit.rank for hit in found.hits] == list(range(1, k + 1))
    np.testing.assert_allclose(
        [hit.score for hit in found.hits], [cosine[hit.id] for hit in found.hits], atol=TOLERANCE
    )
    best = sorted(cosine.values(), reverse=True)[:k]
    np.testing.assert_allclose([hit.score for hit in found.hits], best, atol=TOLERANCE)
    for hit in found.hits:
        assert getattr(hit.item, key) == hit.id
    assert found.unsafe_count == sum(hit.item.unsafe for hit in found.hits)


@pytest.mark.parametrize("search", ["images", "captions"])
@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_comparison_equals_encoding_every_side_apart(retrieval, oracle, picture, tiny_lab, modality, search):
    comparison = retrieval.compare(TEXT if modality == "text" else picture, k=5, search=search)
    assert list(comparison) == list(SEATS)
    for seat in SEATS:
        assert comparison[seat].query_seat == comparison[seat].index_seat == comparison[seat].seat == seat
        assert_answers(
            comparison[seat], oracle[seat][modality], oracle[seat][search], tiny_lab.gallery.items, search, 5
        )


@pytest.mark.parametrize("search", ["images", "captions"])
@pytest.mark.parametrize("modality", ["text", "image"])
@pytest.mark.parametrize("towers", ["both", "text", "image"])
def test_the_2x2_of_towers(retrieval, oracle, picture, tiny_lab, modality, search, towers):
    """The query goes through the tower of its modality, the gallery went through the tower of its own."""
    comparison = retrieval.compare(TEXT if modality == "text" else picture, k=12, search=search, towers=towers)
    index_tower = {"images": "image", "captions": "text"}[search]
    for seat in SEATS:
        asker = seat if towers in ("both", modality) else "original"
        answerer = seat if towers in ("both", index_tower) else "original"
        found = comparison[seat]
        assert (found.query_seat, found.index_seat) == (asker, answerer)
        assert_answers(found, oracle[asker][modality], oracle[answerer][search], tiny_lab.gallery.items, search, 12)


def test_a_safe_text_tower_over_the_original_index(retrieval):
    by_towers = retrieval.compare(TEXT, towers="text")
    by_seat = retrieval.compare(TEXT, index_seat="original")
    assert by_towers["safe"] == by_seat["safe"]
    assert by_seat["original"] == retrieval.compare(TEXT)["original"]


def test_the_query_may_be_given_to_one_seat_for_all(retrieval, oracle, tiny_lab):
    comparison = retrieval.compare(TEXT, k=4, query_seat="ours", index_seat="safe")
    for seat in SEATS:
        assert (comparison[seat].query_seat, comparison[seat].index_seat) == ("ours", "safe")
        assert_answers(
            comparison[seat], oracle["ours"]["text"], oracle["safe"]["images"], tiny_lab.gallery.items, "images", 4
        )


def test_questions_of_all_kinds_at_once_are_answered_as_each_alone(retrieval, picture):
    options = [{}, {"k": 3}, {"search": "captions"}, {"towers": "image"}, {"seats": ["ours"]}, {"query_seat": "safe"}]
    questions = [Question(query, **each) for query in (TEXT, picture, "a dog") for each in options]
    for question, found in zip(questions, retrieval.compare_all(questions), strict=True):
        alone = retrieval.compare(**vars(question))
        assert list(found) == list(alone) and found.notes == alone.notes
        for seat in alone:
            assert [hit.id for hit in found[seat].hits] == [hit.id for hit in alone[seat].hits]
            scores = [hit.score for hit in alone[seat].hits]
            np.testing.assert_allclose([hit.score for hit in found[seat].hits], scores, rtol=0, atol=1e-6)


def test_only_the_seats_asked_for_answer(retrieval):
    assert list(retrieval.compare(TEXT, seats=["ours", "original"])) == ["original", "ours"]
    with pytest.raises(QueryError, match="No seat is asked"):
        retrieval.compare(TEXT, seats=[])


@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_query_is_prepared_once_for_all_seats(retrieval, picture, monkeypatch, modality):
    prepare, embed = ("tokenize", "embed_tokens") if modality == "text" else ("pixels", "embed_pixels")
    counts = {prepare: 0, embed: 0}

    def count(name, original):
        def counted(*args):
            counts[name] += 1
            return original(*args)

        return counted

    for name in counts:
        monkeypatch.setattr(Encoder, name, count(name, getattr(Encoder, name)))
    query = TEXT if modality == "text" else picture
    retrieval.compare(query)
    assert counts == {prepare: 1, embed: 3}
    other_tower = "image" if modality == "text" else "text"
    retrieval.compare(query, towers=other_tower)  # every query goes through the reference's tower
    assert counts == {prepare: 2, embed: 4}


def test_a_query_that_matches_itself_is_first(retrieval, tiny_lab):
    item = tiny_lab.gallery.items[7]
    for seat, found in retrieval.compare(item.caption, search="captions").items():
        assert (found.hits[0].id, found.hits[0].score) == (item.caption_id, pytest.approx(1, abs=TOLERANCE)), seat
    for found in retrieval.compare(tiny_lab.gallery.image_bytes(item.image_id)).values():
        assert found.hits[0].item is item


def test_a_query_stands_on_the_map_where_the_projection_puts_its_embedding(retrieval, oracle, picture):
    for query, modality, projection in (
        (TEXT, "text", retrieval.map.captions),
        (picture, "image", retrieval.map.images),
    ):
        position = retrieval.position(query)
        assert list(position) == list(SEATS)
        for seat in SEATS:
            expected = (oracle[seat][modality] - projection.origin) @ projection.axes.T
            np.testing.assert_allclose(position[seat], expected, atol=1e-4)


def test_a_gallery_caption_stands_on_its_own_point(retrieval, tiny_lab):
    item = tiny_lab.gallery.items[5]
    point = retrieval.map.captions.points[item.caption_id]
    np.testing.assert_allclose(retrieval.position(item.caption)["original"], point, atol=1e-4)


def test_unknown_words_are_named_with_near_ones(retrieval):
    assert retrieval.unknown_words("a chef holding a knife") == {}
    assert retrieval.unknown_words("a cheff and knives") == {"cheff": ["chef"], "and": [], "knives": ["knife"]}


def test_a_model_without_a_vocabulary_knows_every_word(tiny_lab, tmp_path):
    encoders = EncoderSet([Seat("web", "Web", str(tmp_path))])
    assert Retrieval(encoders, tiny_lab.gallery, tmp_path).unknown_words("xyzzy") == {}


def test_a_list_of_words_is_looked_for_until_the_encoder_is_loaded(tiny_lab, tiny_clip, tmp_path):
    checkpoint = shutil.copytree(tiny_clip, tmp_path / "clip")
    words = (checkpoint / "vocabulary.txt").rename(tmp_path / "words.txt")
    retrieval = Retrieval(EncoderSet([Seat("original", "", str(checkpoint))]), tiny_lab.gallery, tmp_path)
    assert retrieval.vocabulary is None  # and may still be fetched
    retrieval.encoders.preload(["original"])
    assert retrieval.vocabulary is None
    words.rename(checkpoint / "vocabulary.txt")
    assert retrieval.vocabulary is None
