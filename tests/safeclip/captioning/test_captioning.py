"""Side-by-side captioning against plain transformers: answers, streams, seeds, threads and the judge."""

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import LlavaForConditionalGeneration, LlavaProcessor

import safeclip
from safeclip.captioning.compare import Captioning
from safeclip.captioning.llava import Llava
from safeclip.encoders import Encoder
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import CheckpointError, DeviceError, QueryError
from safeclip.profiles import Seat, load_profile

SEATS = ("original", "safe", "ours")
QUESTION = "Who is in the picture?"


def plain_generate(llava, picture, question, *, tower=None, max_new_tokens=20) -> list[int]:
    """Answers with LLaVA's own code (processor, model, generate): the new tokens before the end-of-sequence one."""
    model = LlavaForConditionalGeneration.from_pretrained(llava)
    if tower is not None:
        model.model.vision_tower.load_state_dict(tower.state_dict())
    processor = LlavaProcessor.from_pretrained(llava)
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    inputs = processor(images=picture, text=prompt, return_tensors="pt")
    out = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    tokens = out[0, inputs["input_ids"].shape[1] :].tolist()
    end = processor.tokenizer.eos_token_id
    return tokens[: tokens.index(end)] if end in tokens else tokens


@pytest.mark.parametrize("index", [0, 1, 5])
def test_the_reference_answers_as_plain_generate(captioning, pictures, tiny_llava, index):
    answers = captioning.compare(pictures[index], QUESTION, max_new_tokens=20)
    assert list(answers) == list(SEATS)
    assert list(answers["original"].tokens) == plain_generate(tiny_llava, pictures[index], QUESTION)


def test_another_seat_answers_as_llava_with_its_vision_tower(captioning, pictures, tiny_llava, talking_lab):
    answer = captioning.compare(pictures[1], QUESTION, max_new_tokens=20)["ours"]
    tower = talking_lab.encoders["ours"].model.vision_model
    assert list(answer.tokens) == plain_generate(tiny_llava, pictures[1], QUESTION, tower=tower)
    assert answer.text != captioning.compare(pictures[1], QUESTION, max_new_tokens=20)["original"].text


@pytest.mark.parametrize(("layer", "strategy"), [(-1, "default"), ([-2, -1], "default"), (-2, "full")])
def test_the_checkpoints_way_to_read_a_tower_is_respected(
    tiny_clip, tiny_llava, talking_lab, pictures, tmp_path, layer, strategy
):
    folder = tmp_path / "llava"
    model = LlavaForConditionalGeneration.from_pretrained(tiny_llava)
    processor = LlavaProcessor.from_pretrained(tiny_llava)
    config = model.config
    config.vision_feature_layer, config.vision_feature_select_strategy = layer, strategy
    torch.manual_seed(3)
    other = LlavaForConditionalGeneration(config)
    other.model.vision_tower.load_state_dict(model.model.vision_tower.state_dict())
    other.generation_config = model.generation_config
    other.save_pretrained(folder)
    processor.vision_feature_select_strategy = strategy
    processor.save_pretrained(folder)
    spec = replace(talking_lab.profile.captioning, checkpoint=str(folder))
    answers = Captioning(spec, talking_lab.encoders).compare(pictures[2], QUESTION, max_new_tokens=12)
    tower = talking_lab.encoders["safe"].model.vision_model
    assert list(answers["original"].tokens) == plain_generate(folder, pictures[2], QUESTION, max_new_tokens=12)
    assert list(answers["safe"].tokens) == plain_generate(folder, pictures[2], QUESTION, tower=tower, max_new_tokens=12)


def test_a_batch_gives_the_answers_of_single_questions(captioning, pictures):
    batch = captioning.answer_batch(pictures, QUESTION, seats=("safe", "original"), max_new_tokens=12)
    assert list(batch) == ["original", "safe"]
    for i in (0, 3, 11):
        single = captioning.compare(pictures[i], QUESTION, max_new_tokens=12)
        assert [batch[seat][i] for seat in batch] == [single[seat].text for seat in batch]
    assert captioning.answer_batch([], QUESTION) == {seat: [] for seat in SEATS}


def test_a_single_picture_in_the_place_of_a_batch_is_refused_and_an_iterator_is_a_batch(captioning, pictures):
    for alone in (pictures[0], np.zeros((8, 8, 3), np.uint8), "picture.png", b"\x89PNG", 5):
        with pytest.raises(QueryError, match="Give the pictures as a list"):
            captioning.answer_batch(alone)
    assert len(captioning.answer_batch(iter(pictures[:2]), max_new_tokens=2)["safe"]) == 2


def test_more_images_than_fit_at_once_keep_their_order(captioning, pictures, monkeypatch):
    whole = captioning.answer_batch(pictures[:5], max_new_tokens=6)
    monkeypatch.setattr("safeclip.captioning.compare.IMAGES_AT_ONCE", 2)
    assert captioning.answer_batch(pictures[:5], max_new_tokens=6) == whole


def test_a_batch_that_memory_does_not_hold_is_answered_in_parts(captioning, pictures, monkeypatch):
    whole, inputs = captioning.answer_batch(pictures[:5], max_new_tokens=6), Llava.inputs

    def holding(self, images, question, most):
        if len(images) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inputs(self, images, question)

    monkeypatch.setattr(Llava, "inputs", lambda self, images, question: holding(self, images, question, 2))
    assert captioning.answer_batch(pictures[:5], max_new_tokens=6) == whole
    monkeypatch.setattr(Llava, "inputs", lambda self, images, question: holding(self, images, question, 0))
    with pytest.raises(DeviceError, match="could not be described: CUDA out of memory"):
        captioning.answer_batch(pictures[:5], max_new_tokens=6)


def test_the_last_state_of_a_stream_is_the_comparison(captioning, pictures):
    options = {"max_new_tokens": 16, "temperature": 0.9, "seed": 4}
    *states, last = captioning.stream(pictures[4], QUESTION, **options)
    assert last == captioning.compare(pictures[4], QUESTION, **options)
    assert last.done and not any(state.done for state in states)
    assert states[0]["safe"].tokens == () and len(states) >= 16
    for before, after in zip(states, states[1:], strict=False):
        for seat in SEATS:  # word by word, never back
            assert after[seat].tokens[: len(before[seat].tokens)] == before[seat].tokens


def test_half_a_character_is_held_back(llava):
    half, rest = llava.processor.tokenizer.convert_tokens_to_ids(["Ã", "©"])
    words = llava.processor.tokenizer(" knife")["input_ids"]
    assert llava.decode([*words, half]) == "knife"
    assert llava.decode([*words, half, rest]) == "knifeé"
    assert llava.decode([half, *words]).endswith("knife")  # lost for good, so it stays


def test_a_seed_repeats_and_leaves_torchs_generator_alone(captioning, pictures):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    options = {"temperature": 1.2, "top_p": 0.9, "max_new_tokens": 12}
    first = captioning.compare(pictures[3], seed=1, **options)
    assert torch.equal(torch.rand(3), expected)
    assert captioning.compare(pictures[3], seed=1, **options) == first
    assert captioning.compare(pictures[3], seed=2, **options) != first
    alone = captioning.compare(pictures[3], seats=("safe",), seed=1, **options)
    assert alone["safe"] == first["safe"]  # whoever else is asked


def test_stopping_ends_both_sides_with_what_was_said(captioning, pictures):
    stop = threading.Event()
    states = []
    for state in captioning.stream(pictures[1], max_new_tokens=100, stop=stop):
        states.append(state)
        if len(state["original"].tokens) == 3:
            stop.set()
    assert states[-1].done
    assert 3 <= len(states[-1]["original"].tokens) <= 8
    assert not states[-1]["original"].complete


def test_a_stream_that_nobody_reads_any_more_stops(captioning, pictures):
    stop = threading.Event()
    stream = captioning.stream(pictures[1], max_new_tokens=100, stop=stop)
    next(stream)
    stream.close()
    assert stop.is_set()
    assert captioning.compare(pictures[1], max_new_tokens=2).done  # and the next question is answered


def test_threads_take_turns(captioning, pictures):
    expected = [captioning.compare(picture, max_new_tokens=8) for picture in pictures[:4]]
    found = [None] * 4

    def ask(i):
        found[i] = list(captioning.stream(pictures[i], max_new_tokens=8))[-1]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_an_answer_says_whether_it_ended_by_itself(captioning, pictures, tiny_llava):
    long = captioning.compare(pictures[0], max_new_tokens=100)
    for answer in long.values():
        assert answer.complete == (len(answer.tokens) < 100)
    short = captioning.compare(pictures[0], max_new_tokens=2)["original"]
    assert not short.complete and len(short.tokens) == 2


# --- the judge


def test_unsafe_words_are_found_in_the_answers(captioning, pictures):
    found = [captioning.compare(picture, max_new_tokens=40) for picture in pictures]
    answers = [answer for comparison in found for answer in comparison.values()]
    assert any(answer.unsafe for answer in answers) and not all(answer.unsafe for answer in answers)
    for answer in answers:
        assert answer.score == float(bool(answer.unsafe))
        for mention in answer.mentions:
            assert answer.text[mention.start : mention.end].strip() != ""
    judge = found[0].judge
    assert judge.name == "lexicon of ViSU-Emoji" and len(judge.version) == 8 and judge.threshold == 0.5


def test_a_word_that_is_still_being_written_is_not_marked(captioning, pictures):
    for state in captioning.stream(pictures[1], max_new_tokens=40):
        for answer in state.values():
            if not state.done and not answer.complete:
                assert all(mention.end < len(answer.text) for mention in answer.mentions)


def test_without_a_lexicon_the_answers_stand_unjudged(talking_lab, pictures, tmp_path):
    spec = replace(talking_lab.profile.captioning, lexicon=str(tmp_path / "none.json"))
    found = Captioning(spec, talking_lab.encoders).compare(pictures[0], max_new_tokens=4)
    assert found["original"].text and found["original"].score is None and found.judge is None
    assert "none.json" in found.notes[-1] and found.harmful("original") is None


def test_a_comparison_becomes_json(captioning, pictures):
    found = captioning.compare(pictures[1], QUESTION, max_new_tokens=40)
    table = found.to_dict()
    assert table["question"] == QUESTION and list(table["seats"]) == list(SEATS)
    assert table["seats"]["safe"]["text"] == found["safe"].text
    assert table["seats"]["safe"]["harmful"] == found.harmful("safe") == bool(found["safe"].unsafe)
    assert table["judge"]["threshold"] == 0.5


def test_given_texts_are_judged_as_answers_are(captioning):
    found = captioning.judged(QUESTION, {"safe": "a dog with a kite", "original": "a dog with a bomb"})
    assert list(found) == ["original", "safe"] and found.done
    assert found.harmful("original") and not found.harmful("safe")
    assert [mention.concept for mention in found["original"].unsafe] == ["bomb"]


def test_the_fingerprint_follows_the_models(captioning, talking_lab, tiny_llava, tmp_path):
    folder = tmp_path / "llava"
    shutil.copytree(tiny_llava, folder)
    spec = replace(talking_lab.profile.captioning, checkpoint=str(folder))
    assert Captioning(spec, talking_lab.encoders).fingerprint == captioning.fingerprint
    (folder / "config.json").write_text("{}")
    assert Captioning(spec, talking_lab.encoders).fingerprint != captioning.fingerprint
    shutil.rmtree(folder)
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        _ = Captioning(spec, talking_lab.encoders).fingerprint


@pytest.mark.parametrize("named", ["{}", "ViT-B-32:{}/open_clip_model.pt", "ViT-B-32:{}", "local-dir:{}"])
def test_the_fingerprint_follows_the_archives_of_a_seat(talking_lab, tmp_path, named):
    seat = replace(talking_lab.profile.seats[1], checkpoint=named.format(tmp_path), adapter=None)
    seats = EncoderSet([talking_lab.profile.seats[0], seat])
    fingerprints = set()
    for weights in (b"before", b"after"):
        (tmp_path / "open_clip_model.pt").write_bytes(weights)
        fingerprints.add(Captioning(talking_lab.profile.captioning, seats).fingerprint)
    assert len(fingerprints) == 2


def test_the_fingerprint_follows_the_commit_of_an_open_clip_repository(talking_lab, fake_hub, tiny_open_clip):
    fake_hub.repositories["somebody/open"] = tiny_open_clip
    fingerprints = set()
    for revision in (None, "a" * 40):
        seat = Seat("far", "Far", "hf-hub:somebody/open", revision=revision)
        encoders = EncoderSet([talking_lab.profile.seats[0], seat])
        fingerprints.add(Captioning(talking_lab.profile.captioning, encoders).fingerprint)
    assert len(fingerprints) == 2


# --- the profile


def test_a_lab_makes_its_captioning_once_and_loads_nothing(talking_lab):
    lab = safeclip.open(talking_lab.profile)
    assert lab.captioning is lab.captioning
    assert not lab.captioning.loaded


def test_captioning_may_have_seats_of_its_own(talking_lab, tiny_clip, pictures):
    own = tuple(replace(seat, label=seat.label + " 336") for seat in talking_lab.profile.seats[:2])
    profile = replace(talking_lab.profile, captioning=replace(talking_lab.profile.captioning, seats=own))
    lab = safeclip.open(profile)
    assert list(lab.captioning.seats) == ["original", "safe"] and len(lab.encoders) == 3
    assert lab.captioning.seats["safe"].label == "Safe-CLIP 336"
    assert list(lab.captioning.compare(pictures[0], max_new_tokens=2)) == ["original", "safe"]


def test_the_embedded_profile_asks_what_its_llava_was_taught():
    from training.data.open_world.dialogues.questions import QUESTIONS

    taught = {question.name: set(question.wordings) for question in QUESTIONS}
    questions = load_profile("emoji").captioning.questions
    kinds = [name for asked in questions for name, wordings in taught.items() if asked in wordings]
    assert len(kinds) == len(set(kinds)) == len(questions)  # each is a kind of its own that needs no name of a thing


def test_the_encoder_behind_a_seat_is_the_labs(talking_lab):
    assert talking_lab.captioning.encoders is talking_lab.encoders
    assert isinstance(talking_lab.encoders["safe"], Encoder)
