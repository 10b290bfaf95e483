"""Token states: which token stands for which, and the terms against an independent computation."""

import pytest
import torch
from transformers import CLIPTextModel, CLIPVisionModel

from safeclip.encoders import Encoder
from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.losses.embeddings import Embeddings, FrozenEmbeddings, TokenStates
from training.losses.token_states import TokenStateOptions, relative_error, text_correspondence, token_states
from training.recipes.safe_clip import SafeClipTraining

END, PAD = 9, 0


def padded(*tokens: int, length: int = 10) -> torch.Tensor:
    return torch.tensor([*tokens, END, *[PAD] * (length - 1 - len(tokens))])


@pytest.mark.parametrize(
    ("unsafe", "safe", "expected"),
    [
        ((8, 1, 2, 3), (8, 1, 4, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),  # one word for one word
        ((8, 1, 5, 6, 3), (8, 1, 4, 3), [0, 1, 2, 2, 3, 4, 5, 6, 7, 8]),  # two tokens for one: what follows shifts
        ((8, 1, 4, 3), (8, 1, 5, 6, 3), [0, 1, 2, 4, 5, 6, 7, 8, 9, 9]),  # one token for two
        ((8, 1, 3), (8, 1, 3), list(range(10))),  # the same text
        ((8, 2, 2), (8, 2), [0, 1, 2, 2, 3, 4, 5, 6, 7, 8]),  # prefix and suffix may not claim a token twice
    ],
)
def test_tokens_before_and_after_the_object_correspond_one_to_one(unsafe, safe, expected):
    assert text_correspondence(padded(*unsafe)[None], padded(*safe)[None], END).tolist() == [expected]


def test_correspondence_when_padding_repeats_the_end_token():
    unsafe, safe = (torch.tensor([[8, 1, *words, 3, *[END] * (7 - len(words))]]) for words in ((5, 6), (4,)))
    assert text_correspondence(unsafe, safe, END).tolist() == [[0, 1, 2, 2, 3, 4, 5, 6, 7, 8]]


def test_relative_error_is_one_for_silence_and_none_for_equality():
    states = torch.randn(2, 3, 4)
    assert relative_error(torch.zeros_like(states), states).item() == pytest.approx(1)
    assert relative_error(states, states).item() == 0


def test_terms_equal_the_formulas():
    torch.manual_seed(0)
    safe, unsafe, frozen = (TokenStates(torch.randn(2, 3, 5), torch.randn(2, 2, 6)) for _ in range(3))
    order = torch.tensor([[0, 2, 1], [2, 2, 0]])

    def naive(rows, targets) -> float:
        errors = [float(((a - b) ** 2).sum() / (b**2).sum()) for a, b in zip(rows, targets, strict=True)]
        return sum(errors) / len(errors)

    moved = [frozen.text[row, column] for row in range(2) for column in order[row]]
    expected = {
        "redirect_text_states": naive(unsafe.text.flatten(0, 1), moved),
        "redirect_image_states": naive(unsafe.image.flatten(0, 1), frozen.image.flatten(0, 1)),
        "preserve_text_states": naive(safe.text.flatten(0, 1), frozen.text.flatten(0, 1)),
        "preserve_image_states": naive(safe.image.flatten(0, 1), frozen.image.flatten(0, 1)),
    }
    pooled = torch.zeros(2, 4)
    tuned = Embeddings(pooled, pooled, pooled, pooled, states=safe, unsafe_states=unsafe)
    reference = FrozenEmbeddings(pooled, pooled, states=frozen, correspondence=order)
    terms = token_states(tuned, reference, TokenStateOptions())
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def training(tmp_path, tiny_clip, artwork) -> SafeClipTraining:
    _, recipe = parsed(tmp_path, toy_recipe("safe_clip_states", tiny_clip))
    return SafeClipTraining(recipe, toy_options(tmp_path / "run", artwork))


def test_frozen_states_are_the_plain_models_and_do_not_drift(training, tiny_clip):
    batch = next(training.batches(0, 1))
    take_steps(training, 3)
    states = training.frozen(batch).states
    ids, pixels = batch.tokens["input_ids"][:4], batch.pixels[:4]
    longest = Encoder.from_pretrained(tiny_clip, device="cpu").max_length
    assert ids.shape[1] == longest  # padded as Stable Diffusion pads
    text = CLIPTextModel.from_pretrained(tiny_clip)(ids).last_hidden_state
    image = CLIPVisionModel.from_pretrained(tiny_clip)(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
    assert relative_error(states.text, text).item() < 1e-3  # bfloat16 autocast
    assert relative_error(states.image, image).item() < 1e-3


def test_state_terms_take_part_in_training(training):
    batch = next(training.batches(0, 1))
    first, *_, last = [training.step(step, batch, 1e-2) for step in range(12)]
    assert last["redirect_image_states"] < first["redirect_image_states"]
    assert last["redirect_text_states"] < first["redirect_text_states"]
