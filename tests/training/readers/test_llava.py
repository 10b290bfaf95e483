"""LLaVA as a frozen reader of states, against its own way to read pictures."""

import pytest
import torch
from PIL import Image
from transformers import CLIPModel

from safeclip.captioning.llava import Llava
from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError
from training.models.llava import patch_states
from training.readers.llava import IGNORED, FrozenLlava

QUESTION = "Describe the picture."
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def llava(tiny_llava) -> FrozenLlava:
    return FrozenLlava(str(tiny_llava), QUESTION, CPU)


@pytest.fixture(scope="module")
def pixels(tiny_clip) -> torch.Tensor:
    encoder = Encoder.from_pretrained(tiny_clip, device="cpu")
    return encoder.pixels([Image.new("RGB", (32, 32), colour) for colour in ("red", "navy", "white")])


@pytest.fixture(scope="module")
def states(tiny_llava, pixels) -> torch.Tensor:
    return patch_states(Llava.from_pretrained(tiny_llava, device="cpu", dtype="float32").model, pixels)


def test_answers_are_those_of_the_captioning(llava, tiny_llava, pixels):
    answers = llava.answers(pixels)
    plain = Llava.from_pretrained(tiny_llava, device="cpu", dtype="float32")
    ids, _ = plain.inputs([Image.new("RGB", (32, 32))], QUESTION)
    rows = plain.generate(ids, plain.encode_image(pixels), max_new_tokens=answers.shape[1])
    for row, answer in zip(rows, answers.tolist(), strict=True):
        assert [token for token in answer if token != IGNORED][: len(row.tokens)] == row.tokens


def test_the_first_word_of_an_answer_is_the_likeliest(llava, pixels, states):
    first = llava.answers(pixels)[:, :1]
    for token in (5, 50, 200):
        other = torch.where(first == token, token + 1, token)
        less, most = llava.log_likelihoods(states, other, first)
        assert (less <= most).all()


def test_an_answer_is_as_likely_as_its_words_one_after_another(llava, tiny_llava, pixels, states):
    answers = llava.answers(pixels)[:, :3]
    ended = [likelihood for length in (1, 2, 3) for likelihood in llava.log_likelihoods(states, answers[:, :length])]
    assert (ended[0] >= ended[1]).all() and (ended[1] >= ended[2]).all() and (ended[2] <= 0).all()
    plain = Llava.from_pretrained(tiny_llava, device="cpu", dtype="float32")
    prompt, _ = plain.inputs([Image.new("RGB", (32, 32))], QUESTION)
    ids = torch.cat((prompt.expand(3, -1), answers.clamp(min=0)), dim=1)
    with torch.no_grad():
        logits = plain.model(input_ids=ids, pixel_values=pixels).logits[:, prompt.shape[1] - 1 : -1]
    each = logits.log_softmax(-1).gather(2, answers.clamp(min=0)[..., None])[..., 0].where(answers != IGNORED, 0)
    torch.testing.assert_close(ended[2], each.sum(1), rtol=1e-4, atol=1e-4)


def test_padding_of_answers_changes_no_likelihood(llava, pixels, states):
    answers = llava.answers(pixels)
    padded = torch.cat((answers, torch.full((3, 4), IGNORED)), dim=1)
    torch.testing.assert_close(llava.log_likelihoods(states, padded), llava.log_likelihoods(states, answers))


def test_the_gradient_of_an_answer_is_that_of_its_own_states(llava, pixels, states):
    states = states.clone().requires_grad_(True)
    llava.log_likelihoods(states, llava.answers(pixels))[0][1].backward()
    assert states.grad[1].abs().sum() > 0 and not states.grad[[0, 2]].any()


def test_answers_read_together_are_as_likely_and_as_steep_as_alone(llava, pixels, states):
    answers = llava.answers(pixels)
    others = answers.roll(1, dims=0)[:, :2]
    found = []
    for ask in (
        lambda own, each: llava.log_likelihoods(own, *each),
        lambda own, each: [likelihood for answer in each for likelihood in llava.log_likelihoods(own, answer)],
    ):
        own = states.clone().requires_grad_(True)
        first, second = ask(own, (answers, others))
        (first - 2 * second).sum().backward()
        found.append((first, second, own.grad))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)


def test_a_picture_is_read_once_for_all_answers_about_it(llava, pixels, states):
    answers, read = llava.answers(pixels), []
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: read.append(module) if "Projector" in type(module).__name__ else None
    )
    with hook:
        llava.log_likelihoods(states, answers, answers)
    assert len(read) == 1


def test_a_reader_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        FrozenLlava(str(tmp_path / "none"), QUESTION, CPU)


def test_a_tower_whose_patches_do_not_fit_is_told(llava, tiny_clip):
    tower = CLIPModel.from_pretrained(tiny_clip).vision_model
    llava.check(tower)
    tower.config.patch_size = 16
    with pytest.raises(CheckpointError, match="patch size 16 instead of 8"):
        llava.check(tower)
