"""What users ask that nobody expected, and what breaks: told in words, and by the side that it befell."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import safeclip
from safeclip.encoders import Encoder
from safeclip.errors import ImageError, IndexCorruptError, QueryError, RefusedError
from safeclip.profiles import Seat
from safeclip.retrieval.compare import Question
from safeclip.retrieval.stores.faiss_store import FaissStore

TEXT = "a chef holding a knife in the kitchen"


@pytest.fixture(scope="module")
def retrieval(tiny_lab):
    return tiny_lab.retrieval


def test_more_than_the_gallery_holds_lists_all_and_says_so(retrieval):
    comparison = retrieval.compare(TEXT, k=1000)
    assert [len(found.hits) for found in comparison.values()] == [12, 12, 12]
    assert comparison.notes == ("The gallery has only 12 images; all of them are listed.",)
    assert retrieval.compare(TEXT, k=12).notes == ()


@pytest.mark.parametrize("k", [0, -1, 2.5, "8", None])
def test_a_number_of_results_out_of_range_is_reported(retrieval, k):
    with pytest.raises(QueryError, match="whole number from 1"):
        retrieval.compare(TEXT, k=k)


@pytest.mark.parametrize("query", ["", "  \n\t", None])
def test_an_empty_query_is_reported(retrieval, query):
    for ask in (retrieval.compare, retrieval.position):
        with pytest.raises(QueryError, match="empty"):
            ask(query)


def test_blanks_before_a_text_do_not_get_it_past_the_refusal(retrieval):
    with pytest.raises(RefusedError):
        retrieval.compare(" " * 20_000 + "a naked child")


def test_a_long_query_is_cut_with_a_note(retrieval):
    long = TEXT + " " + "and a dog " * 40
    comparison = retrieval.compare(long)
    assert all(found.hits for found in comparison.values())
    (note,) = comparison.notes
    assert "longer than the 32 tokens" in note
    assert comparison.query == long.strip()


def test_a_seat_that_fails_for_one_of_several_queries_answers_the_others(retrieval, tiny_lab, monkeypatch):
    embed = Encoder.embed_tokens
    broken = tiny_lab.encoders["safe"]

    def embedding(encoder, tokens, **options):
        if encoder is broken and int(tokens["length"].max()) > 8:
            raise QueryError("This one cannot be embedded.")
        return embed(encoder, tokens, **options)

    monkeypatch.setattr(Encoder, "embed_tokens", embedding)
    short, long = retrieval.compare_all([Question("a dog", k=3), Question(TEXT, k=3)])
    assert short["safe"].error is None and len(short["safe"].hits) == 3
    assert long["safe"].error == "This one cannot be embedded." and long["ours"].error is None


@pytest.mark.parametrize("query", ["料理人", "шеф-повар с ножом", "🔪🔪", "שף", "?!", "\ud800", "<|endoftext|>"])
def test_any_text_is_answered(retrieval, query):
    assert [len(found.hits) for found in retrieval.compare(query, k=3).values()] == [3, 3, 3]


@pytest.mark.parametrize(
    "query",
    [
        Image.new("CMYK", (30, 20)),
        Image.new("I;16", (30, 20)),
        Image.new("P", (30, 20)),
        Image.new("RGBA", (1, 1)),
        np.zeros((5, 7, 3), np.uint8),
    ],
    ids=["cmyk", "16 bit", "palette", "one pixel", "array"],
)
def test_any_image_is_answered(retrieval, query):
    assert [len(found.hits) for found in retrieval.compare(query, k=3).values()] == [3, 3, 3]


def test_a_file_that_is_no_image_is_reported(retrieval):
    with pytest.raises(ImageError, match="not a picture"):
        retrieval.compare(b"hello")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"search": "videos"}, "'videos' is no choice of search; choose one of: images, captions"),
        ({"towers": "none"}, "'none' is no choice of towers; choose one of: both, text, image"),
        ({"seats": ["safe", "nobody"]}, "no seat “nobody” in this profile. Its seats are original, safe, ours"),
        ({"seats": "safe"}, r"Give the seats as a list, such as \['safe'\]"),
        ({"index_seat": "nobody"}, "no seat “nobody”"),
        ({"query_seat": "nobody"}, "no seat “nobody”"),
        (
            {"search": np.array(["images", "captions"])},
            "array.* is no choice of search; choose one of: images, captions",
        ),
        ({"k": True}, "number of results must be a whole number from 1, not True"),
    ],
)
def test_an_unknown_option_lists_the_known_ones(retrieval, options, says):
    with pytest.raises(QueryError, match=says):
        retrieval.compare(TEXT, **options)


@pytest.mark.parametrize("option", ["k", "search", "towers"])
def test_a_message_about_an_option_is_short_however_long_its_value_is(retrieval, option):
    with pytest.raises(QueryError) as raised:
        retrieval.compare(TEXT, **{option: "a" * 5000})
    assert len(str(raised.value)) < 200


def test_seats_may_be_an_iterator(retrieval):
    assert list(retrieval.compare(TEXT, seats=iter(["safe", "original"]))) == ["original", "safe"]


def test_one_query_in_the_place_of_a_list_is_refused(retrieval):
    for query in ("a dog", b"...", Image.new("RGB", (9, 9)), np.zeros((5, 7, 3), np.uint8)):
        with pytest.raises(QueryError, match="Give the queries as a list"):
            retrieval.embed(query)


def test_an_unknown_seat_is_named_wherever_one_is_given(retrieval):
    for ask in (lambda: retrieval.embed(["a dog"], ["nobody"]), lambda: retrieval.index("nobody", "images")):
        with pytest.raises(QueryError, match="no seat “nobody” in this profile"):
            ask()
    with pytest.raises(QueryError, match="'videos' is no choice of search"):
        retrieval.index("safe", "videos")


@pytest.mark.parametrize("questions", ["a dog", ["a dog"], Question("a dog"), 5, None])
def test_what_is_no_list_of_questions_is_refused(retrieval, questions):
    with pytest.raises(QueryError, match=r"Give the questions as a list, such as \[Question\('a dog'\)\], not"):
        retrieval.compare_all(questions)


def test_a_seat_that_did_not_embed_a_query_is_named(retrieval):
    (embedded,) = retrieval.embed(["a dog"], ["original"])
    (found,) = retrieval.compare_all([Question(embedded, k=3)])
    assert len(found["original"].hits) == 3
    assert found["safe"].error == "The query was not embedded under the seat “safe”: name it in `embed`."


def test_nothing_is_like_a_query_in_an_empty_gallery(own_lab, monkeypatch):
    lab = own_lab[0]()
    empty = FaissStore.build([], np.zeros((0, 16), np.float32))
    monkeypatch.setattr(lab.retrieval, "index", lambda seat, search: empty)
    assert lab.retrieval.likeness("a dog") is None


def test_a_damaged_tokenizer_of_the_reference_leaves_the_others_their_answers(own_lab, tiny_lab, tiny_clip, tmp_path):
    open_lab, _ = own_lab
    damaged = shutil.copytree(tiny_clip, tmp_path / "damaged")
    (damaged / "tokenizer.json").write_text("{")
    lab = open_lab((f"label = 'CLIP', checkpoint = '{tiny_clip}'", f"label = 'CLIP', checkpoint = '{damaged}'"))
    comparison = lab.retrieval.compare(TEXT)
    assert "tokenizer" in comparison["original"].error
    assert comparison["safe"].hits == tiny_lab.retrieval.compare(TEXT)["safe"].hits
    assert lab.retrieval.unknown_words("a zebrafish") == {"zebrafish": []}


@pytest.fixture
def own_lab(tiny_lab, tmp_path):
    """A lab of which a test may change the profile's text and damage the index."""
    index = shutil.copytree(tiny_lab.profile.retrieval.index, tmp_path / "index")
    path = tmp_path / "own.toml"

    def open_lab(*replacements):
        text = Path(tiny_lab.profile.retrieval.index).with_name("tiny.toml").read_text()
        for old, new in ((tiny_lab.profile.retrieval.index, str(index)), *replacements):
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return safeclip.open(path)

    return open_lab, index


def test_a_seat_whose_checkpoint_is_missing_says_so_and_the_others_answer(own_lab, tiny_lab):
    open_lab, _ = own_lab
    lab = open_lab((tiny_lab.profile.seats[1].adapter, "/nowhere/adapter"))
    comparison = lab.retrieval.compare(TEXT)
    assert "/nowhere/adapter: there is no such PEFT adapter" in comparison["safe"].error
    assert (comparison["safe"].hits, comparison["safe"].unsafe_count) == ((), 0)
    expected = tiny_lab.retrieval.compare(TEXT)
    assert comparison["original"] == expected["original"]
    assert comparison["ours"] == expected["ours"]
    assert set(lab.retrieval.position(TEXT)) == {"original", "ours"}
    assert comparison.moved("original", "safe").appeared == ()


def test_a_missing_reference_leaves_the_others_their_own_towers(own_lab, tiny_lab, tmp_path):
    open_lab, _ = own_lab
    clip = tiny_lab.profile.seats[0].checkpoint
    lab = open_lab((f"label = 'CLIP', checkpoint = '{clip}'", "label = 'CLIP', checkpoint = '/nowhere'"))
    comparison = lab.retrieval.compare(TEXT)
    assert "/nowhere" in comparison["original"].error
    assert comparison["safe"].hits == tiny_lab.retrieval.compare(TEXT)["safe"].hits
    assert all(found.error for found in lab.retrieval.compare(TEXT, towers="text").values())


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda index: shutil.rmtree(index / "safe"), "there is no manifest"),
        (lambda index: (index / "safe" / "images.faiss").write_bytes(b"x"), "truncated"),
        (lambda index: shutil.copytree(index / "ours", index / "safe", dirs_exist_ok=True), "by another encoder"),
    ],
)
def test_a_seat_whose_index_is_unfit_says_so_and_the_others_answer(own_lab, tiny_lab, damage, says):
    open_lab, index = own_lab
    damage(index)
    comparison = open_lab().retrieval.compare(TEXT)
    assert says in comparison["safe"].error
    expected = tiny_lab.retrieval.compare(TEXT)
    assert comparison["original"] == expected["original"]
    assert comparison["ours"] == expected["ours"]


def test_an_index_of_another_gallery_is_refused(own_lab, tiny_lab, tmp_path, make):
    open_lab, _ = own_lab
    smaller = make.write_gallery(tmp_path / "smaller", make.tiny_rows()[:10])
    lab = open_lab((tiny_lab.profile.retrieval.gallery, str(smaller)))
    for found in lab.retrieval.compare(TEXT).values():
        assert "another gallery" in found.error


def test_encoders_of_other_widths_answer_apart_but_cannot_be_mixed(own_lab, tiny_lab, tmp_path, make):
    open_lab, index = own_lab
    wide = make.clip(tmp_path / "wide", seed=7, projection_dim=24)
    seat = Seat("ours", "Wide", str(wide))
    shutil.rmtree(index / "ours")
    make.build_index(index / "ours", seat, Encoder.from_pretrained(wide), tiny_lab.gallery)
    clip, adapter = tiny_lab.profile.seats[2].checkpoint, tiny_lab.profile.seats[2].adapter
    lab = open_lab((f"checkpoint = '{clip}', adapter = '{adapter}'", f"checkpoint = '{wide}'"))
    assert [len(found.hits) for found in lab.retrieval.compare(TEXT).values()] == [8, 8, 8]
    mixed = lab.retrieval.compare(TEXT, towers="text")
    assert "towers of one width" in mixed["ours"].error
    assert mixed["safe"].error is None
    assert set(lab.retrieval.position(TEXT)) == {"original", "safe"}


def test_threads_get_the_same_answers_from_a_cold_lab(tiny_lab):
    path = Path(tiny_lab.profile.retrieval.index).with_name("tiny.toml")
    lab = safeclip.open(path)
    queries = [TEXT, "a dog", "a robot in the forest", tiny_lab.gallery.image(tiny_lab.gallery.items[0].image_id)]
    expected = [tiny_lab.retrieval.compare(query).to_dict() for query in queries]
    answers, start = {}, threading.Barrier(8)

    def ask(i):
        start.wait()
        answers[i] = lab.retrieval.compare(queries[i % 4]).to_dict()

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {i: expected[i % 4] for i in range(8)}


def test_a_missing_map_is_reported_and_retrieval_goes_on(own_lab):
    open_lab, index = own_lab
    (index / "projection.json").unlink()
    lab = open_lab()
    with pytest.raises(IndexCorruptError, match="map is missing"):
        lab.retrieval.position(TEXT)
    assert all(found.hits for found in lab.retrieval.compare(TEXT).values())
