from collections import Counter

import pytest
import torch

from training.data.emoji.dialogue_batches import DialogueBatches, DialogueTokens
from training.data.emoji.rendering.artwork import TRAINING_STYLES
from training.data.emoji.rendering.labels import IGNORED
from training.data.emoji.rendering.renderer import SceneRenderer
from training.data.emoji.world.concepts import world
from training.data.emoji.world.dialogues import BLOCK, TURNS, EmojiDialogues
from training.data.emoji.world.questions import CAPTION, OTHERS, all_words, casual
from training.data.emoji.world.splits import Splits
from training.models.llava import CHAT_TEMPLATE
from training.models.tokenizer import train_language_tokenizer

PATCHES = 4


@pytest.fixture(scope="module")
def dialogues():
    return EmojiDialogues("train", seed=1)


@pytest.fixture(scope="module")
def tokenizer():
    return train_language_tokenizer(all_words(world()), size=2048, max_length=512)


def truth(question: str, scene) -> str:
    """The answer that a person would give who goes by one word of the question."""
    who, what, where = scene.subject.words[0], scene.object.words[0], scene.place.words[0]
    words = question.lower().rstrip(".?").split()
    if "dangerous" in words or "unsafe" in words:
        return what if scene.object in world().unsafe_objects else "nothing dangerous"
    if "who" in words:
        return who
    if "object" in words:
        return what
    if "where" in words or "place" in words:
        return where
    if "many" in words or "count" in words:
        return f"two, {who} and {what}"
    return f"{who} with {what} {where}"


def test_every_answer_is_true(dialogues):
    asked = Counter()
    for index in range(0, 1500, 3):
        dialogue = dialogues.dialogue(index)
        for turn in dialogue.turns:
            assert turn.answer == truth(turn.question, dialogue.scene), turn.question
            asked[turn.question] += 1
    wordings = {words for question in (CAPTION, *OTHERS) for words in question.wordings}
    assert wordings | {casual(words) for words in wordings} == set(asked)


def test_a_question_has_one_meaning():
    wordings = [words for question in (CAPTION, *OTHERS) for words in question.wordings]
    assert len({casual(words) for words in wordings}) == len(wordings)
    assert all(len(question.wordings) >= 3 for question in (CAPTION, *OTHERS))


def test_a_dialogue_is_a_function_of_seed_and_number(dialogues):
    again = EmojiDialogues("train", seed=1)
    later = [again.dialogue(index) for index in (400, 7, 0)]
    assert later == [dialogues.dialogue(index) for index in (400, 7, 0)]
    assert EmojiDialogues("train", seed=2).dialogue(7) != dialogues.dialogue(7)
    assert EmojiDialogues("validation", seed=1).dialogue(7) != dialogues.dialogue(7)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_only_combinations_and_styles_of_the_split_are_shown(split):
    splits, source = Splits(world()), EmojiDialogues(split, seed=3)
    for index in range(400):
        scene = source.dialogue(index).scene
        assert splits.of(scene.subject, scene.object) == split
        assert scene.style in TRAINING_STYLES


def test_all_concepts_are_about_equally_frequent(dialogues):
    things = world().objects
    scenes = [dialogues.dialogue(index).scene for index in range(12 * len(things))]
    assert set(Counter(scene.object for scene in scenes).values()) == {12}
    for kind, concepts in (("subject", world().subjects), ("place", world().places)):
        counts = Counter(getattr(scene, kind) for scene in scenes)
        assert set(counts) == set(concepts)
        assert min(counts.values()) > 0.4 * len(scenes) / len(concepts)
        assert max(counts.values()) < 2 * len(scenes) / len(concepts)


def test_neighbours_have_equally_many_turns_and_a_caption_is_among_them(dialogues):
    seen = set()
    first = 0
    for block in range(12):
        blocks = [dialogues.dialogue(block * BLOCK + offset).turns for offset in range(0, BLOCK, 7)]
        assert len({len(turns) for turns in blocks}) == 1
        seen.add(len(blocks[0]))
        for turns in blocks:
            captions = [casual(turn.question) in map(casual, CAPTION.wordings) for turn in turns]
            assert sum(captions) == 1
            first += captions[0]
    assert seen == set(TURNS)
    assert first > 12 * 5  # half of all, and of the rest those whose shuffle puts it first


def test_the_labels_are_what_the_assistant_says_in_the_chat_template(dialogues, tokenizer):
    tokens = DialogueTokens(tokenizer, PATCHES)
    for index in range(0, 300, 11):
        dialogue = dialogues.dialogue(index)
        ids, labels = tokens.encode(dialogue)
        messages = []
        for number, turn in enumerate(dialogue.turns):
            picture = [] if number else [{"type": "image"}]
            messages.append({"role": "user", "content": [*picture, {"type": "text", "text": turn.question}]})
            messages.append({"role": "assistant", "content": [{"type": "text", "text": turn.answer}]})
        template = CHAT_TEMPLATE.replace("<image>", "<image>" * PATCHES)
        rendered = tokenizer.apply_chat_template(
            messages, chat_template="{{ bos_token }}" + template, return_assistant_tokens_mask=True, return_dict=True
        )
        assert ids == rendered["input_ids"]
        assert labels == [
            token if said else IGNORED
            for token, said in zip(rendered["input_ids"], rendered["assistant_masks"], strict=True)
        ]
        said = tokenizer.decode([label for label in labels if label != IGNORED])
        assert said == "".join(f" {turn.answer}</s>" for turn in dialogue.turns)


def test_a_prompt_is_how_a_dialogue_begins(dialogues, tokenizer):
    tokens, dialogue = DialogueTokens(tokenizer, PATCHES), dialogues.dialogue(5)
    ids, labels = tokens.encode(dialogue)
    prompt = tokens.prompt(dialogue.turns[0].question)
    assert ids[: len(prompt)] == prompt
    assert labels[: len(prompt)] == [IGNORED] * len(prompt) and labels[len(prompt)] != IGNORED
    assert tokenizer.decode(prompt).startswith("<s>USER: " + "<image>" * PATCHES + "\n")


def test_a_batch_pads_on_the_right_and_draws_its_own_scenes(dialogues, tokenizer, artwork):
    painter, tokens = SceneRenderer.open(artwork, world(), 32), DialogueTokens(tokenizer, PATCHES)
    batch = DialogueBatches(dialogues, painter, tokens).make(BLOCK - 2, 4)
    assert len(batch) == 4
    assert batch.pixels.shape == (4, 3, 32, 32) and batch.pixels.dtype == torch.uint8
    for row in range(4):
        dialogue = dialogues.dialogue(BLOCK - 2 + row)
        ids, labels = tokens.encode(dialogue)
        assert batch.input_ids[row, : len(ids)].tolist() == ids
        assert batch.labels[row, : len(ids)].tolist() == labels
        assert batch.attention_mask[row].tolist() == [1] * len(ids) + [0] * (batch.input_ids.shape[1] - len(ids))
        assert set(batch.input_ids[row, len(ids) :].tolist()) <= {tokenizer.pad_token_id}
        assert set(batch.labels[row, len(ids) :].tolist()) <= {IGNORED}
        painted = torch.tensor(list(painter.paint(dialogue.scene).tobytes())).view(32, 32, 3).permute(2, 0, 1)
        assert torch.equal(batch.pixels[row].long(), painted)
