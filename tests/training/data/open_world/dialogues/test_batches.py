"""Dialogues as tensors: tokens, turns and positions, batches by row, labelled patches, states kept on disk."""

import numpy as np
import pytest
import torch

from training.data.open_world.dialogues.batches import DialogueBatches, half_unsafe
from training.data.open_world.dialogues.dangers import unsafe
from training.data.open_world.dialogues.dialogues import OpenDialogues
from training.data.open_world.dialogues.labelled import LabelledPatches
from training.data.open_world.dialogues.patch_states import PatchStates
from training.data.open_world.dialogues.tokens import PADDING, DialogueTokens
from training.data.open_world.items import OpenWorld
from training.data.open_world.packed import PackedScenes, PackedSpec
from training.data.open_world.rendering.labels import IGNORED
from training.models.llava import CHAT_TEMPLATE, SHARED

PATCHES, WIDTH, COUNT = 4, 8, 12
DIALOGUES = OpenDialogues(OpenWorld(seed=1), 4)


@pytest.fixture
def tokens(tokenizer) -> DialogueTokens:
    return DialogueTokens(tokenizer, PATCHES)


def packed() -> PackedScenes:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 1, 32, 32, 3), dtype=np.uint8)
    return PackedScenes(PackedSpec("pairs", COUNT, seed=1, size=32), pixels)


def encode(pixels: torch.Tensor) -> torch.Tensor:
    """Patches that tell which picture they are of."""
    return pixels.float().mean((1, 2, 3))[:, None, None].expand(-1, PATCHES, WIDTH)


def states(folder, rows=None) -> PatchStates:
    return PatchStates.open(folder, packed(), np.arange(COUNT) if rows is None else rows, "tower", encode)


def test_each_turn_is_what_the_chat_template_makes_of_it_alone(tokens, tokenizer):
    template = "{{ bos_token }}" + CHAT_TEMPLATE.replace("<image>", "<image>" * PATCHES)
    for row in range(0, 60, 7):
        dialogue = DIALOGUES.dialogue(row)
        ids, labels, turns, positions = map(np.array, tokens.encode(dialogue))
        for number, turn in enumerate(dialogue.turns, 1):
            messages = [
                {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": turn.question}]},
                {"role": "assistant", "content": [{"type": "text", "text": turn.answer}]},
            ]
            rendered = tokenizer.apply_chat_template(
                messages, chat_template=template, return_assistant_tokens_mask=True, return_dict=True
            )
            seen = (turns == SHARED) | (turns == number)
            assert ids[seen].tolist() == rendered["input_ids"]
            assert positions[seen].tolist() == list(range(seen.sum()))
            said = zip(rendered["input_ids"], rendered["assistant_masks"], strict=True)
            assert labels[seen].tolist() == [token if own else IGNORED for token, own in said]
            prompt = tokens.prompt(turn.question)
            assert ids[seen].tolist()[: len(prompt)] == prompt
    assert tokenizer.decode([ids[tokens.picture_at], ids[tokens.picture_at + PATCHES]]) == "<image>\n"


def test_every_word_is_one_token(tokenizer):
    cut = tokenizer.backend_tokenizer.pre_tokenizer
    for row in range(200):
        for turn in DIALOGUES.dialogue(row).turns:
            for text in (turn.question, f" {turn.answer}"):
                assert tokenizer.tokenize(text) == [word for word, _ in cut.pre_tokenize_str(text)]


def test_rows_are_padded_on_the_right(tokens, tokenizer):
    dialogues = [DIALOGUES.dialogue(row) for row in range(5)]
    rows = tokens.rows(dialogues)
    for row, dialogue in enumerate(dialogues):
        ids, labels, turns, positions = tokens.encode(dialogue)
        assert rows.input_ids[row, : len(ids)].tolist() == ids
        assert rows.labels[row, : len(ids)].tolist() == labels
        assert rows.positions[row, : len(ids)].tolist() == positions
        assert rows.turns[row].tolist() == turns + [PADDING] * (rows.turns.shape[1] - len(ids))
        assert set(rows.input_ids[row, len(ids) :].tolist()) <= {tokenizer.pad_token_id}
        assert set(rows.labels[row, len(ids) :].tolist()) <= {IGNORED}


def test_states_are_worked_out_once_and_belong_to_their_rows(tmp_path):
    rows = np.array([7, 2, 9])
    found = states(tmp_path, rows)
    pixels = packed().batch(rows)
    assert torch.equal(found.batch(np.array([0, 2])), encode(pixels).half()[[0, 2]])

    def broken(pixels: torch.Tensor) -> torch.Tensor:
        raise AssertionError("worked out again")

    again = PatchStates.open(tmp_path, packed(), rows, "tower", broken)
    assert np.array_equal(again.states, found.states)
    with pytest.raises(AssertionError, match="again"):
        PatchStates.open(tmp_path, packed(), rows, "another tower", broken)


def test_batches_hold_each_scene_once_an_epoch_and_ask_anew(tokens, tmp_path):
    batches = DialogueBatches(DIALOGUES, states(tmp_path), tokens, seed=3)
    epoch = [batches.make(number, 4) for number in range(3)]
    seen = torch.cat([batch.patches[:, 0, 0] for batch in epoch])
    assert len(epoch[0]) == 4 and len(set(seen.tolist())) == COUNT
    kept = states(tmp_path).batch(np.arange(COUNT))[:, 0, 0]
    row = int((kept == epoch[0].patches[0, 0, 0]).nonzero()[0])
    ids = tokens.encode(DIALOGUES.dialogue(row, 0))[0]
    assert epoch[0].rows.input_ids[0, : len(ids)].tolist() == ids
    assert not torch.equal(batches.at(np.arange(3), 0).rows.labels, batches.at(np.arange(3), 1).rows.labels)
    with pytest.raises(ValueError, match="do not fill one batch of 13"):
        batches.make(0, 13)


def test_half_of_the_rows_are_unsafe():
    rows = half_unsafe(DIALOGUES, 40)
    harmful = [unsafe(DIALOGUES.scene(int(row))) for row in rows]
    assert len(set(rows.tolist())) == 40 and sum(harmful) == 20 and rows.tolist() == sorted(rows)


def test_a_patch_is_labelled_with_the_words_for_what_it_shows(tokenizer, open_painter, tmp_path):
    labelled = LabelledPatches(DIALOGUES, states(tmp_path), open_painter, tokenizer, each=3, seed=2)
    batch = labelled.make(0, 6)
    assert torch.equal(batch.words, labelled.make(0, 6).words)
    assert batch.patches.shape == (len(batch), WIDTH) and len(batch) <= 18
    kept = states(tmp_path).batch(np.arange(COUNT))[:, 0, 0].tolist()
    for patch, words in zip(batch.patches, batch.words, strict=True):
        scene = DIALOGUES.scene(kept.index(patch[0].item()))
        named = " ".join([*scene.place.phrases, *(f"{e.concept.name} {e.concept.plural}" for e in scene.entities)])
        said = tokenizer.decode(words[words != IGNORED]).split()
        assert said and all(word in named for word in said), (said, named)
