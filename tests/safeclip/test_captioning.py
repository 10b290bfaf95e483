"""One picture, one language model, many eyes: beside plain transformers, and where it can go wrong."""

import shutil
import threading
from dataclasses import replace

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel, LlavaForConditionalGeneration, LlavaProcessor

import safeclip
from safeclip.captioning import MAX_QUESTION, Captioning
from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError, ImageError, ProfileError, QueryError
from safeclip.llava import Llava
from safeclip.pairs import EncoderSet
from safeclip.profiles import load_profile

SEATS = ("original", "safe", "ours")
QUESTION = "Who is in the picture?"


@pytest.fixture(scope="module")
def captioning(talking_lab) -> Captioning:
    return talking_lab.captioning


@pytest.fixture(scope="module")
def pictures(talking_lab):
    return [talking_lab.gallery.image(item.image_id) for item in talking_lab.gallery.items]


def plain_generate(llava, picture, question, *, tower=None, max_new_tokens=20) -> list[int]:
    """What LLaVA's own code answers: processor, model, generate; new tokens up to the end-of-sequence one."""
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
def test_the_reference_says_what_plain_generate_says(captioning, pictures, tiny_llava, index):
    answers = captioning.compare(pictures[index], QUESTION, max_new_tokens=20)
    assert list(answers) == list(SEATS)
    assert list(answers["original"].tokens) == plain_generate(tiny_llava, pictures[index], QUESTION)


def test_another_seat_says_what_llava_says_with_its_tower(captioning, pictures, tiny_llava, talking_lab):
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


def test_a_batch_says_what_single_questions_say(captioning, pictures):
    batch = captioning.answer_batch(pictures, QUESTION, seats=("safe", "original"), max_new_tokens=12)
    assert list(batch) == ["original", "safe"]
    for i in (0, 3, 11):
        single = captioning.compare(pictures[i], QUESTION, max_new_tokens=12)
        assert [batch[seat][i] for seat in batch] == [single[seat].text for seat in batch]
    assert captioning.answer_batch([], QUESTION) == {seat: [] for seat in SEATS}


def test_more_pictures_than_fit_at_once_keep_their_order(captioning, pictures, monkeypatch):
    whole = captioning.answer_batch(pictures[:5], max_new_tokens=6)
    monkeypatch.setattr("safeclip.captioning._IMAGES_AT_ONCE", 2)
    assert captioning.answer_batch(pictures[:5], max_new_tokens=6) == whole


def test_the_last_state_of_a_stream_is_the_comparison(captioning, pictures):
    options = {"max_new_tokens": 16, "temperature": 0.9, "seed": 4}
    *states, last = captioning.stream(pictures[4], QUESTION, **options)
    assert last == captioning.compare(pictures[4], QUESTION, **options)
    assert last.done and not any(state.done for state in states)
    assert states[0]["safe"].tokens == () and len(states) >= 16
    for before, after in zip(states, states[1:], strict=False):
        for seat in SEATS:  # word by word, never back
            assert after[seat].tokens[: len(before[seat].tokens)] == before[seat].tokens


def test_half_a_character_is_held_back(captioning, pictures):
    captioning.compare(pictures[0], max_new_tokens=1)
    llava = captioning._model
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


# --- a side may fail alone


def seated(talking_lab, **seats) -> EncoderSet:
    return EncoderSet([replace(seat, **seats.get(seat.key, {})) for seat in talking_lab.profile.seats])


def test_a_missing_encoder_fails_alone(talking_lab, captioning, pictures):
    encoders = seated(talking_lab, safe={"adapter": "/nowhere"})
    found = Captioning(talking_lab.profile.captioning, encoders).compare(pictures[0], max_new_tokens=6)
    expected = captioning.compare(pictures[0], max_new_tokens=6)
    assert "/nowhere" in found["safe"].error and found["safe"].text == ""
    assert found["original"] == expected["original"] and found["ours"] == expected["ours"]
    assert list(found) == list(SEATS)


def other_tower(**changes) -> CLIPVisionModel:
    """A vision tower like the tiny CLIP's but for the changes."""
    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return CLIPVisionModel(CLIPVisionConfig(**(layers | {"image_size": 32, "patch_size": 8} | changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden_size": 48}, "hidden size 48 instead of 32"),
        ({"image_size": 64}, "image size 64 instead of 32"),
        ({"patch_size": 16}, "patch size 16 instead of 8"),
    ],
)
def test_a_tower_of_another_shape_fails_alone(talking_lab, pictures, monkeypatch, changes, said):
    encoders = seated(talking_lab)
    tower = other_tower(**changes)
    monkeypatch.setattr(encoders["safe"].model, "vision_model", tower)
    found = Captioning(talking_lab.profile.captioning, encoders).compare(pictures[0], max_new_tokens=4)
    assert said in found["safe"].error
    assert found["original"].error is None and found["ours"].error is None


def test_an_encoder_of_another_format_fails_alone(talking_lab, pictures, monkeypatch):
    encoders = seated(talking_lab)
    monkeypatch.setattr(encoders["ours"], "model", torch.nn.Linear(2, 2))
    found = Captioning(talking_lab.profile.captioning, encoders).compare(pictures[0], max_new_tokens=4)
    assert "transformers format" in found["ours"].error
    assert found["safe"].error is None


def test_running_out_of_memory_is_told_by_every_seat(talking_lab, pictures, monkeypatch):
    def full(*args, **options):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate …")

    captioning = Captioning(talking_lab.profile.captioning, seated(talking_lab))
    monkeypatch.setattr(Llava, "generate", full)
    found = captioning.compare(pictures[0])
    assert {answer.error for answer in found.values()} == {"The language model could not answer: CUDA out of memory."}
    assert found.done


# --- what cannot be answered at all


def test_a_missing_llava_is_told_and_looked_for_again(talking_lab, pictures, tiny_llava, tmp_path):
    spec = replace(talking_lab.profile.captioning, checkpoint=str(tmp_path / "llava"))
    captioning = Captioning(spec, talking_lab.encoders)
    for ask in (captioning.compare, lambda picture: list(captioning.stream(picture))):
        with pytest.raises(CheckpointError, match="there is no such LLaVA checkpoint"):
            ask(pictures[0])
    assert not captioning.loaded
    shutil.copytree(tiny_llava, tmp_path / "llava")
    assert captioning.compare(pictures[0], max_new_tokens=2).done and captioning.loaded


@pytest.mark.parametrize("pattern", ["config.json", "model*.safetensors", "tokenizer*.json", "*processor_config.json"])
def test_a_missing_file_is_named(tiny_llava, tmp_path, pattern):
    folder = tmp_path / "llava"
    shutil.copytree(tiny_llava, folder)
    for path in folder.glob(pattern):
        path.unlink()
    with pytest.raises(CheckpointError, match="is missing; a LLaVA checkpoint needs it"):
        Llava.from_pretrained(folder, device="cpu")


def test_broken_weights_are_told(tiny_llava, tmp_path):
    folder = tmp_path / "llava"
    shutil.copytree(tiny_llava, folder)
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="the language model cannot be loaded"):
        Llava.from_pretrained(folder, device="cpu")


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_fewer_bits_need_a_gpu(tiny_llava, bits):
    with pytest.raises(CheckpointError, match=f"{bits} needs an NVIDIA GPU"):
        Llava.from_pretrained(tiny_llava, device="cpu", quantize=bits)


def test_fewer_bits_need_a_package(tiny_llava, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="pip install bitsandbytes"):
        Llava.from_pretrained(tiny_llava, device="cuda", quantize="4bit")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_new_tokens": 0}, "number of tokens must be a whole number from 1 to 512"),
        ({"max_new_tokens": 2.5}, "whole number"),
        ({"temperature": -1}, "temperature must be a number from 0 to 2"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0}, "top-p"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"question": "why? " * 100}, f"shorten it to {MAX_QUESTION}"),
        ({"question": "is <image> there?"}, "stands for the picture"),
        ({"seats": ("nobody",)}, "no seat “nobody”"),
        ({"seats": ()}, "No seat is asked"),
    ],
)
def test_bad_questions_are_told_in_words(captioning, pictures, options, said):
    with pytest.raises(QueryError, match=said):
        captioning.compare(pictures[0], **options)


def test_a_stream_checks_before_it_starts(captioning, pictures):
    with pytest.raises(QueryError, match="seed"):
        captioning.stream(pictures[0], seed=-1)
    with pytest.raises(ImageError, match="not a picture"):
        captioning.stream(b"hello")


@pytest.mark.parametrize("blank", [None, "", "  \n "])
def test_nothing_asked_is_the_first_question(captioning, pictures, blank):
    found = captioning.compare(pictures[0], blank, max_new_tokens=4)
    assert found.question == captioning.questions[0] == "Describe the picture."
    assert found == captioning.compare(pictures[0], "Describe  the picture.", max_new_tokens=4)


def test_too_little_room_is_noted(captioning, pictures):
    room = captioning.compare(pictures[0], max_new_tokens=1) and captioning._model.room
    ids, _ = captioning._model.inputs([pictures[0]], captioning.questions[0])
    found = captioning.compare(pictures[0], max_new_tokens=512)
    left = room - ids.shape[1]
    assert f"room for {left} tokens" in found.notes[0]
    assert max(len(answer.tokens) for answer in found.values()) <= left
    with pytest.raises(QueryError, match="Shorten the question"):
        captioning.compare(pictures[0], "x" * MAX_QUESTION)


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


CAPTIONING = """
[captioning]
checkpoint = "zoo/llava"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quantize = '2bit'", "“captioning.quantize” is '2bit'; use 8bit or 4bit"),
        ("questions = []", "“captioning.questions” needs at least one"),
        ("questions = ['a', ' ']", "no empty one"),
        ("seats = [{ key = 'A', label = 'A', checkpoint = 'x' }]", r"“captioning.seats\[0\].key” is 'A'"),
        ("lexikon = 'x'", "mean “lexicon”"),
    ],
)
def test_a_fault_of_the_section_is_named(tiny_profile, tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(tiny_profile.read_text() + CAPTIONING + text)
    with pytest.raises(ProfileError, match=said):
        load_profile(path)


def test_the_embedded_profile_asks_what_its_llava_was_taught():
    from training.data.emoji.questions import CAPTION, OTHERS

    taught = {wording for question in (CAPTION, *OTHERS) for wording in question.wordings}
    questions = load_profile("emoji").captioning.questions
    assert set(questions) <= taught and len(questions) == len({*OTHERS, CAPTION})


def test_the_encoder_behind_a_seat_is_the_labs(talking_lab):
    assert talking_lab.captioning.encoders is talking_lab.encoders
    assert isinstance(talking_lab.encoders["safe"], Encoder)
