"""Faults of side-by-side captioning: one seat may fail alone, and every refusal names its reason."""

import shutil
from dataclasses import replace

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel

from safeclip.captioning.compare import MAX_QUESTION, Captioning
from safeclip.captioning.llava import Llava
from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import CheckpointError, ImageError, ProfileError, QueryError
from safeclip.profiles import load_profile

# --- a side may fail alone


def seated(talking_lab, **seats) -> EncoderSet:
    return EncoderSet([replace(seat, **seats.get(seat.key, {})) for seat in talking_lab.profile.seats])


def test_a_missing_encoder_fails_alone(talking_lab, captioning, pictures):
    encoders = seated(talking_lab, safe={"adapter": "/nowhere"})
    found = Captioning(talking_lab.profile.captioning, encoders).compare(pictures[0], max_new_tokens=6)
    expected = captioning.compare(pictures[0], max_new_tokens=6)
    assert "/nowhere" in found["safe"].error and found["safe"].text == ""
    assert found["original"] == expected["original"] and found["ours"] == expected["ours"]
    assert list(found) == [seat.key for seat in talking_lab.profile.seats]


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


def test_an_encoder_of_another_format_fails_alone(talking_lab, tiny_open_clip, pictures):
    encoders = seated(talking_lab, ours={"checkpoint": str(tiny_open_clip), "adapter": None})
    found = Captioning(talking_lab.profile.captioning, encoders).compare(pictures[0], max_new_tokens=4)
    assert "transformers format" in found["ours"].error
    assert found["safe"].error is None


def test_running_out_of_memory_is_reported_by_every_seat(talking_lab, pictures, monkeypatch):
    def full(*args, **options):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate …")

    captioning = Captioning(talking_lab.profile.captioning, seated(talking_lab))
    monkeypatch.setattr(Llava, "generate", full)
    found = captioning.compare(pictures[0])
    assert {answer.error for answer in found.values()} == {"The language model could not answer: CUDA out of memory."}
    assert found.done


# --- what cannot be answered at all


def test_a_missing_llava_is_reported_and_looked_for_again(talking_lab, pictures, tiny_llava, tmp_path):
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


def test_broken_weights_are_reported(tiny_llava, tmp_path):
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
        ({"question": 7}, "question must be a text, not 7"),
        ({"seats": ("nobody",)}, "no seat “nobody”"),
        ({"seats": ()}, "No seat is asked"),
    ],
)
def test_bad_questions_are_reported_in_a_sentence(captioning, pictures, options, said):
    with pytest.raises(QueryError, match=said):
        captioning.compare(pictures[0], **options)


@pytest.mark.parametrize("method", ["compare", "stream"])
def test_an_option_that_does_not_exist_is_refused(captioning, pictures, method):
    with pytest.raises(TypeError, match="unexpected keyword argument 'temp'"):
        getattr(captioning, method)(pictures[0], temp=1.0)


def test_a_stream_checks_before_it_starts(captioning, pictures):
    with pytest.raises(QueryError, match="seed"):
        captioning.stream(pictures[0], seed=-1)
    with pytest.raises(ImageError, match="not a picture"):
        captioning.stream(b"hello")


def test_a_broken_surrogate_is_asked_as_a_question_mark(captioning, pictures):
    found = captioning.compare(pictures[0], "what \ud800", max_new_tokens=4)
    assert found.question == "what ?"
    assert found["original"].complete or found["original"].text


@pytest.mark.parametrize("blank", [None, "", "  \n "])
def test_a_blank_question_is_the_first_of_the_profile(captioning, pictures, blank):
    found = captioning.compare(pictures[0], blank, max_new_tokens=4)
    assert found.question == captioning.questions[0] == "Describe the picture."
    assert found == captioning.compare(pictures[0], "Describe  the picture.", max_new_tokens=4)


def test_too_little_room_is_noted(captioning, pictures, llava):
    ids, _ = llava.inputs([pictures[0]], captioning.questions[0])
    found = captioning.compare(pictures[0], max_new_tokens=512)
    left = llava.max_tokens - ids.shape[1]
    assert f"room for {left} tokens" in found.notes[0]
    assert max(len(answer.tokens) for answer in found.values()) <= left
    with pytest.raises(QueryError, match="Shorten the question"):
        captioning.compare(pictures[0], "x" * MAX_QUESTION)


# --- a section that cannot be read


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
